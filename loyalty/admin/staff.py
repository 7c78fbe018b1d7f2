"""Brands and their staff: who works in the back office, in which roles."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.contrib.auth.tokens import default_token_generator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from loyalty.admin.base import KeptAdmin, ReadOnlyAdmin, UndeletedAdmin, staff_of
from loyalty.admin.reauthentication import recently_authenticated
from loyalty.errors import LoyaltyError
from rewards.models import Programme
from users.models import Brand, Staff
from users.services.second_factors import reset_second_factor, with_second_factor
from users.services.staff import (
    add_staff,
    assign_roles,
    assignable_roles,
    change_details,
    judge_reach,
    renew_invitation,
    set_active,
)


@admin.register(Brand)
class BrandPage(KeptAdmin):
    """Brands; each sees its own."""

    brand_path = "pk"
    list_display = ["name", "languages", "currency", "time_zone", "sandbox", "demands_second_factor"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Brands are made by the house."""
        return staff_of(request).brand_id is None and super().has_add_permission(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Brand | None = None) -> tuple[str, ...]:
        """What binds the brand's own staff is said by the house: nobody lifts the limit above which a second one is asked."""
        fixed = () if staff_of(request).brand_id is None else ("sandbox", "staff_limit_points")
        # What was earned, and what rules ask for, is written in coins of the currency.
        counted = ("currency",) if obj is not None and Programme.objects.filter(brand=obj).exists() else ()
        return (*super().get_readonly_fields(request, obj), *fixed, *counted)


FIELDS: Any = ["username", "brand", "email", "first_name", "last_name", "roles"]


class StaffForm(forms.ModelForm[Staff]):
    """Who someone is, and their roles: those alone that hold nothing that whoever gives them lacks."""

    by: Staff
    roles = forms.ModelMultipleChoiceField(
        Group.objects.none(), required=False, label=_("Roles"), widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    class Meta:
        model = Staff
        fields = ["username", "brand", "email", "first_name", "last_name"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "email" in self.fields:
            self.fields["email"].required = True
        if "roles" in self.fields:
            offered = [role.pk for role in assignable_roles(self.by)]
            roles = cast("forms.ModelMultipleChoiceField[Group]", self.fields["roles"])
            roles.queryset = Group.objects.filter(pk__in=offered).order_by("name")
            roles.initial = list(self.instance.groups.values_list("pk", flat=True)) if self.instance.pk else []

    def clean_username(self) -> str:
        """Refuse a name that someone has, in whatever case."""
        name: str = self.cleaned_data["username"]
        if Staff.objects.filter(username__iexact=name).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(gettext("This name is taken."))
        return name


@admin.register(Staff)
class StaffAdmin(UndeletedAdmin):
    """Staff: let in, given roles, switched off, by those who hold all that they give; never by themselves."""

    form = StaffForm
    list_display = ["username", "brand", "first_name", "last_name", "email", "roles_held", "is_active", "secured", "last_login"]
    list_filter = ["is_active"]
    search_fields = ["username__istartswith", "email__iexact"]
    fields = FIELDS
    actions = ["switch_off", "let_in", "invite", "reset"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Staff]:
        """Read roles and second factors with the people."""
        rows: QuerySet[Staff] = super().get_queryset(request)
        return rows.prefetch_related("groups").annotate(has_second_factor=with_second_factor())

    def has_change_permission(self, request: HttpRequest, obj: Staff | None = None) -> bool:
        """Who may change staff may not change themselves, nor whoever holds more."""
        return super().has_change_permission(request, obj) and (obj is None or _reaches(staff_of(request), obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Staff | None = None) -> tuple[str, ...]:
        """Names and brands stay as they were given."""
        return (
            () if obj is None else ("username", "brand") if self.has_change_permission(request, obj) else (*self.fields[:-1],)
        )

    def get_fields(self, request: HttpRequest, obj: Staff | None = None) -> Any:
        """The house says whose staff someone is; who only looks sees roles in the list."""
        hidden = set() if staff_of(request).brand_id is None else {"brand"}
        hidden |= {"roles"} if obj is not None and not self.has_change_permission(request, obj) else set()
        return [name for name in FIELDS if name not in hidden]

    def get_form(self, request: HttpRequest, obj: Staff | None = None, change: bool = False, **terms: Any) -> Any:
        """The form, which knows who gives."""
        form = super().get_form(request, obj, change, **terms)
        form.by = staff_of(request)
        return form

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Anybody may look who has the right to; who lets in or changes says again who they are."""
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, extra_context)
        return self._changed(request, object_id, form_url, extra_context)

    @recently_authenticated()
    def _changed(self, request: HttpRequest, *terms: Any) -> Any:
        return super().changeform_view(request, *terms)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Let someone in or write what was changed, by the services."""
        by, at = staff_of(request), timezone.now()
        given, roles = form.cleaned_data, form.cleaned_data["roles"]
        if change:
            assign_roles(staff=obj, by=by, roles=roles, at=at)
            details = {name: given[name] for name in ("email", "first_name", "last_name")}
            change_details(staff=obj, by=by, details=details, at=at)
            return
        brand = given.get("brand") if by.brand_id is None else by.brand
        names = {name: given[name] for name in ("username", "email", "first_name", "last_name")}
        made = add_staff(brand=brand, by=by, roles=roles, at=at, **names)
        obj.__dict__.update(made.__dict__)
        self._show_link(request, made)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing: the services have given the roles."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Nothing: the service has told it."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Nothing: the services have told it."""

    @admin.display(description=_("roles"))
    def roles_held(self, staff: Staff) -> str:
        """What they are."""
        return ", ".join(sorted(role.name for role in staff.groups.all()))

    @admin.display(description=_("second factor"), boolean=True)
    def secured(self, staff: Staff) -> bool:
        """Whether they have one."""
        return bool(getattr(staff, "has_second_factor", False))

    @admin.action(description=_("Switch off: they are signed out and let in no more"), permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Staff]) -> None:
        """Let nobody of them in any more."""
        self._each(request, queryset, lambda staff, **by: set_active(staff=staff, active=False, **by))

    @admin.action(description=_("Let in again"), permissions=["change"])
    def let_in(self, request: HttpRequest, queryset: QuerySet[Staff]) -> None:
        """Let them in again."""
        self._each(request, queryset, lambda staff, **by: set_active(staff=staff, active=True, **by))

    @admin.action(description=_("Void the password and make a link to choose another"), permissions=["change"])
    @recently_authenticated()
    def invite(self, request: HttpRequest, queryset: QuerySet[Staff]) -> None:
        """Show a new link for each."""
        for renewed in self._each(request, queryset, lambda staff, **by: renew_invitation(staff=staff, **by)):
            self._show_link(request, renewed)

    @admin.action(description=_("Forget the second factor, so that they set up another"), permissions=["change"])
    @recently_authenticated()
    def reset(self, request: HttpRequest, queryset: QuerySet[Staff]) -> None:
        """Forget what they have lost."""
        self._each(request, queryset, lambda staff, **by: reset_second_factor(staff=staff, **by))

    def _each(self, request: HttpRequest, queryset: QuerySet[Staff], verb: Any) -> list[Any]:
        by = staff_of(request)
        done = self.act_on_each(request, queryset, lambda staff: verb(staff, by=by, at=timezone.now()))
        for staff, _outcome in done:
            self.message_user(request, gettext("%(name)s: done") % {"name": staff}, messages.SUCCESS)
        return [outcome for _staff, outcome in done]

    def _show_link(self, request: HttpRequest, staff: Staff) -> None:
        """Show the link this once: whoever has it chooses the password."""
        key = urlsafe_base64_encode(force_bytes(staff.pk))
        link = reverse("admin:choose_password", args=[key, default_token_generator.make_token(staff)])
        told = {"name": staff, "link": request.build_absolute_uri(link)}
        words = gettext("Give %(name)s this link, shown this once, to choose a password within a day: %(link)s") % told
        self.message_user(request, words, messages.WARNING)


def _reaches(by: Staff, staff: Staff) -> bool:
    try:
        judge_reach(staff=staff, by=by)
    except LoyaltyError:
        return False
    return True


@admin.register(Group)
class RoleAdmin(ReadOnlyAdmin):
    """Roles, which the platform keeps: looked at by the house."""

    brand_path = None
    fields = ["name", "permissions"]

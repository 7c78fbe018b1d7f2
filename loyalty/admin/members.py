"""Members: found by what names them exactly, shown whole on one page, merged, exported and erased."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect
from django.http import StreamingHttpResponse as Streaming
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from ledger.selectors import balances_of
from loyalty.admin.base import ReadOnlyAdmin, actor_of, staff_of
from loyalty.admin.keyset import KeysetMixin
from loyalty.admin.masking import sees_personal_data, shown_email, shown_name
from loyalty.admin.member_facts import actions_of, brands_of, ids_named, whole_member
from loyalty.admin.outcomes import tell
from loyalty.admin.reauthentication import recently_authenticated
from loyalty.database import write
from loyalty.errors import LoyaltyError
from users.models import AuditKind, Email, Member
from users.services.audit import note
from users.services.emails import resend_email
from users.services.exporting import export_member
from users.services.members import erase_member
from users.services.merging import merge_members


class MergeForm(forms.Form):
    """Names the duplicate, then has its own id typed, so that nobody merges by a slip."""

    duplicate = forms.CharField(
        label=gettext_lazy("The duplicate"),
        help_text=gettext_lazy("Its auth_id, id, e-mail address or membership number, exactly."),
        max_length=320,
        widget=UnfoldAdminTextInputWidget(),
    )
    confirm = forms.CharField(
        label=gettext_lazy("Type the duplicate's id to merge"),
        required=False,
        max_length=20,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )


class EraseForm(forms.Form):
    """Has the member's id typed."""

    confirm = forms.CharField(
        label=gettext_lazy("Type the member's id to erase"),
        max_length=20,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )


@admin.register(Member)
class MemberAdmin(KeysetMixin, ReadOnlyAdmin):  # type: ignore[misc]
    """Members."""

    list_display = ["public_id", "brand", "auth_id", "created_at", "standing"]
    list_select_related = ["brand"]
    search_fields = ["auth_id__exact"]
    search_help_text = gettext_lazy("auth_id, id, e-mail address or membership number, exactly")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Rows that know who reads them."""
        return super().get_queryset(request).select_related("merged_into")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        """Find by an index of exact names; a part of a name finds nobody."""
        if not search_term:
            return queryset, False
        return queryset.filter(pk__in=ids_named(search_term, brands_of(staff_of(request).brand_id))), False

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Show names as the reader may see them."""

        def name(member: Member) -> str:
            return " ".join(filter(None, (shown_name(request, part) for part in (member.first_name, member.second_name))))

        def email(member: Member) -> str:
            return shown_email(request, member.email)

        name.short_description, email.short_description = _("Name"), _("E-mail")  # type: ignore[attr-defined]
        first, *rest = super().get_list_display(request)
        return [first, name, email, *rest]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list. That someone saw it is written down: who was searched for one by one, a page of all by its ends."""
        answer = super().changelist_view(request, extra_context)
        changelist = getattr(answer, "context_data", {}).get("cl")
        if changelist is not None and changelist.result_list and sees_personal_data(request):
            if changelist.query:
                self.tell_look(request, *changelist.result_list)
            else:
                self.tell_list(request, changelist.result_list)
        return answer

    @admin.display(description=gettext_lazy("Standing"))
    def standing(self, member: Member) -> str:
        """What has become of a member."""
        return str(standing_of(member))

    def get_urls(self) -> list[Any]:
        """Pages of a member's own."""
        pages = [("merge", self.merge), ("export", self.export), ("erase", self.erase)]
        own = [path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"users_member_{name}") for name, view in pages]
        again = path("<int:pk>/resend/<int:email>/", self.admin_site.admin_view(self.resend), name="users_member_resend")
        return [*own, again, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The whole member."""
        member = self.get_scoped_object(request, object_id, permission="users.view_member")
        now = timezone.now()
        if sees_personal_data(request):
            self.tell_look(request, member)
        whole = whole_member(member, request, at=now)
        told = {"whole": whole, "actions": actions_of(member, request), "heir": member.merged_into, "now": now}
        return self._page(request, "member.html", member, told)

    def merge(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Merge a duplicate into this member."""
        return self._merge(request, self.get_scoped_object(request, pk, permission="users.merge_member"))

    @recently_authenticated()
    def _merge(self, request: HttpRequest, member: Member) -> HttpResponseBase:
        form = MergeForm(request.POST if request.method == "POST" else None)
        told: dict[str, Any] = {"form": form, "heading": _("Merge a duplicate")}
        duplicate = self._duplicate(request, member, form) if form.is_bound and form.is_valid() else None
        if duplicate is not None:
            confirmed = form.cleaned_data["confirm"].strip().lower()
            if confirmed and confirmed != duplicate.public_id:
                form.add_error("confirm", _("That is not the duplicate's id."))
            elif confirmed and self._did_merge(request, member, duplicate):
                return self._back(member)
            if sees_personal_data(request):
                self.tell_look(request, member, duplicate)
            told["sides"] = [_side(request, one, title) for one, title in ((member, _("Kept")), (duplicate, _("Duplicate")))]
        return self._page(request, "merge.html", member, told)

    def _duplicate(self, request: HttpRequest, member: Member, form: MergeForm) -> Member | None:
        """The one member whom the form names, of the same brand."""
        found = Member.objects.filter(pk__in=ids_named(form.cleaned_data["duplicate"], [member.brand_id])).exclude(pk=member.pk)
        found = found.filter(merged_into__isnull=True, erased_at__isnull=True)
        candidates = list(found.order_by("pk")[:2])
        if len(candidates) == 1:
            return candidates[0]
        told = _("Several members are called so: name it by its id.") if candidates else _("No other member is called so.")
        form.add_error("duplicate", told)
        return None

    def _did_merge(self, request: HttpRequest, member: Member, duplicate: Member) -> bool:
        terms: dict[str, Any] = {
            "keep_id": member.pk,
            "duplicate_id": duplicate.pk,
            "actor": actor_of(request),
            "at": timezone.now(),
        }

        def effect() -> None:
            merge_members(brand_id=member.brand_id, **terms)
            self._note(request, AuditKind.ACTION, member, after={"merged": duplicate.public_id})

        try:
            write(effect)
        except LoyaltyError as refusal:
            tell(request, refusal, member)
            return False
        messages.success(request, _("The duplicate was merged."))
        return True

    def export(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Everything kept about a member, as one file."""
        return self._export(request, self.get_scoped_object(request, pk, permission="users.export_member"))

    @recently_authenticated()
    def _export(self, request: HttpRequest, member: Member) -> HttpResponseBase:
        now = timezone.now()
        if request.method != "POST":
            return self._page(request, "export.html", member, {"heading": _("Export everything")})
        self._note(request, AuditKind.EXPORT, member)
        answer = Streaming(export_member(member=member, at=now), content_type="application/json")
        answer["Content-Disposition"] = f'attachment; filename="member-{member.public_id}.json"'
        answer["Cache-Control"] = "no-store"
        return answer

    def erase(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Erase a member for good."""
        return self._erase(request, self.get_scoped_object(request, pk, permission="users.erase_member"))

    @recently_authenticated()
    def _erase(self, request: HttpRequest, member: Member) -> HttpResponseBase:
        form = EraseForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            if form.cleaned_data["confirm"].strip().lower() != member.public_id:
                form.add_error("confirm", _("That is not the member's id."))
            elif self._did_erase(request, member):
                return self._back(member)
        holdings = balances_of(member, at=timezone.now())
        told = {"form": form, "heading": _("Erase this member"), "holdings": [one for one in holdings if one.points]}
        return self._page(request, "erase.html", member, told)

    def _did_erase(self, request: HttpRequest, member: Member) -> bool:
        name = member.auth_id
        if name is None:
            messages.error(request, _("This member is erased, or merged: erase the one who was kept."))
            return False

        def effect() -> None:
            erase_member(brand_id=member.brand_id, auth_id=name, at=timezone.now())
            self._note(request, AuditKind.ACTION, member, after={"erased": True})

        try:
            write(effect)
        except LoyaltyError as refusal:
            tell(request, refusal, member)
            return False
        messages.success(request, _("The member was erased."))
        return True

    def resend(self, request: HttpRequest, pk: int, email: int) -> HttpResponseBase:
        """Send an e-mail once more."""
        member = self.get_scoped_object(request, pk, permission="users.queue_email")
        row = Email.objects.filter(brand_id=member.brand_id, pk=email).first()
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])

        def effect() -> None:
            sent = resend_email(brand_id=member.brand_id, email_id=email, at=timezone.now())
            self._note(request, AuditKind.ACTION, row, after={"sent_again": sent.pk})

        try:
            write(effect)
        except LoyaltyError as refusal:
            tell(request, refusal, row)
        else:
            messages.success(request, _("The e-mail is on its way again."))
        return self._back(member)

    def _page(self, request: HttpRequest, template: str, member: Member, told: dict[str, Any]) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "opts": self.opts,
            "member": member,
            "standing": standing_of(member),
            "title": _("Member %(id)s") % {"id": member.public_id},
        }
        return TemplateResponse(request, f"admin/members/{template}", context | told)

    def _back(self, member: Member) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:users_member_change", args=[member.pk]))

    def _note(self, request: HttpRequest, kind: AuditKind, subject: Any, **told: Any) -> None:
        staff = staff_of(request)
        note(brand_id=subject.brand_id, staff_id=staff.pk, kind=kind, subject=subject, at=timezone.now(), **told)


def standing_of(member: Member) -> Promise | str:
    """What has become of a member; empty for who is simply one."""
    if member.erased_at is not None:
        return gettext_lazy("erased")
    return gettext_lazy("merged into another") if member.merged_into_id is not None else ""


def _side(request: HttpRequest, member: Member, title: str) -> dict[str, Any]:
    """One of the two members who are to be one, beside the other."""
    names = (shown_name(request, part) for part in (member.first_name, member.second_name))
    return {
        "title": title,
        "member": member,
        "name": " ".join(filter(None, names)),
        "email": shown_email(request, member.email),
        "balances": balances_of(member, at=timezone.now()),
    }

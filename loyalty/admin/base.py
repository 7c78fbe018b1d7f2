"""What every page of the back office stands on: rows of one's own brand, and of no other.

The wall holds in one place: `get_queryset`, through which lists, details, actions, history and autocompletes read. What a
form lets one choose is narrowed by the same rule.
"""

from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.core.paginator import Paginator
from django.db.models import ForeignKey, ManyToManyField, Model, QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import ActionForm
from unfold.widgets import UnfoldAdminTextInputWidget

from loyalty.admin.audited import Audited
from loyalty.admin.masking import is_personal, mask, sees_personal_data
from users.models import Brand, Staff

MOST_COUNTED = 10_000
OF_FILTERS = ("", "__exact", "__isnull", "__isempty")
"""How the filters of a field ask by it in an address, and people who write one."""
Row = TypeVar("Row", bound=Model)


def staff_of(request: HttpRequest) -> Staff:
    """Who is signed in. Raises PermissionDenied for nobody."""
    if not isinstance(request.user, Staff):
        raise PermissionDenied
    return request.user


def actor_of(request: HttpRequest) -> str:
    """Who acts, as rows name them."""
    return f"staff:{staff_of(request).pk}"


def has_brand(model: type[Model]) -> bool:
    """Whether a table is of brands."""
    try:
        return model._meta.get_field("brand").related_model is Brand
    except FieldDoesNotExist:
        return False


def choices_of(model: type[Model], request: HttpRequest) -> QuerySet[Any]:
    """The rows of a table that someone may choose from: those of their brand, and what is of no brand."""
    rows, brand_id = model._default_manager.all(), staff_of(request).brand_id
    if brand_id is None:
        return rows
    if model is Brand:
        return rows.filter(pk=brand_id)
    return rows.filter(brand=brand_id) if has_brand(model) else rows


class BoundedPaginator(Paginator[Any]):
    """Counts so many rows and no more: nobody turns pages as far as that, and a count of millions would take seconds."""

    @cached_property
    def count(self) -> int:
        """Rows, at most MOST_COUNTED."""
        if isinstance(self.object_list, QuerySet):
            return len(self.object_list.order_by().values_list("pk")[:MOST_COUNTED])
        return len(self.object_list)


class KeptForm(ModelForm[Any]):
    """Judges what is unique in the brand, too, where the brand is shown and not asked for."""

    brand_id: ClassVar[int | None] = None

    def __init__(self, *arguments: Any, **terms: Any) -> None:
        super().__init__(*arguments, **terms)
        if self.brand_id is not None and self.instance._state.adding and has_brand(self._meta.model):
            self.instance.brand_id = self.brand_id

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() - {"brand"}  # type: ignore[misc,no-any-return]


class BrandWall:
    """Narrows what is read and what can be chosen to the brand of whoever is signed in; the house sees all.

    `brand_path` leads from a row to its brand, as a lookup; None for what is of no brand and for the house alone.
    """

    brand_path: ClassVar[str | None] = "brand"
    model: type[Model]
    admin_site: Any

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Rows of one's own brand."""
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        brand_id = staff_of(request).brand_id
        if brand_id is None:
            return rows
        return rows.none() if self.brand_path is None else rows.filter(**{self.brand_path: brand_id})

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any, Any], request: HttpRequest, **terms: Any) -> Any:
        """Choices of one's own brand."""
        terms.setdefault("queryset", choices_of(db_field.remote_field.model, request))
        return super().formfield_for_foreignkey(db_field, request, **terms)  # type: ignore[misc]

    def formfield_for_manytomany(self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **terms: Any) -> Any:
        """Choices of one's own brand."""
        terms.setdefault("queryset", choices_of(db_field.remote_field.model, request))
        return super().formfield_for_manytomany(db_field, request, **terms)  # type: ignore[misc]


class BrandTabularInline(BrandWall, TabularInline):  # type: ignore[misc]
    """Lines that stand under a row of a brand."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **terms: Any) -> Any:
        """A field, which says to those who do not see the column above it what it is."""
        field: Any = super().formfield_for_dbfield(db_field, request, **terms)
        if field is not None:
            getattr(field.widget, "widget", field.widget).attrs.setdefault("aria-label", field.label)
        return field


class BrandRelatedFilter(admin.RelatedFieldListFilter):
    """Offers related rows of one's own brand alone."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[Any]:
        """Choices of one's own brand."""
        rows = choices_of(field.remote_field.model, request)
        return [(row.pk, str(row)) for row in rows.order_by("pk")[:100]]


class BrandAdmin(Audited, BrandWall, ModelAdmin):  # type: ignore[misc]
    """A page over rows of a brand.

    `linked_lookups` are what links of other pages narrow its list by, beside what its filters offer.
    """

    linked_lookups: ClassVar[tuple[str, ...]] = ()
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 50
    paginator = BoundedPaginator

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may look, at their own."""
        return self._reaches(request) and bool(super().has_view_permission(request, obj))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who may add."""
        return self._reaches(request) and bool(super().has_add_permission(request))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may change."""
        return self._reaches(request) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may delete."""
        return self._reaches(request) and bool(super().has_delete_permission(request, obj))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Who sees that it is there."""
        return self._reaches(request) and bool(super().has_module_permission(request))

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:  # type: ignore[override]
        """What filters offer and links say, and nothing else: whoever asks by any other column reads it, masked or not."""
        if lookup in self.linked_lookups or (lookup == "brand__id__exact" and has_brand(self.model)):
            return True
        return any(lookup in _lookups_of(self.model, offered) for offered in self.get_list_filter(request))

    def _reaches(self, request: HttpRequest) -> bool:
        """What is of no brand is for the house."""
        return isinstance(request.user, Staff) and (self.brand_path is not None or request.user.brand_id is None)

    def get_scoped_object(self, request: HttpRequest, pk: object, *, permission: str) -> Any:
        """A row for a page of its own. Raises PermissionDenied without the permission, Http404 beyond the wall."""
        if not (self._reaches(request) and staff_of(request).has_perm(permission)):
            raise PermissionDenied
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        return row

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """The brand is asked of the house alone: everybody else has one."""
        exclude = list(super().get_exclude(request, obj) or [])
        return [*exclude, "brand"] if staff_of(request).brand_id is not None and has_brand(self.model) else exclude

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Staff of a brand know whose rows they see."""
        columns = list(super().get_list_display(request))
        return [name for name in columns if name != "brand"] if staff_of(request).brand_id is not None else columns

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **terms: Any) -> Any:
        """The form, which knows whose row it makes."""
        form = super().get_form(request, obj, change, **terms)
        if issubclass(form, KeptForm):
            form.brand_id = staff_of(request).brand_id
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write it, a new one into one's own brand."""
        self.claim(request, obj, change=change)
        super().save_model(request, obj, form, change)

    def claim(self, request: HttpRequest, obj: Any, *, change: bool) -> None:
        """Make a new row one's own."""
        brand_id = staff_of(request).brand_id
        if not change and brand_id is not None and has_brand(self.model):
            obj.brand_id = brand_id


def _lookups_of(model: type[Model], offered: Any) -> set[str]:
    """What one filter of a list asks by."""
    if isinstance(offered, type) and issubclass(offered, admin.SimpleListFilter):
        return {offered.parameter_name} if offered.parameter_name is not None else set()
    name = str(offered if isinstance(offered, str) else offered[0])
    field = get_fields_from_path(model, name)[-1]
    own = {f"{name}{ending}" for ending in OF_FILTERS}
    return own | {f"{name}__{field.target_field.name}__exact"} if isinstance(field, ForeignKey) else own


class ReadOnlyAdmin(BrandAdmin):
    """Rows that services alone write; what is personal in them is masked for some, and that others saw it is written down."""

    def render_change_form(self, request: HttpRequest, context: Any, *arguments: Any, **terms: Any) -> Any:
        """Show a row."""
        row = terms.get("obj")
        if row is not None and is_personal(row):
            if sees_personal_data(request):
                self.tell_look(request, row)
            else:
                mask(row)
        return super().render_change_form(request, context, *arguments, **terms)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes."""
        return False


class UndeletedAdmin(BrandAdmin):
    """Rows that stay, whoever asks: others point to them."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes."""
        return False


class KeptAdmin(UndeletedAdmin):
    """Rows that staff add and change, while services count on them.

    A change writes what was changed and nothing else, so that no count is put back to what it was when the page was read.
    """

    form = KeptForm

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write a new row, or the changed fields of one."""
        self.claim(request, obj, change=change)
        obj.save(update_fields=form.changed_data if change else None)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What is of one brand stays so."""
        told = tuple(super().get_readonly_fields(request, obj))
        house = staff_of(request).brand_id is None
        return ("brand", *told) if obj is not None and house and has_brand(self.model) else told


class ReasonForm(ActionForm):
    """Asks why, beside the choice of what to do."""

    reason = forms.CharField(required=False, max_length=200, widget=UnfoldAdminTextInputWidget({"placeholder": _("Reason")}))

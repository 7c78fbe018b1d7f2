"""The catalogue: what points buy, and what was bought."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldAdminTextareaWidget

from loyalty.admin.base import BrandRelatedFilter, BrandTabularInline, KeptAdmin, KeptForm, ReadOnlyAdmin
from loyalty.admin.campaigns import Bar
from loyalty.admin.pools import fill_pool
from rewards.models import (
    Category,
    CategoryText,
    Fulfilment,
    Location,
    Reward,
    RewardType,
    RewardTypeLocation,
    RewardTypeSegment,
    RewardTypeText,
)
from rewards.models.catalogue import WEB
from rewards.selectors import below

LONGEST_IMAGE = 500
NAMES = RawSQL(
    """
(WITH RECURSIVE above(parent_id, name, height) AS (
  SELECT c.parent_id, c.name, 0 FROM rewards_category c WHERE c.id = rewards_category.id
  UNION ALL SELECT p.parent_id, p.name, a.height + 1 FROM rewards_category p JOIN above a ON p.id = a.parent_id
) SELECT array_agg(name ORDER BY height DESC) FROM above)
""",
    [],
)


class DistinctFormSet(PaginationInlineFormSet):
    """Lines that differ in their language."""

    def clean(self) -> None:
        """Refuse two lines in one language."""
        super().clean()
        told = [form.cleaned_data.get("language") for form in self.forms if not form.cleaned_data.get("DELETE")]
        languages = [language for language in told if language]
        if len(set(languages)) < len(languages):
            raise ValidationError("one text a language")


class RewardTypeTextInline(BrandTabularInline):
    """Texts per language."""

    model = RewardTypeText
    formset = DistinctFormSet
    exclude = ["brand"]
    extra = 0


class RewardTypeLocationInline(BrandTabularInline):
    """Where it can be used."""

    model = RewardTypeLocation
    exclude = ["brand"]
    extra = 0


class RewardTypeSegmentInline(BrandTabularInline):
    """The segments that it is for; without any it is for everybody."""

    model = RewardTypeSegment
    exclude = ["brand"]
    extra = 0


class CategoryTextInline(BrandTabularInline):
    """Names per language."""

    model = CategoryText
    formset = DistinctFormSet
    exclude = ["brand"]
    extra = 0


class LinedAdmin(KeptAdmin):
    """A page of rows with lines that stand under them."""

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Give lines the brand of what they stand under."""
        for line in formset.forms:
            line.instance.brand_id = form.instance.brand_id
        super().save_formset(request, form, formset, change)


class ImagesField(forms.CharField):
    """Addresses of pictures, one a line."""

    def __init__(self, **terms: Any) -> None:
        super().__init__(widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), required=False, **terms)

    def prepare_value(self, value: Any) -> Any:
        """Show them one a line."""
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        """Refuse what is no address of the web."""
        images = str(super().clean(value)).split()
        for image in images:
            WEB(image)
            if len(image) > LONGEST_IMAGE:
                raise forms.ValidationError(_("An address is at most %(most)s characters long.") % {"most": LONGEST_IMAGE})
        return images


class RewardTypeForm(KeptForm):
    """A reward type, its pictures one a line."""

    images = ImagesField(
        label=gettext_lazy("Pictures"),
        help_text=gettext_lazy("Their addresses, one a line; the first is shown where there is room for one."),
    )


@admin.register(RewardType)
class RewardTypeAdmin(LinedAdmin):
    """Reward types: what points buy, for how many, for how long, and what is left of it."""

    form = RewardTypeForm
    list_display = ["name", "brand", "category", "price", "shown_stock", "fulfilment", "active", "valid_until"]
    list_filter = ["fulfilment", "active", ("category", BrandRelatedFilter)]
    list_select_related = ["brand", "category"]
    search_fields = ["name"]
    readonly_fields = ["handed_out"]
    inlines = [RewardTypeTextInline, RewardTypeLocationInline, RewardTypeSegmentInline]
    actions = ["offer", "withdraw"]
    change_form_outer_before_template: Any = "admin/catalogue/reward_type_panel.html"

    def get_readonly_fields(self, request: HttpRequest, obj: RewardType | None = None) -> tuple[str, ...]:
        """How it is fulfilled stays so; a pool counts its own stock."""
        pooled = obj is not None and obj.fulfilment == Fulfilment.POOL
        fixed = () if obj is None else ("fulfilment", "stock") if pooled else ("fulfilment",)
        return (*super().get_readonly_fields(request, obj), *fixed)

    @admin.display(description=gettext_lazy("Handed out"))
    def shown_stock(self, reward_type: RewardType) -> str:
        """How many of how many."""
        return Bar("", reward_type.handed_out, reward_type.stock).words

    @admin.action(description=gettext_lazy("Offer"), permissions=["change"])
    def offer(self, request: HttpRequest, queryset: QuerySet[RewardType]) -> None:
        """Offer them to members."""
        self.set_on_each(request, queryset, active=True)

    @admin.action(description=gettext_lazy("Offer no more"), permissions=["change"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[RewardType]) -> None:
        """Take them out of what is offered; what was bought stays good."""
        self.set_on_each(request, queryset, active=False)

    def get_urls(self) -> list[Any]:
        """Its pool, at an address of its own."""
        pool = self.admin_site.admin_view(self.pool_view)
        return [path("<int:object_id>/pool/", pool, name="rewards_rewardtype_pool"), *super().get_urls()]

    def pool_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Fill the pool."""
        reward_type = self.get_scoped_object(request, object_id, permission="rewards.change_rewardtype")
        return fill_pool(request, reward_type, self.admin_site.each_context(request))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The reward type, above its form what is left of it."""
        reward_type = self.get_object(request, object_id)
        panel: dict[str, Any] = {}
        if reward_type is not None and request.method == "GET":
            may_fill = reward_type.fulfilment == Fulfilment.POOL and self.has_change_permission(request, reward_type)
            bars = [Bar(_("Handed out"), reward_type.handed_out, reward_type.stock)]
            panel = {"reward_type": reward_type, "bars": bars, "hints": hints_of(reward_type), "may_fill": may_fill}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | panel)


def hints_of(reward_type: RewardType) -> list[str]:
    """Why members may not get it."""
    at, hints = timezone.now(), []
    if not reward_type.active:
        hints.append(_("It is not offered: make it active, so that members can get it."))
    if reward_type.valid_from is not None and reward_type.valid_from > at:
        hints.append(_("It is not offered yet: its time has not begun."))
    if reward_type.valid_until is not None and reward_type.valid_until <= at:
        hints.append(_("It is offered no more: its time is over."))
    if reward_type.left is not None and reward_type.left <= 0:
        hints.append(_("Nothing is left of it."))
    return hints


@admin.register(Category)
class CategoryAdmin(LinedAdmin):
    """Categories, as they stand in one another."""

    list_display = ["shown_name", "code", "brand", "active"]
    search_fields = ["name", "code__exact"]
    inlines = [CategoryTextInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Categories, each with the names of those that it stands in and its own, from the top."""
        rows: QuerySet[Any] = super().get_queryset(request)
        told: QuerySet[Any] = rows.annotate(names=NAMES)
        return told

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        """Below each category those that stand in it."""
        return ("brand", NAMES.asc(), "pk")

    @admin.display(description=gettext_lazy("Category"))
    def shown_name(self, category: Any) -> str:
        """Its name, the further in the deeper it stands."""
        return format_html(
            '<span style="padding-inline-start: {}rem">{}</span>', 1.5 * (len(category.names) - 1), category.name
        )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **terms: Any) -> Any:
        """The form; a category can stand in none of those that stand in it."""
        form = super().get_form(request, obj, change, **terms)
        parent = form.base_fields.get("parent")
        if obj is not None and parent is not None:
            parent.queryset = parent.queryset.filter(brand_id=obj.brand_id).exclude(pk__in=below(obj))
        return form


@admin.register(Location)
class LocationAdmin(KeptAdmin):
    """Locations."""

    list_display = ["street", "city", "country", "brand"]


@admin.register(Reward)
class RewardAdmin(ReadOnlyAdmin):
    """Rewards, found by their code."""

    list_display = ["id", "brand", "reward_type", "member", "handed_out_at", "used_at"]
    list_select_related = ["brand", "reward_type", "member"]
    search_fields = ["code__exact"]

"""Promotions: drafted, tried out, published in versions that stay, paused and ended."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.forms import PaginationInlineFormSet

from loyalty.admin.base import BrandTabularInline, KeptAdmin
from loyalty.admin.campaigns import Bar
from loyalty.admin.codes import name_of_actor
from loyalty.admin.outcomes import labelled, tell_form
from loyalty.admin.promotion_forms import FIELDSETS, GAINS, NAMES, TERMS, PromotionForm
from loyalty.admin.promotion_tries import NEWEST, PastForm, TryForm, first_day, tried, tried_on_past
from loyalty.admin.promotion_verbs import VERBS
from loyalty.admin.promotion_words import (
    LABELS,
    differences,
    drafted,
    gain_words,
    hints_of,
    instant_words,
    published,
    standing_of,
    term_rows,
)
from loyalty.admin.verbs import Link, Panel, Verb, VerbsAdmin
from loyalty.errors import LoyaltyError
from rewards.models import Promotion, PromotionSegment, PromotionState
from rewards.rules.promotions import read_terms

VERSIONS_SHOWN = 50
COLOURS = {
    "draft": "info",
    "coming": "info",
    "running": "success",
    "paused": "warning",
    "over": "danger",
    "ended": "danger",
}


class TieFormSet(PaginationInlineFormSet):
    """Segments that a promotion is for, each once, and of its own brand."""

    def add_fields(self, form: Any, index: int | None) -> None:
        """Know the promotion's own lines alone."""
        super().add_fields(form, index)
        form.fields["id"].queryset = PromotionSegment.objects.filter(promotion_id=self.instance.pk)

    def clean(self) -> None:
        """Refuse what the database would."""
        super().clean()
        named: set[int] = set()
        for form in self.forms:
            segment = form.cleaned_data.get("segment") if hasattr(form, "cleaned_data") else None
            if segment is None or form.cleaned_data.get("DELETE"):
                continue
            if segment.brand_id != self.instance.brand_id:
                form.add_error("segment", _("This segment is of another brand."))
            if segment.pk in named:
                form.add_error("segment", _("This segment stands here twice."))
            named.add(segment.pk)


class PromotionSegmentInline(BrandTabularInline):
    """The segments that it is for."""

    model = PromotionSegment
    formset = TieFormSet
    exclude = ["brand"]
    extra = 0
    verbose_name_plural = gettext_lazy("Segments that it is for (none: everybody)")


@admin.register(Promotion)
class PromotionAdmin(VerbsAdmin, KeptAdmin):  # type: ignore[misc]
    """Promotions; their form writes the draft, and verbs what counts."""

    form = PromotionForm
    list_display = ["name", "brand", "shown_state", "shown_gain", "shown_from", "shown_until", "shown_budget", "shown_segments"]
    list_select_related = ["brand", "version", "token"]
    list_filter = ["state"]
    search_fields = ["name__icontains"]
    ordering = ["-pk"]
    inlines = [PromotionSegmentInline]
    change_form_outer_before_template: Any = "admin/promotions/before.html"
    change_form_outer_after_template: Any = "admin/promotions/after.html"
    verbs = VERBS

    class Media:
        js = ["loyalty/promotions.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With all that lists and pages name."""
        return super().get_queryset(request).prefetch_related("ties__segment")

    # --- the form ---

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The fields in groups; the terms for those who may change them alone, others read them in words."""
        hidden, changes = set(self.get_exclude(request, obj)), obj is None or self.has_change_permission(request, obj)
        shown = FIELDSETS if changes else [(None, {"fields": FIELDSETS[0][1]["fields"]})]
        return [
            (title, options | {"fields": [name for name in options["fields"] if name not in hidden]})
            for title, options in shown
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Promotion | None = None) -> tuple[str, ...]:
        """What was earned was earned in its token."""
        fixed = ("token",) if obj is not None and obj.version_id is not None else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing of what has ended for good is changed."""
        ended = obj is not None and obj.state == PromotionState.ENDED
        return not ended and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write a new draft, or what was changed of one."""
        self.claim(request, obj, change=change)
        changed = set(form.changed_data)
        names = [*(changed - set(TERMS)), *(["draft"] if changed & set(TERMS) else [])]
        obj.save(update_fields=names if change else None)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Give lines the brand of what they stand under."""
        for line in formset.forms:
            line.instance.brand_id = form.instance.brand_id
        super().save_formset(request, form, formset, change)

    # --- the list ---

    @labelled(description=gettext_lazy("State"), ordering="state", label=COLOURS)
    def shown_state(self, row: Promotion) -> tuple[str, str]:
        """Where it stands, its dates considered."""
        return standing_of(row, timezone.now())

    @admin.display(description=NAMES["gain"])
    def shown_gain(self, row: Promotion) -> str:
        """What it brings."""
        return gain_words(self._counting(row), row.brand.currency)

    @admin.display(description=NAMES["starts_at"])
    def shown_from(self, row: Promotion) -> str:
        """When it begins."""
        return instant_words(self._counting(row).starts_at, row.brand) or "-"

    @admin.display(description=NAMES["ends_at"])
    def shown_until(self, row: Promotion) -> str:
        """When it ends."""
        return instant_words(self._counting(row).ends_at, row.brand) or "-"

    @admin.display(description=gettext_lazy("Budget used"))
    def shown_budget(self, row: Promotion) -> SafeString | str:
        """How much of how much, as a bar."""
        bar = Bar(_("Budget used"), row.spent_points, row.budget_points)
        if bar.most is None:
            return bar.words
        return format_html(
            '{}<progress class="bo-progress" aria-label="{}" value="{}" max="{}">{}</progress>',
            *(bar.words, bar.title, bar.used, bar.most or 1, bar.words),
        )

    @admin.display(description=gettext_lazy("Segments"))
    def shown_segments(self, row: Promotion) -> str:
        """For whom it is."""
        return ", ".join(sorted(tie.segment.name for tie in row.ties.all())) or _("everybody")

    def _counting(self, row: Promotion) -> Any:
        return published(row) or drafted(row)

    # --- its page ---

    def facts(self, row: Promotion) -> list[tuple[Any, Any]]:
        """Where it stands, and what it has given."""
        return [
            (_("Promotion"), row.name),
            (_("State"), standing_of(row, timezone.now())[1]),
            (_("Budget used"), Bar("", row.spent_points, row.budget_points).words),
        ]

    def facts_for(self, verb: Verb, row: Promotion) -> list[tuple[Any, Any]]:
        """Before it is published, what that changes."""
        if verb.name != "publish":
            return self.facts(row)
        told = _("%(before)s → %(after)s") if row.version is not None else "%(after)s"
        changes = [(label, told % {"before": before, "after": after}) for label, before, after in differences(row)]
        return [*self.facts(row), *changes]

    def further(self, request: HttpRequest, row: Promotion | None) -> dict[str, Any]:
        """What the page shows around the form."""
        if row is None:
            return {"gains": GAINS}
        return {
            "gains": GAINS,
            "promotion": row,
            "hints": hints_of(row, timezone.now()),
            "bars": [Bar(_("Budget used"), row.spent_points, row.budget_points)],
            "try_form": TryForm(brand=row.brand),
        }

    def links(self, request: HttpRequest, row: Promotion) -> list[Link]:
        """Trying it out."""
        return [
            Link(title=title, icon=icon, address=reverse(f"admin:rewards_promotion_{name}", args=[row.pk]))
            for title, icon, name in (
                (_("Try a basket"), "shopping_basket", "try"),
                (_("Try it on past baskets"), "history", "past"),
            )
        ]

    def panels(self, request: HttpRequest, row: Promotion) -> list[Panel]:
        """The draft in words, and the versions."""
        return [self._terms(row), self._versions(row)]

    def _terms(self, row: Promotion) -> Panel:
        now = published(row)
        counting = term_rows(now, row.brand) if now is not None else {}
        draft = term_rows(drafted(row), row.brand)
        rows = [(label, counting.get(name), draft.get(name)) for name, label in LABELS.items() if name in counting | draft]
        return Panel(title=_("Its terms"), headers=("", _("What is published"), _("The draft")), rows=rows)

    def _versions(self, row: Promotion) -> Panel:
        versions = row.versions.filter(brand_id=row.brand_id).order_by("-number")[:VERSIONS_SHOWN]
        names: dict[str, str] = {}
        rows: list[tuple[Any, ...]] = []
        for version in versions:
            if version.actor not in names:
                names[version.actor] = name_of_actor(version.actor, row.brand_id)
            told = "; ".join(
                f"{LABELS[name]}: {words}" for name, words in term_rows(read_terms(version.terms), row.brand).items()
            )
            rows.append((version.number, instant_words(version.published_at, row.brand), names[version.actor], told))
        return Panel(title=_("Versions"), headers=(_("Number"), _("Published"), _("By"), _("Its terms")), rows=rows)

    # --- trying it out ---

    def get_urls(self) -> list[URLPattern]:
        """Trying it, at addresses of their own."""
        own = [
            path(f"<int:object_id>/{name}/", self.admin_site.admin_view(view), name=f"rewards_promotion_{name}")
            for name, view in (("try", self.try_view), ("past", self.past_view))
        ]
        return [*own, *super().get_urls()]

    def try_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Say what a basket would earn; `part` asks for the outcome alone."""
        row = self.get_scoped_object(request, object_id, permission="rewards.view_promotion")
        form = TryForm(request.POST if request.method == "POST" else None, brand=row.brand)
        context = self._context(request, row, _("Try a basket")) | {"try_form": form}
        if form.is_valid():
            try:
                context |= tried(row, form)
            except LoyaltyError as refusal:
                tell_form(form, refusal)
        template = "outcome.html" if request.GET.get("part") else "try.html"
        return TemplateResponse(request, f"admin/promotions/{template}", context)

    def past_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Say what it would have given for baskets that were bought."""
        row = self.get_scoped_object(request, object_id, permission="rewards.view_promotion")
        form = PastForm(request.POST if request.method == "POST" else None, initial={"since": first_day(row)})
        context = self._context(request, row, _("Try it on past baskets")) | {
            "form": form,
            "newest": number_format(NEWEST, force_grouping=True),
        }
        if form.is_valid():
            try:
                context |= tried_on_past(row, form)
            except LoyaltyError as refusal:
                tell_form(form, refusal)
        return TemplateResponse(request, "admin/promotions/past.html", context)

    def _context(self, request: HttpRequest, row: Promotion, title: str) -> dict[str, Any]:
        context: dict[str, Any] = self.admin_site.each_context(request)
        return context | {
            "title": f"{title}: {row.name}",
            "opts": self.opts,
            "promotion": row,
            "hints": hints_of(row, timezone.now()),
            "back": self.address_of(row),
        }

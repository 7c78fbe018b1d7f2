"""Earnings: which basket gave what, under which versions, and what came back of it."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.admin.base import ReadOnlyAdmin
from loyalty.admin.codes import name_of_actor
from loyalty.admin.keyset import KeysetChangeList, KeysetMixin
from loyalty.admin.linking import Link, link_to
from loyalty.admin.promotion_words import instant_words, reason_words
from loyalty.admin.verbs import Panel
from rewards.models import Earning, EarningReversal, Promotion
from rewards.rules.baskets import Line, restored
from rewards.rules.money import decimals_of, written

MOST_REVERSALS = 100


def _counted(number: int) -> str:
    return str(number_format(number, force_grouping=True))


@admin.register(Earning)
class EarningAdmin(KeysetMixin, ReadOnlyAdmin):  # type: ignore[misc]
    """Earnings, newest first; read only."""

    list_display = ["id", "brand", "transaction_id", "shown_member", "token", "points", "remaining", "occurred_at"]
    list_display_links = ["id", "transaction_id"]
    list_select_related = ["brand", "member", "token"]
    linked_lookups = ("member",)
    search_fields = ["transaction_id__exact"]
    search_help_text = gettext_lazy("transaction_id, as a whole")
    fields = ["transaction_id", "token", "points", "remaining", "occurred_at", "recorded_at"]
    change_form_outer_after_template: Any = "admin/earnings/earning.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With all that a page of one names."""
        return super().get_queryset(request).select_related("brand", "member", "token", "posting")

    def searched_within(self, request: HttpRequest, changelist: KeysetChangeList) -> QuerySet[Any] | None:
        """An index finds what a member earned."""
        chosen = changelist.get_filters_params()
        return None if set(chosen) == {"member"} else super().searched_within(request, changelist)

    @admin.display(description=gettext_lazy("Member"))
    def shown_member(self, row: Earning) -> str:
        """Whose it is."""
        return row.member.public_id

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The earning; below it why it gave what it gave, and what came back."""
        row = self.get_object(request, object_id)
        told: dict[str, Any] = {}
        if row is not None and self.has_view_permission(request, row):
            reversals = list(
                row.reversals.filter(brand_id=row.brand_id).select_related("posting").order_by("pk")[:MOST_REVERSALS]
            )
            told = {
                "earning": row,
                "facts": _facts(request, row),
                "paid": _paid(request, row),
                "panels": [panel for panel in (_lines(row), _refused(row), _reversals(row, reversals)) if panel.rows],
            }
        return super().change_view(request, object_id, form_url, (extra_context or {}) | told)


def _facts(request: HttpRequest, row: Earning) -> list[tuple[str, Any]]:
    """Whose it is, what it came to, and from where."""
    basket = row.basket or {}
    told = [
        (_("Member"), link_to(request, row.member, row.member.public_id)),
        (_("Transaction"), link_to(request, row.posting) if row.posting is not None else None),
        (_("Store"), basket.get("store_id")),
        (_("Channel"), basket.get("channel")),
        (_("Actor"), name_of_actor(row.actor, row.brand_id)),
    ]
    return [(label, value) for label, value in told if value]


def _paid(request: HttpRequest, row: Earning) -> list[tuple[Link, str, str, str]]:
    """What paid: its name, its version, what it gave, and what is left of that."""
    first = row.posting.explanation if row.posting is not None and isinstance(row.posting.explanation, dict) else row.rules
    given = {one["id"]: one["points"] for one in first.get("promotions", [])}
    base, left = first.get("base", {}), row.rules["base"]
    rate = Link(_("Base rate: %(rate)s for one unit of the currency") % {"rate": left["rate"]})
    found = [(rate, str(left["version"] or "-"), _counted(base.get("points", left["points"])), _counted(left["points"]))]
    ids = [one["id"] for one in row.rules["promotions"]]
    known = {promotion.pk: promotion for promotion in Promotion.objects.filter(brand_id=row.brand_id, pk__in=ids)}
    for one in row.rules["promotions"]:
        promotion = known.get(one["id"])
        named = link_to(request, promotion) if promotion is not None else Link(str(one["id"]))
        points = _counted(given.get(one["id"], one["points"]))
        found.append((named, str(one["number"]), points, _counted(one["points"])))
    return found


def _answer(row: Earning) -> dict[str, Any]:
    """What was answered when it was earned; nothing once that is forgotten."""
    try:
        told = json.loads(row.answer or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _lines(row: Earning) -> Panel:
    """The basket, with the points that fell on each line, and what came back of it."""
    decimals = decimals_of(row.brand.currency)
    points = {str(one.get("line")): one.get("points", 0) for one in _answer(row).get("lines", [])}
    lines = restored(row.basket["lines"]) if row.basket else ()
    rows = [_line(line, row, points.get(line.key), decimals) for line in lines]
    headers = (_("Line"), _("Product (SKU)"), _("Category"), _("Quantity"), _("Amount"), _("Points"), _("Came back"))
    return Panel(title=_("Basket"), headers=headers, rows=rows)


def _line(line: Line, row: Earning, points: int | None, decimals: int) -> tuple[Any, ...]:
    back = row.returned.get(line.key)
    amount = f"{written(line.amount, decimals)} {row.brand.currency}"
    told = _counted(points) if points is not None else None
    return line.name, line.sku, line.category, f"{line.quantity / 1000:g}", amount, told, _back(back, row, decimals)


def _back(back: dict[str, int] | None, row: Earning, decimals: int) -> str | None:
    return f"{back['quantity'] / 1000:g}: {written(back['amount'], decimals)} {row.brand.currency}" if back else None


def _refused(row: Earning) -> Panel:
    """What gave nothing, and why, as it was answered."""
    rows = [(one.get("name"), reason_words(str(one.get("reason")))) for one in _answer(row).get("not_applied", [])]
    return Panel(title=_("Promotions that gave nothing, and why"), headers=(_("Promotion"), _("Why")), rows=rows)


def _reversals(row: Earning, reversals: list[EarningReversal]) -> Panel:
    """What was taken back."""
    rows = [
        (
            one.reversal_id,
            instant_words(one.recorded_at, row.brand),
            _counted(one.points),
            ", ".join(one.lines) or _("all that was left"),
            str(one.posting) if one.posting is not None else None,
            name_of_actor(one.actor, row.brand_id),
        )
        for one in reversals
    ]
    headers = ("reversal_id", _("When"), _("Points taken back"), _("Lines"), _("Transaction"), _("By"))
    return Panel(title=_("Taken back"), headers=headers, rows=rows)

"""A promotion is tried out: on a basket that someone types, and on baskets that were bought. Nothing is posted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from loyalty.admin.promotion_forms import InstantField
from loyalty.admin.promotion_words import gain_words, points_words, reason_words
from loyalty.errors import invalid_field
from rewards.models import Promotion
from rewards.rules.baskets import MOST_LINES, Line
from rewards.rules.earning import Given
from rewards.rules.money import coins, decimals_of, thousandths, written
from rewards.services.evaluating import BasketOrder, Judged
from rewards.services.trying import Trial, try_basket, try_promotion
from users.errors import UserNotFound
from users.models import Brand

NEWEST = 20_000
"""On how many baskets the page tries a promotion; the command tries it on all of them."""
EMPTY_LINES = 3
DAYS = 30
PARTS = ("sku", "category", "quantity", "amount")


@dataclass(frozen=True, slots=True)
class TypedLine:
    """A line of a basket as it was typed."""

    sku: str = ""
    category: str = ""
    quantity: str = "1"
    amount: str = ""

    @property
    def is_typed(self) -> bool:
        """Whether anything stands in it but what stood there from the start."""
        return bool(self.sku or self.category or self.amount)


class BasketWidget(forms.Widget):
    """A line for each product, and some that are empty."""

    use_fieldset = True

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """The lines."""
        typed = [line for line in value or [] if line.is_typed]
        lines = [*typed, *[TypedLine()] * min(EMPTY_LINES, MOST_LINES - len(typed))]
        context = {"name": name, "lines": list(enumerate(lines, 1))}
        return mark_safe(render_to_string("admin/promotions/basket.html", context))  # noqa: S308 - our own template

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[TypedLine]:
        """The lines that were sent."""
        columns = [[text.strip() for text in data.getlist(f"{name}-{part}")] for part in PARTS]
        return [TypedLine(*line) for line in zip(*columns, strict=False)]

    def id_for_label(self, id_: str) -> str:
        """No single field stands for all of them."""
        return ""


class BasketField(forms.Field):
    """Lines of a basket, as promotions judge them; empty ones are left out."""

    widget = BasketWidget
    decimals = 2

    def clean(self, value: Any) -> tuple[Line, ...]:
        """Refuse what is no line, and a basket without any."""
        typed = [line for line in value or [] if line.is_typed]
        if not 1 <= len(typed) <= MOST_LINES:
            raise forms.ValidationError(_("1 to 200 lines."))
        return tuple(self._line(number, line) for number, line in enumerate(typed, 1))

    def _line(self, number: int, line: TypedLine) -> Line:
        quantity, amount = thousandths(line.quantity), coins(line.amount, self.decimals)
        if not line.sku or len(line.sku) > 100 or len(line.category) > 100:
            raise _fault(number, _("a product of 1 to 100 characters"))
        if quantity is None:
            raise _fault(number, _("a quantity above 0, with up to three decimals"))
        if amount is None:
            told = {"decimals": self.decimals}
            raise _fault(number, _("an amount that is not negative, with at most %(decimals)s decimals") % told)
        return Line(number, line.sku, line.category or None, quantity, amount)


def _fault(number: int, needed: str) -> forms.ValidationError:
    return forms.ValidationError(_("Line %(number)s: %(needed)s.") % {"number": number, "needed": needed})


class TryForm(forms.Form):
    """Who buys what, where and when."""

    prefix = "try"
    member = forms.CharField(
        label=gettext_lazy("auth_id of the member"),
        required=False,
        max_length=255,
        strip=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Empty: a guest."),
    )
    store_id = forms.CharField(
        label=gettext_lazy("Store"), required=False, max_length=100, widget=UnfoldAdminTextInputWidget, empty_value=None
    )
    channel = forms.CharField(
        label=gettext_lazy("Channel"), required=False, max_length=100, widget=UnfoldAdminTextInputWidget, empty_value=None
    )
    occurred_at = InstantField(
        label=gettext_lazy("When"),
        required=False,
        help_text=gettext_lazy("In the brand's time zone, in the future too; empty: now."),
    )
    lines = BasketField(label=gettext_lazy("Basket"))

    def __init__(self, *arguments: Any, brand: Brand, **terms: Any) -> None:
        super().__init__(*arguments, **terms)
        self.use_required_attribute = False
        basket = self.fields["lines"]
        if isinstance(basket, BasketField):
            basket.decimals = decimals_of(brand.currency)


class PastForm(forms.Form):
    """Since when."""

    since = forms.DateField(
        label=gettext_lazy("Baskets bought since"), widget=UnfoldAdminTextInputWidget({"type": "date"}), required=True
    )

    def clean_since(self) -> date:
        """Refuse a day that no calendar of the database reaches."""
        since: date = self.cleaned_data["since"]
        if not 2000 <= since.year <= 9000:
            raise forms.ValidationError(_("A day from 2000 on."))
        return since


@dataclass(frozen=True, slots=True)
class Told:
    """What one promotion gave, and what for; `mine` marks the one that is tried."""

    name: str
    version: str
    points: str
    words: str
    lines: str
    mine: bool


def tried(promotion: Promotion, form: TryForm) -> dict[str, Any]:
    """What a basket would earn, in words. Raises InvalidRequest naming the member, ProgrammeMissing."""
    brand, told = promotion.brand, form.cleaned_data
    at = told["occurred_at"].replace(tzinfo=brand.zone) if told["occurred_at"] is not None else timezone.now()
    order = BasketOrder(
        brand_id=brand.pk,
        member=told["member"] or None,
        currency=brand.currency,
        lines=told["lines"],
        store_id=told["store_id"],
        channel=told["channel"],
    )
    try:
        judged = try_basket(promotion=promotion, order=order, at=at)
    except UserNotFound:
        raise invalid_field("member", _("The brand has no such member.")) from None
    outcome = judged.outcome
    return {
        "outcome": outcome,
        "total": points_words(outcome.total),
        "base": points_words(outcome.base),
        "bonus": points_words(outcome.bonus),
        "given": [_told(given, judged, promotion) for given in outcome.given],
        "refused": sorted(
            (
                (refused.rule.name, reason_words(refused.reason), refused.rule.promotion_id == promotion.pk)
                for refused in outcome.refused
            ),
            key=lambda row: not row[2],
        ),
        "by_line": [
            (line.sku, line.category or "", written(line.amount, decimals_of(brand.currency)), points_words(points))
            for line, points in zip(judged.lines, outcome.lines, strict=True)
        ],
        "currency": brand.currency,
    }


def _told(given: Given, judged: Judged, promotion: Promotion) -> Told:
    mine = given.rule.promotion_id == promotion.pk
    amount = f"{given.explanation['amount']} {promotion.brand.currency}"
    counted: Sequence[int] | None = given.positions
    return Told(
        name=given.rule.name,
        version=_("the draft") if mine else _("version %(number)s") % {"number": given.rule.number},
        points=points_words(given.points),
        words=_("%(gain)s, counted on %(amount)s")
        % {"gain": gain_words(given.rule.terms, promotion.brand.currency), "amount": amount},
        lines=_("the whole basket") if counted is None else ", ".join(str(judged.lines[place].name) for place in counted),
        mine=mine,
    )


def tried_on_past(promotion: Promotion, form: PastForm) -> dict[str, Any]:
    """What it would have given, in words. Raises InvalidRequest."""
    since: date = form.cleaned_data["since"]
    begin = datetime(since.year, since.month, since.day, tzinfo=promotion.brand.zone)
    trial = try_promotion(brand_id=promotion.brand_id, promotion_id=promotion.pk, since=begin, newest=NEWEST)
    return {"facts": _facts(trial, promotion), "reasons": _reasons(trial)}


def _facts(trial: Trial, promotion: Promotion) -> list[tuple[str, str]]:
    told = [
        (_("Baskets looked at"), _counted(trial.baskets)),
        (_("Baskets that it would have rewarded"), _counted(trial.rewarded)),
        (_("Members who would have got something"), _counted(len(trial.members))),
        (_("Points that it would have given"), _counted(trial.points)),
    ]
    if trial.cost is not None:
        cost = number_format(trial.cost, decimal_pos=2, force_grouping=True)
        told.append((_("What these points cost"), f"{cost} {promotion.brand.currency}"))
    return told


def _reasons(trial: Trial) -> list[tuple[str, str]]:
    return [(reason_words(reason), _counted(count)) for reason, count in trial.reasons.most_common()]


def _counted(number: int) -> str:
    return str(number_format(number, force_grouping=True))


def first_day(promotion: Promotion) -> date:
    """Since when baskets are looked at unless someone says otherwise."""
    return timezone.now().astimezone(promotion.brand.zone).date() - timedelta(days=DAYS)

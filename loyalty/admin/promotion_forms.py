"""The form of a promotion: its terms as fields that anyone can fill in, each refusal beside the field that it is about."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from ledger.models.tokens import TokenType
from loyalty.admin.base import KeptForm
from loyalty.admin.promotion_words import KINDS, LABELS, PERIODS
from loyalty.errors import LoyaltyError
from rewards.models import Promotion
from rewards.rules.promotions import MOST_POINTS, Terms, read_terms
from rewards.services.promotions import checked_terms, stored_terms
from users.models import Brand

MOST_WORDS, LONGEST_WORD, MOST_TYPED = 1_000, 100, 120_000
GAINS: dict[str, tuple[str, ...]] = {
    "multiplier": ("factor",),
    "fixed": ("points",),
    "per_item": ("points",),
    "per_amount": ("points", "each"),
}
"""Which fields each kind of gain takes."""
NAMES: dict[str, Any] = dict(LABELS)
LISTS, AMOUNTS = ("skus", "categories", "stores", "channels"), ("minimum_amount", "minimum_quantity")
PLAIN = ("weekdays", "priority", "exclusive", "member_period", "member_times", "member_points")
TIMES, INSTANTS = ("from_time", "to_time"), ("starts_at", "ends_at")
TERMS = ("kind", "factor", "points", "each", *LISTS, *AMOUNTS, *PLAIN, *TIMES, *INSTANTS)
FIELDSETS: list[tuple[Any, dict[str, Any]]] = [
    (
        None,
        {
            "fields": ["brand", "name", "token", "budget_points"],
            "description": gettext_lazy(
                "Name, budget and segments count at once. All else is a draft, which counts when it is published."
            ),
        },
    ),
    (LABELS["gain"], {"fields": ["kind", "factor", "points", "each"]}),
    (
        gettext_lazy("For what"),
        {
            "fields": ["skus", "categories", "minimum_amount", "minimum_quantity"],
            "description": gettext_lazy(
                "With products or categories it counts the lines that match, otherwise the whole basket. Empty fields ask for "
                "nothing."
            ),
        },
    ),
    (gettext_lazy("Where"), {"fields": ["stores", "channels"]}),
    (
        gettext_lazy("When"),
        {
            "fields": ["starts_at", "ends_at", "weekdays", "from_time", "to_time"],
            "description": gettext_lazy("In the brand's time zone. Hours may pass midnight, as from 22:00 to 02:00."),
        },
    ),
    (
        gettext_lazy("Beside other promotions"),
        {
            "fields": ["priority", "exclusive"],
            "description": gettext_lazy(
                "The one with the higher priority is looked at first. One that stands alone gives nothing beside another."
            ),
        },
    ),
    (
        gettext_lazy("For each member"),
        {
            "fields": ["member_times", "member_points", "member_period"],
            "description": gettext_lazy("Empty fields set no limit. A basket that would pass a limit gets nothing of it."),
        },
    ),
]


class InstantWidget(UnfoldAdminTextInputWidget):
    """The browser's own choice of a day and an hour."""

    input_type = "datetime-local"

    def format_value(self, value: Any) -> str | None:
        """As the browser wants it."""
        return f"{value:%Y-%m-%dT%H:%M}" if isinstance(value, datetime) else cast("str | None", value)


class InstantField(forms.DateTimeField):
    """A day and an hour on the clocks of whoever is meant."""

    widget = InstantWidget

    def to_python(self, value: Any) -> datetime | None:
        """The wall clock, without a zone."""
        told = super().to_python(value)
        return told.replace(tzinfo=None) if told is not None else None


class HourWidget(UnfoldAdminTextInputWidget):
    """The browser's own choice of an hour."""

    input_type = "time"

    def format_value(self, value: Any) -> str | None:
        """As the browser wants it."""
        return f"{value:%H:%M}" if isinstance(value, time) else cast("str | None", value)


class WordsField(forms.CharField):
    """Words, one a line."""

    def __init__(self, **terms: Any) -> None:
        widget = UnfoldAdminTextareaWidget({"rows": 3})
        help_text = gettext_lazy("One a line.")
        super().__init__(required=False, max_length=MOST_TYPED, widget=widget, **({"help_text": help_text} | terms))

    def clean(self, value: Any) -> Any:
        """The words, each once, in the order in which they were typed. Refuses too many, and one that is too long."""
        lines = (line.strip() for line in super().clean(value).splitlines())
        words = list(dict.fromkeys(line for line in lines if line))
        if len(words) > MOST_WORDS:
            raise forms.ValidationError(_("At most 1,000 of them."))
        for word in words:
            if len(word) > LONGEST_WORD:
                raise forms.ValidationError(_("“%(word)s” is longer than 100 characters.") % {"word": f"{word[:20]}…"})
        return words

    def prepare_value(self, value: Any) -> Any:
        """One a line."""
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the words are others."""
        return [line.strip() for line in (data or "").splitlines() if line.strip()] != list(initial or [])


def _number(label: Any, places: int, **terms: Any) -> forms.DecimalField:
    widget = UnfoldAdminIntegerFieldWidget({"step": "any", "inputmode": "decimal"})
    return forms.DecimalField(
        label=label, required=False, min_value=0, max_digits=9 + places, decimal_places=places, widget=widget, **terms
    )


def _whole(label: Any, most: int, **terms: Any) -> forms.IntegerField:
    terms = {"required": False, "min_value": 1} | terms
    return forms.IntegerField(label=label, max_value=most, widget=UnfoldAdminIntegerFieldWidget, **terms)


class PromotionForm(KeptForm):
    """A promotion's draft."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind of gain"), choices=list(KINDS.items()), widget=UnfoldAdminSelectWidget)
    factor = _number(
        gettext_lazy("Factor"), 6, help_text=gettext_lazy("2 doubles the points: as many come on top of the base.")
    )
    points = _whole(gettext_lazy("Points"), MOST_POINTS)
    each = _number(gettext_lazy("For each full"), 3, help_text=gettext_lazy("A sum of money in the brand's currency."))
    skus = WordsField(label=NAMES["skus"], help_text=gettext_lazy("Article numbers (SKU), one a line."))
    categories = WordsField(label=NAMES["categories"])
    minimum_amount = _number(NAMES["minimum_amount"], 3, help_text=gettext_lazy("Of what it counts, in the brand's currency."))
    minimum_quantity = _number(NAMES["minimum_quantity"], 3, help_text=gettext_lazy("Of what it counts."))
    stores = WordsField(label=NAMES["stores"])
    channels = WordsField(label=NAMES["channels"])
    starts_at = InstantField(label=NAMES["starts_at"], required=False)
    ends_at = InstantField(label=NAMES["ends_at"], required=False)
    weekdays = forms.TypedMultipleChoiceField(
        label=NAMES["weekdays"],
        required=False,
        coerce=int,
        choices=[(day + 1, name) for day, name in WEEKDAYS.items()],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=gettext_lazy("None chosen: every day."),
    )
    from_time = forms.TimeField(label=gettext_lazy("From"), required=False, widget=HourWidget)
    to_time = forms.TimeField(label=gettext_lazy("Until"), required=False, widget=HourWidget)
    priority = _whole(NAMES["priority"], 1_000, min_value=-1_000, required=True, initial=0)
    exclusive = forms.BooleanField(label=NAMES["exclusive"], required=False, widget=UnfoldBooleanWidget)
    member_times = _whole(gettext_lazy("So many times"), 1_000_000)
    member_points = _whole(gettext_lazy("So many points"), MOST_POINTS)
    member_period = forms.ChoiceField(
        label=gettext_lazy("Within"), choices=list(PERIODS.items()), widget=UnfoldAdminSelectWidget, initial="all"
    )

    def __init__(self, *arguments: Any, **terms: Any) -> None:
        super().__init__(*arguments, **terms)
        if self.instance.pk is not None:
            shown = shown_terms(read_terms(self.instance.draft), self.instance.brand)
            self.initial = {**shown, **self.initial}
        if "token" in self.fields:
            choices = cast(forms.ModelChoiceField[Any], self.fields["token"])
            choices.queryset = choices.queryset.filter(type=TokenType.ERC20) if choices.queryset is not None else None

    def clean(self) -> dict[str, Any]:
        """Judge the terms as publishing would."""
        told: dict[str, Any] = super().clean() or self.cleaned_data
        self._ask_for_gain(told)
        brand = self._brand(told)
        if brand is None:
            return told
        self._judge_budget(told)
        token = told.get("token")
        if token is not None and token.brand_id != brand.pk:
            self.add_error("token", _("This token is of another brand."))
        if not self.errors:
            try:
                terms = checked_terms(written_terms(told, brand), brand=brand)
            except LoyaltyError as refusal:
                self._refuse(refusal)
            else:
                self.instance.draft = stored_terms(terms)
        return told

    def _brand(self, told: Mapping[str, Any]) -> Brand | None:
        if self.instance.brand_id is not None:
            own: Brand = self.instance.brand
            return own
        brand: Brand | None = told.get("brand")
        return brand

    def _ask_for_gain(self, told: Mapping[str, Any]) -> None:
        for name in GAINS.get(told.get("kind", ""), ()):
            if name not in self.errors and told.get(name) is None:
                self.add_error(name, forms.ValidationError(_("This field is required."), code="required"))
        if told.get("kind") == "multiplier" and (factor := told.get("factor")) is not None and factor <= 1:
            self.add_error("factor", _("Above 1: 2 doubles the points."))

    def _judge_budget(self, told: Mapping[str, Any]) -> None:
        """Refuse a budget below what was given; the row is held, so that nothing more is given meanwhile."""
        budget = told.get("budget_points")
        if budget is None:
            return
        rows = Promotion.objects.select_for_update(no_key=True).filter(pk=self.instance.pk)
        spent = rows.values_list("spent_points", flat=True).first() or 0
        if budget < spent or budget < 0:
            self.add_error("budget_points", _("Not less than what it has given: %(spent)s.") % {"spent": spent})

    def _refuse(self, refusal: LoyaltyError) -> None:
        """Say what was refused, at the field that the terms' own name means."""
        for fault in refusal.errors:
            name = fault.field.removeprefix("gain.").partition("[")[0].partition(".")[0]
            self.add_error(name if name in self.fields else None, fault.detail)


def shown_terms(terms: Terms, brand: Brand) -> dict[str, Any]:
    """Terms as the form shows them."""
    gain = {name: getattr(terms.gain, name) for name in GAINS[_kind(terms)]}
    numbers: dict[str, str] = {name: gain[name] for name in ("factor", "each") if name in gain}
    numbers |= {name: getattr(terms, name) for name in AMOUNTS if getattr(terms, name) is not None}
    return {
        "kind": _kind(terms),
        **({"points": gain["points"]} if "points" in gain else {}),
        **{name: Decimal(number) for name, number in numbers.items()},
        **{name: list(getattr(terms, name)) for name in (*LISTS, "weekdays")},
        **{name: getattr(terms, name) for name in PLAIN if name != "weekdays"},
        **{name: time.fromisoformat(hour) for name in TIMES if (hour := getattr(terms, name)) is not None},
        **{
            name: instant.astimezone(brand.zone).replace(tzinfo=None, second=0, microsecond=0)
            for name in INSTANTS
            if (instant := getattr(terms, name)) is not None
        },
    }


def _kind(terms: Terms) -> str:
    return str(type(terms.gain).__struct_config__.tag)


def written_terms(told: Mapping[str, Any], brand: Brand) -> dict[str, Any]:
    """Terms out of what the form was told."""
    gain = {"kind": told["kind"]} | {name: _plain(told[name]) for name in GAINS[told["kind"]]}
    fields: Iterable[tuple[str, Any]] = [
        *((name, _plain(told[name])) for name in (*LISTS, *AMOUNTS, *PLAIN)),
        *((name, f"{told[name]:%H:%M}" if told[name] is not None else None) for name in TIMES),
        *(
            (name, told[name].replace(tzinfo=brand.zone).astimezone(UTC) if told[name] is not None else None)
            for name in INSTANTS
        ),
    ]
    return {"gain": gain} | {name: value for name, value in fields if value is not None}


def _plain(value: Any) -> Any:
    return f"{value:f}" if isinstance(value, Decimal) else value

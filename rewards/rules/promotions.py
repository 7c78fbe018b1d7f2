"""Promotions: their terms as staff write them, and in the form in which they are judged thousands of times a second.

Everything is counted in whole numbers: money in coins, quantities and rates in their smallest parts.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from rewards.rules.money import coins, millionths, thousandths

MOST_POINTS = 9_999_999_999_999
Points = Annotated[int, Meta(ge=1, le=MOST_POINTS)]
Word = Annotated[str, Meta(min_length=1, max_length=100)]
Words = Annotated[tuple[Word, ...], Meta(max_length=1_000)]
Decimals = Annotated[str, Meta(pattern="^[0-9]{1,9}([.][0-9]{1,6})?$")]
Hour = Annotated[str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Multiplier(Struct, frozen=True, tag_field="kind", tag="multiplier"):
    """The points of the base, times a factor above 1: the promotion adds what goes beyond the base."""

    factor: Decimals


class Fixed(Struct, frozen=True, tag_field="kind", tag="fixed"):
    """So many points a basket."""

    points: Points


class PerItem(Struct, frozen=True, tag_field="kind", tag="per_item"):
    """So many points for each whole item."""

    points: Points


class PerAmount(Struct, frozen=True, tag_field="kind", tag="per_amount"):
    """So many points for each full amount of money."""

    points: Points
    each: Decimals


Gain = Multiplier | Fixed | PerItem | PerAmount
Period = Literal["all", "day", "week", "month"]


class Terms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a promotion gives, for what, to whom, when and how often. Empty lists ask for nothing.

    With `skus` or `categories` it counts the lines that match, otherwise the whole basket. Of promotions that apply the
    one with the higher priority is looked at first; an exclusive one stands alone. Limits are a member's.
    """

    gain: Gain
    skus: Words = ()
    categories: Words = ()
    minimum_amount: Decimals | None = None
    minimum_quantity: Decimals | None = None
    stores: Words = ()
    channels: Words = ()
    weekdays: tuple[Annotated[int, Meta(ge=1, le=7)], ...] = ()
    from_time: Hour | None = None
    to_time: Hour | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    priority: Annotated[int, Meta(ge=-1_000, le=1_000)] = 0
    exclusive: bool = False
    member_period: Period = "all"
    member_times: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    member_points: Points | None = None


class TermsFault(ValueError):
    """A field of the terms that cannot be."""

    def __init__(self, field_: str, detail: str) -> None:
        super().__init__(detail)
        self.field, self.detail = field_, detail


def check_terms(terms: Terms, *, decimals: int) -> None:
    """Refuse what a shape cannot tell. Raises TermsFault."""
    match terms.gain:
        case Multiplier(factor=factor) if millionths(factor) <= 1_000_000:
            raise TermsFault("gain.factor", "above 1: 2 doubles the points")
        case PerAmount(each=each) if not coins(each, decimals):
            raise TermsFault("gain.each", f"a sum of money above 0, with at most {decimals} decimals")
    if terms.minimum_amount is not None and coins(terms.minimum_amount, decimals) is None:
        raise TermsFault("minimum_amount", f"a sum of money with at most {decimals} decimals")
    if terms.minimum_quantity is not None and thousandths(terms.minimum_quantity) is None:
        raise TermsFault("minimum_quantity", "a quantity above 0, with up to three decimals")
    if (terms.from_time is None) != (terms.to_time is None) or (
        terms.from_time is not None and terms.from_time == terms.to_time
    ):
        raise TermsFault("to_time", "both ends of the hours, and not the same")
    for name in ("starts_at", "ends_at"):
        instant = getattr(terms, name)
        if instant is not None and instant.tzinfo is None:
            raise TermsFault(name, "an instant with its time zone")
    if terms.starts_at is not None and terms.ends_at is not None and terms.ends_at <= terms.starts_at:
        raise TermsFault("ends_at", "later than the start")


@dataclass(frozen=True, slots=True)
class Rule:
    """A published version of a promotion, ready to be judged. `segments` empty: for everybody."""

    promotion_id: int
    version_id: int
    number: int
    name: str
    terms: Terms
    segments: frozenset[int] = frozenset()
    budget_points: int | None = None
    skus: frozenset[str] = field(init=False)
    categories: frozenset[str] = field(init=False)
    minimum_coins: int = field(init=False)
    minimum_thousandths: int = field(init=False)
    beyond_millionths: int = field(init=False)
    each_coins: int = field(init=False)
    minutes: tuple[int, int] | None = field(init=False)
    decimals: int = 2

    def __post_init__(self) -> None:
        terms, put = self.terms, object.__setattr__
        put(self, "skus", frozenset(terms.skus))
        put(self, "categories", frozenset(terms.categories))
        put(self, "minimum_coins", coins(terms.minimum_amount or "0", self.decimals) or 0)
        put(self, "minimum_thousandths", thousandths(terms.minimum_quantity or "0") or 0)
        factor = millionths(terms.gain.factor) if isinstance(terms.gain, Multiplier) else 1_000_000
        put(self, "beyond_millionths", factor - 1_000_000)
        put(self, "each_coins", (coins(terms.gain.each, self.decimals) or 0) if isinstance(terms.gain, PerAmount) else 0)
        hours = terms.from_time is not None and terms.to_time is not None
        put(self, "minutes", (_minutes(terms.from_time), _minutes(terms.to_time)) if hours else None)

    @property
    def on_lines(self) -> bool:
        """Whether it counts the lines that match, and not the whole basket."""
        return bool(self.skus or self.categories)

    @property
    def is_limited(self) -> bool:
        """Whether what was given before must be looked at."""
        return self.budget_points is not None or self.terms.member_times is not None or self.terms.member_points is not None


def _minutes(hour: str | None) -> int:
    hours, _, minutes = (hour or "00:00").partition(":")
    return int(hours) * 60 + int(minutes)


def read_terms(stored: object) -> Terms:
    """Terms out of a stored version. Raises msgspec.ValidationError naming the field."""
    return msgspec.convert(stored, Terms)


def gain_text(terms: Terms) -> str:
    """What a promotion brings, in short."""
    match terms.gain:
        case Multiplier(factor=factor):
            return f"{factor} times the points"
        case Fixed(points=points):
            return f"{points} points"
        case PerItem(points=points):
            return f"{points} points for each"
        case PerAmount(points=points, each=each):
            return f"{points} points for each full {each}"


def gain_value(terms: Terms) -> str:
    """The number of what a promotion brings."""
    return terms.gain.factor if isinstance(terms.gain, Multiplier) else str(terms.gain.points)

"""What a basket earns: one pure function for evaluating, for earning, and for what is left when goods come back.

Base: floor(rate x sum of amounts), shared out over the lines by largest remainder. A promotion adds whole points, rounded
down, shared out over the lines that it counts; one on the whole basket names no lines.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from rewards.rules.baskets import Line
from rewards.rules.money import rate_text, written
from rewards.rules.promotions import Fixed, Multiplier, PerAmount, PerItem, Rule, gain_text

MILLION = 1_000_000
MOST_TOLD = 100
"""Of how many promotions that gave nothing an answer tells the reason."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Who bought, where and when. `local` is in the brand's time zone; `segments` are the member's; a guest has none."""

    local: datetime
    segments: frozenset[int] = frozenset()
    store_id: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What is left of a promotion's limits for this member, and of its budget; None where there is none."""

    times: int | None = None
    points: int | None = None
    budget: int | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """What one promotion gave. `positions` are the lines that it counted, None for the whole basket; `shares` fall on them."""

    rule: Rule
    points: int
    positions: tuple[int, ...] | None
    shares: tuple[int, ...]
    explanation: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a promotion gave nothing."""

    rule: Rule
    reason: str


@dataclass(slots=True)
class Outcome:
    """What a basket earns, line by line, and why."""

    base: int
    lines: list[int]
    given: list[Given] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    @property
    def bonus(self) -> int:
        """What promotions added."""
        return sum(given.points for given in self.given)

    @property
    def total(self) -> int:
        """All of it."""
        return self.base + self.bonus


class Book:
    """The rules of one token, found by what they ask for, so that a basket meets only those that concern it."""

    def __init__(self, *, rate_millionths: int, rules: Iterable[Rule], decimals: int) -> None:
        self.rate_millionths, self.decimals = rate_millionths, decimals
        self.rules = sorted(rules, key=lambda rule: (-rule.terms.priority, rule.promotion_id))
        self.by_sku: dict[str, list[int]] = {}
        self.by_category: dict[str, list[int]] = {}
        self.by_segment: dict[int, list[int]] = {}
        self.for_all: list[int] = []
        self.unmet = [Refused(rule, "no_matching_line" if rule.on_lines else "not_in_segment") for rule in self.rules]
        for place, rule in enumerate(self.rules):
            self._enter(place, rule)

    def _enter(self, place: int, rule: Rule) -> None:
        if not rule.on_lines and not rule.segments:
            self.for_all.append(place)
        shelves: list[tuple[Any, Any]] = [(self.by_sku, rule.skus), (self.by_category, rule.categories)]
        if not rule.on_lines:
            shelves = [(self.by_segment, rule.segments)]
        for shelf, names in shelves:
            for name in names:
                shelf.setdefault(name, []).append(place)

    def with_draft(self, draft: Rule) -> "Book":
        """The same rules, a draft in the place of its running version."""
        others = [rule for rule in self.rules if rule.promotion_id != draft.promotion_id]
        return Book(rate_millionths=self.rate_millionths, rules=[*others, draft], decimals=self.decimals)

    def concerned(self, lines: Sequence[Line], segments: frozenset[int]) -> dict[int, list[int] | None]:
        """The rules that this basket meets, by place, with the lines that each counts; None for the whole basket."""
        met: dict[int, list[int] | None] = dict.fromkeys(self.for_all)
        for segment in segments:
            met |= dict.fromkeys(self.by_segment.get(segment, ()))
        for position, line in enumerate(lines):
            for place in self.by_sku.get(line.sku, ()):
                _count(met, place, position)
            if line.category is not None:
                for place in self.by_category.get(line.category, ()):
                    _count(met, place, position)
        return met


def _count(met: dict[int, list[int] | None], place: int, position: int) -> None:
    counted = met.get(place)
    if counted is None:
        met[place] = [position]
    elif counted[-1] != position:  # a line may match by both its product and its category
        counted.append(position)


def evaluate(
    book: Book,
    lines: Sequence[Line],
    seen: Circumstances,
    usage: Mapping[int, Usage] | None = None,
    *,
    met: Mapping[int, Sequence[int] | None] | None = None,
    tells_unmet: bool = True,
) -> Outcome:
    """What a basket earns; `usage` says by promotion what is left of its limits.

    `met` is what the book says concerns the basket, where that was asked before. Without `tells_unmet` nothing is said of
    promotions that the basket never met.
    """
    base, shares = base_of(lines, book.rate_millionths, book.decimals)
    outcome = Outcome(base, shares)
    concerned = book.concerned(lines, seen.segments) if met is None else met
    alone: Rule | None = None
    for place in sorted(concerned):
        rule, counted = book.rules[place], concerned[place]
        reason = _refusal(rule, lines, counted, seen)
        points = (
            gain_of(rule, lines, counted, rate_millionths=book.rate_millionths, decimals=book.decimals) if not reason else 0
        )
        if not reason:
            reason = "nothing_gained" if points == 0 else _spent(points, (usage or {}).get(rule.promotion_id))
        if not reason and (alone is not None or (rule.terms.exclusive and outcome.given)):
            reason = "not_combinable"
        if reason:
            outcome.refused.append(Refused(rule, reason))
            continue
        alone = rule if rule.terms.exclusive else None
        outcome.given.append(_given(book, rule, points, counted, lines))
        for position, share in zip(counted or (), outcome.given[-1].shares, strict=True):
            outcome.lines[position] += share
    if tells_unmet:
        _tell_others(book, concerned, outcome)
    return outcome


def base_of(lines: Sequence[Line], rate_millionths: int, decimals: int) -> tuple[int, list[int]]:
    """The points of the base, and each line's share."""
    amounts = [line.amount for line in lines]
    points = rate_millionths * sum(amounts) // int(MILLION * 10**decimals)
    return points, share_out(points, amounts)


def gain_of(rule: Rule, lines: Sequence[Line], counted: Sequence[int] | None, *, rate_millionths: int, decimals: int) -> int:
    """The points that a rule gives for the lines that it counts; nothing below its thresholds."""
    mine = lines if counted is None else [lines[position] for position in counted]
    amount, quantity = sum(line.amount for line in mine), sum(line.quantity for line in mine)
    if not mine or amount < rule.minimum_coins or quantity < rule.minimum_thousandths:
        return 0
    match rule.terms.gain:
        case Multiplier():
            return rate_millionths * rule.beyond_millionths * amount // int(MILLION * MILLION * 10**decimals)
        case Fixed(points=points):
            return points
        case PerItem(points=points):
            return points * (quantity // 1_000)
        case PerAmount(points=points):
            return points * (amount // rule.each_coins)


def counted_by(rule: Rule, lines: Sequence[Line]) -> list[int] | None:
    """The lines that a rule counts; None for the whole basket."""
    if not rule.on_lines:
        return None
    return [position for position, line in enumerate(lines) if line.sku in rule.skus or line.category in rule.categories]


def share_out(points: int, weights: Sequence[int]) -> list[int]:
    """Whole points over lines by largest remainder; ties go to the earlier line. Lines that weigh nothing share evenly."""
    total = sum(weights)
    if total == 0:
        weights, total = [1] * len(weights), len(weights)
    if points == 0 or not weights:
        return [0] * len(weights)
    shares, rests = [], []
    for position, weight in enumerate(weights):
        share, rest = divmod(points * weight, total)
        shares.append(share)
        rests.append((-rest, position))
    for _, position in sorted(rests)[: points - sum(shares)]:
        shares[position] += 1
    return shares


_HINDRANCES: tuple[tuple[str, Callable[[Rule, Circumstances], bool]], ...] = (
    ("not_started", lambda rule, seen: rule.terms.starts_at is not None and seen.local < rule.terms.starts_at),
    ("ended", lambda rule, seen: rule.terms.ends_at is not None and seen.local >= rule.terms.ends_at),
    ("not_in_segment", lambda rule, seen: bool(rule.segments) and not rule.segments & seen.segments),
    ("other_store", lambda rule, seen: bool(rule.terms.stores) and seen.store_id not in rule.terms.stores),
    ("other_channel", lambda rule, seen: bool(rule.terms.channels) and seen.channel not in rule.terms.channels),
    ("other_weekday", lambda rule, seen: bool(rule.terms.weekdays) and seen.local.isoweekday() not in rule.terms.weekdays),
    ("other_hour", lambda rule, seen: rule.minutes is not None and not _within(rule.minutes, seen.local)),
)
"""What can keep a rule from applying, whatever is in the basket; the first that does is told."""


def _refusal(rule: Rule, lines: Sequence[Line], counted: Sequence[int] | None, seen: Circumstances) -> str:
    """Why a rule does not apply, in a word; empty where it does."""
    for reason, hinders in _HINDRANCES:
        if hinders(rule, seen):
            return reason
    mine = lines if counted is None else [lines[position] for position in counted]
    if rule.minimum_coins and sum(line.amount for line in mine) < rule.minimum_coins:
        return "below_minimum_amount"
    if rule.minimum_thousandths and sum(line.quantity for line in mine) < rule.minimum_thousandths:
        return "below_minimum_quantity"
    return ""


def _within(minutes: tuple[int, int], local: datetime) -> bool:
    """Whether it is within the hours; an end before the start lies on the next day."""
    begin, end = minutes
    now = local.hour * 60 + local.minute
    return begin <= now < end if begin < end else now >= begin or now < end


def _spent(points: int, left: Usage | None) -> str:
    """Whether limits or budget forbid the gain; a promotion gives all of it or nothing."""
    if left is None:
        return ""
    if left.budget is not None and points > left.budget:
        return "budget_used_up"
    if (left.times is not None and left.times < 1) or (left.points is not None and points > left.points):
        return "limit_reached"
    return ""


def _given(book: Book, rule: Rule, points: int, counted: Sequence[int] | None, lines: Sequence[Line]) -> Given:
    mine = lines if counted is None else [lines[position] for position in counted]
    told: dict[str, Any] = {
        "text": gain_text(rule.terms),
        "kind": type(rule.terms.gain).__struct_config__.tag,
        "amount": written(sum(line.amount for line in mine), book.decimals),
        "quantity": sum(line.quantity for line in mine) / 1_000,
    }
    if isinstance(rule.terms.gain, Multiplier):
        told |= {"factor": rule.terms.gain.factor, "rate": rate_text(book.rate_millionths)}
    if rule.segments:
        told["segments"] = sorted(rule.segments)
    if rule.terms.minimum_amount is not None:
        told["minimum_amount"] = rule.terms.minimum_amount
    if counted is None:
        return Given(rule, points, None, (), told)
    return Given(rule, points, tuple(counted), tuple(share_out(points, [line.amount for line in mine])), told)


def _tell_others(book: Book, concerned: Mapping[int, Any], outcome: Outcome) -> None:
    """Say of rules that the basket never met why that is, as far as an answer has room."""
    room = MOST_TOLD - len(outcome.refused)
    unmet = (refused for place, refused in enumerate(book.unmet) if place not in concerned)
    outcome.refused += islice(unmet, max(room, 0))
    del outcome.refused[MOST_TOLD:]


def kept_points(
    paid: Sequence[tuple[Rule, int]], base_left: int, lines: Sequence[Line], *, rate_millionths: int, decimals: int
) -> tuple[int, list[int]]:
    """What the base and each rule that paid would have given for the lines that were kept, never more than is left of it.

    `paid` are the rules with what is left of what they gave. Who bought and when is not asked again: those rules paid.
    """
    base, _ = base_of(lines, rate_millionths, decimals)
    kept = [
        min(left, gain_of(rule, lines, counted_by(rule, lines), rate_millionths=rate_millionths, decimals=decimals))
        for rule, left in paid
    ]
    return min(base, base_left), kept

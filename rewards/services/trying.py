"""A promotion is tried on baskets that were bought: what it would have given, to how many, and what that costs."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from ledger.models import Token
from rewards.errors import PromotionNotFound
from rewards.models import Earning, Promotion
from rewards.rules.baskets import restored
from rewards.rules.earning import Book, Circumstances, Usage, evaluate
from rewards.rules.money import decimals_of, millionths
from rewards.rules.periods import period_of
from rewards.rules.promotions import Rule
from rewards.services.evaluating import BasketOrder, Judged, judge
from rewards.services.promotions import checked_terms
from users.models import SegmentMember

CHUNK = 2_000


@dataclass(slots=True)
class Trial:
    """What a promotion would have given. `cost` is in the brand's currency, None where nobody said what a point costs."""

    baskets: int = 0
    rewarded: int = 0
    points: int = 0
    cost: Decimal | None = None
    members: set[int] = field(default_factory=set)
    reasons: Counter[str] = field(default_factory=Counter)


def try_promotion(
    *, brand_id: int, promotion_id: int, since: datetime, until: datetime | None = None, newest: int | None = None
) -> Trial:
    """Judge a promotion's draft on the baskets that were bought since an instant, within its own limits and budget.

    With `newest` no more than so many baskets are looked at, those that the brand's tills told last. Members are in the
    segments that they are in now. Raises PromotionNotFound, InvalidRequest naming a field of the terms.
    """
    rows = Promotion.objects.select_related("brand", "token").filter(brand_id=brand_id, pk=promotion_id)
    promotion = rows.first()
    if promotion is None:
        raise PromotionNotFound
    rule = draft_rule(promotion)
    trial, limits = Trial(), _Limits(rule)
    rate = (promotion.brand, promotion.token)
    for earning, segments in _baskets(promotion, since, until, newest):
        basket = earning.basket or {}
        local = earning.occurred_at.astimezone(rate[0].zone)
        seen = Circumstances(local, segments, basket["store_id"], basket["channel"])
        book = Book(rate_millionths=millionths(earning.rules["base"]["rate"]), rules=[rule], decimals=rule.decimals)
        usage = {rule.promotion_id: limits.left(earning.member_id, local)}
        outcome = evaluate(book, restored(basket["lines"]), seen, usage)
        trial.baskets += 1
        trial.reasons.update(refused.reason for refused in outcome.refused)
        if outcome.given:
            trial.rewarded += 1
            trial.points += outcome.bonus
            trial.members.add(earning.member_id)
            limits.count(earning.member_id, local, outcome.bonus)
    trial.cost = _cost(promotion.token, trial.points)
    return trial


def try_basket(*, promotion: Promotion, order: BasketOrder, at: datetime) -> Judged:
    """What a basket would earn at an instant, now or another, were the promotion's draft published; posts nothing.

    Raises what evaluate_basket does, InvalidRequest naming a field of the terms.
    """
    return judge(replace(order, token_id=promotion.token_id, occurred_at=None), at, hold=False, draft=draft_rule(promotion))


def draft_rule(promotion: Promotion) -> Rule:
    """The draft of a promotion in the form in which it is judged. Raises InvalidRequest naming a field of the terms."""
    return Rule(
        promotion_id=promotion.pk,
        version_id=0,
        number=0,
        name=promotion.name,
        terms=checked_terms(promotion.draft, brand=promotion.brand),
        segments=frozenset(promotion.ties.values_list("segment_id", flat=True)),
        budget_points=promotion.budget_points,
        decimals=decimals_of(promotion.brand.currency),
    )


class _Limits:
    """What is left of a promotion's limits while past baskets pass by."""

    def __init__(self, rule: Rule) -> None:
        self.rule, self.spent = rule, 0
        self.times: Counter[tuple[int, str]] = Counter()
        self.points: Counter[tuple[int, str]] = Counter()

    def left(self, member_id: int, local: datetime) -> Usage:
        terms, key = self.rule.terms, self._key(member_id, local)
        return Usage(
            times=None if terms.member_times is None else terms.member_times - self.times[key],
            points=None if terms.member_points is None else terms.member_points - self.points[key],
            budget=None if self.rule.budget_points is None else self.rule.budget_points - self.spent,
        )

    def count(self, member_id: int, local: datetime, points: int) -> None:
        key = self._key(member_id, local)
        self.times[key] += 1
        self.points[key] += points
        self.spent += points

    def _key(self, member_id: int, local: datetime) -> tuple[int, str]:
        return member_id, period_of(self.rule.terms.member_period, local)


def _baskets(
    promotion: Promotion, since: datetime, until: datetime | None, newest: int | None
) -> Iterator[tuple[Earning, frozenset[int]]]:
    """Past baskets of the promotion's token in the order in which they were earned on, with their members' segments."""
    rows = Earning.objects.filter(
        brand_id=promotion.brand_id, token_id=promotion.token_id, occurred_at__gte=since, basket__isnull=False
    )
    if until is not None:
        rows = rows.filter(occurred_at__lt=until)
    if newest is not None:
        told = Earning.objects.filter(brand_id=promotion.brand_id).order_by("-pk").values_list("pk", flat=True)
        rows = rows.filter(pk__gt=told[newest : newest + 1].first() or 0)
    fields = rows.only("brand", "member", "occurred_at", "basket", "rules").order_by("occurred_at", "pk")
    chunk: list[Earning] = []
    for earning in fields.iterator(chunk_size=CHUNK):
        chunk.append(earning)
        if len(chunk) == CHUNK:
            yield from _with_segments(promotion.brand_id, chunk)
            chunk = []
    yield from _with_segments(promotion.brand_id, chunk)


def _with_segments(brand_id: int, chunk: list[Earning]) -> Iterator[tuple[Earning, frozenset[int]]]:
    places = SegmentMember.objects.filter(brand_id=brand_id, member__in={earning.member_id for earning in chunk})
    held: dict[int, set[int]] = {}
    for member_id, segment_id in places.values_list("member", "segment"):
        held.setdefault(member_id, set()).add(segment_id)
    for earning in chunk:
        yield earning, frozenset(held.get(earning.member_id, ()))


def _cost(token: Token, points: int) -> Decimal | None:
    return None if token.offramp is None else token.offramp * points

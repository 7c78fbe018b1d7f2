"""Earnings are taken back, whole or by lines, under the very rules that paid."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from ledger.errors import InsufficientBalance, NotReversible
from ledger.models import Transaction, TransactionType
from ledger.selectors import spendable
from ledger.services.posting import Posted, lock_account, settle_due_lots
from ledger.services.reversing import ReversalOrder, reverse
from loyalty.database import constraint_of, write
from rewards.errors import AlreadyReversed, EarningNotFound, PointsAlreadySpent, ReversalIdReused
from rewards.models import Earning, EarningReversal, Promotion, PromotionUse
from rewards.rules.baskets import BasketFault, Line, give_back, left_of, restored
from rewards.rules.earning import kept_points
from rewards.rules.money import millionths, thousandths
from rewards.rules.promotions import Rule
from rewards.services.books import paid_rules
from rewards.services.business_keys import Answered, fingerprint, first_answer
from rewards.services.evaluating import refused
from users.models import Member
from users.selectors import family_of

OWN_TYPES = frozenset({TransactionType.EARN})


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBackOrder:
    """What came back of an earning: lines with quantities (None: all that is left of a line), or all of it.

    `force` lets the account go below its floor where the points are spent.
    """

    brand_id: int
    transaction_id: str
    reversal_id: str
    content: bytes
    actor: str
    lines: Sequence[tuple[str, str | int | None]] | None = None
    reason: str = ""
    force: bool = False


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What was taken; `posted` is None where that is nothing. `lapsed` points were gone before, and were not taken again."""

    points: int
    lapsed: int
    remaining: int
    balance: int
    posted: Posted | None


@dataclass(frozen=True, slots=True)
class _Reduction:
    """How much less a rule gives in the end; `gone` where nothing is left.

    `budgeted` where it came out of a budget; `period` is the one in which it was counted for the member, if it was.
    """

    rule: Rule
    points: int
    gone: bool
    budgeted: bool
    period: str | None


@dataclass(frozen=True, slots=True)
class _Part:
    """What comes back now, what has come back in all then, and what each rule keeps of what it gave."""

    lines: dict[str, dict[str, int]]
    returned: dict[str, dict[str, int]]
    rules: dict[str, Any]
    points: int
    reductions: list["_Reduction"]


def take_back(*, order: TakeBackOrder, at: datetime, render: Callable[[TakenBack], str]) -> Answered:
    """Take back what an earning gave for what came back; nothing less, nothing more, once for each reversal_id.

    Points of the earning that have lapsed meanwhile are not taken a second time; where a merge put them together with
    others that lapse on the same day, what lapsed of them all counts as the earning's. Raises EarningNotFound, AlreadyReversed,
    ReversalIdReused, FirstAnswerErased, PointsAlreadySpent, InvalidRequest naming a line.
    """
    return write(lambda: _take_back(order, at, render))


def _take_back(order: TakeBackOrder, at: datetime, render: Callable[[TakenBack], str]) -> Answered:
    earning = _held(order)
    twin = EarningReversal.objects.filter(brand_id=order.brand_id, reversal_id=order.reversal_id).first()
    if twin is not None:
        if twin.earning_id != earning.pk:
            raise ReversalIdReused
        return Answered(first_answer(twin, order.content, reused=ReversalIdReused), first=False)
    if earning.basket is None:
        raise EarningNotFound
    part = _part(order, earning)
    taken = _take(order, earning, part, at)
    text = render(taken)
    _store(order, earning, part, taken, text=text, at=at)
    return Answered(text, first=True, member_id=earning.member_id)


def _held(order: TakeBackOrder) -> Earning:
    """The earning, held after its account, as every other way to it goes. Raises EarningNotFound."""
    rows = Earning.objects.filter(brand_id=order.brand_id, transaction_id=order.transaction_id)
    account_id = rows.values_list("posting__account", flat=True).first()
    if account_id is not None:
        lock_account(account_id)
    earning = rows.select_for_update(of=("self",), no_key=True).select_related("posting", "member").first()
    if earning is None:
        raise EarningNotFound
    return earning


def _part(order: TakeBackOrder, earning: Earning) -> _Part:
    rules = earning.rules
    lines, decimals = restored((earning.basket or {})["lines"]), rules["base"]["decimals"]
    before = left_of(lines, earning.returned)
    if not before:
        raise AlreadyReversed
    try:
        now, total = give_back(lines, earning.returned, _asked(order, before))
    except BasketFault as fault:
        raise refused(fault) from None
    known = paid_rules(order.brand_id, [paid["version"] for paid in rules["promotions"]], decimals=decimals)
    paid = [(known[row["version"]], row["points"]) for row in rules["promotions"]]
    rate = millionths(rules["base"]["rate"])
    base, kept = kept_points(paid, rules["base"]["points"], left_of(lines, total), rate_millionths=rate, decimals=decimals)
    left = {
        "base": rules["base"] | {"points": base},
        "promotions": [row | {"points": points} for row, points in zip(rules["promotions"], kept, strict=True)],
    }
    reductions = [
        _Reduction(rule, given - points, points == 0, row["budgeted"], row["period"])
        for (rule, given), points, row in zip(paid, kept, rules["promotions"], strict=True)
        if given > points
    ]
    taken = rules["base"]["points"] - base + sum(reduction.points for reduction in reductions)
    return _Part(now, total, left, taken, reductions)


def _asked(order: TakeBackOrder, before: Sequence[Line]) -> list[tuple[str, int | None]]:
    """The parts that come back; quantities in thousandths. Raises BasketFault."""
    if order.lines is None:
        return [(line.key, None) for line in before]
    parts = []
    for index, (key, quantity) in enumerate(order.lines):
        part = None if quantity is None else thousandths(quantity)
        if quantity is not None and part is None:
            raise BasketFault(f"lines.{index}.quantity", f"line {key}: a quantity above 0, with up to three decimals")
        parts.append((key, part))
    return parts


def _take(order: TakeBackOrder, earning: Earning, part: _Part, at: datetime) -> TakenBack:
    posting, remaining = earning.posting, earning.remaining - part.points
    if posting is None or part.points == 0:
        return TakenBack(0, 0, remaining, _balance(earning, at), None)
    due = max(0, min(part.points, _takeable(posting, at)))
    if due == 0:
        return TakenBack(0, part.points, remaining, _balance(earning, at), None)
    reversal = ReversalOrder(
        brand_id=order.brand_id,
        transaction_id=posting.pk,
        amount=due,
        reason=order.reason,
        actor=order.actor,
        explanation={"reversal_id": order.reversal_id, "lapsed": part.points - due},
        reversible=OWN_TYPES,
        below_floor=order.force,
    )
    try:
        posted = reverse(order=reversal, at=at)
    except InsufficientBalance:
        raise PointsAlreadySpent from None
    except NotReversible:
        raise EarningNotFound from None
    return TakenBack(due, part.points - due, remaining, _balance(earning, at), posted)


def _takeable(posting: Transaction, at: datetime) -> int:
    """What of an earning's points was neither taken back nor has lapsed; its account is held."""
    taken: int = sum(posting.reversals.values_list("amount", flat=True))
    if posting.expires_at is None:
        return posting.amount + taken
    lapsed, lots = 0, [(posting.account_id, posting.sequence)]
    while lots:
        account_id = lots[0][0]
        settle_due_lots(lock_account(account_id), at=at)
        lapsed += sum(_lapsed(posting.brand_id, account_id, lot) for _, lot in lots)
        lots = _moved_on(posting, account_id)
    return posting.amount + taken - lapsed


def _moved_on(posting: Transaction, account_id: int) -> list[tuple[int, int]]:
    """The lots, all on one account, that a merge made of those of an account that lapse with a posting's."""
    member = Member.objects.select_related("merged_into").get(accounts=account_id)
    if member.merged_into is None:
        return []
    family = family_of(member.merged_into.pk)
    rows = Transaction.objects.filter(
        brand_id=posting.brand_id, type=TransactionType.MERGE, amount__gt=0, expires_at=posting.expires_at
    )
    rows = rows.filter(account__member__in=family, explanation__from_account=account_id)
    return list(rows.exclude(account=account_id).values_list("account_id", "sequence"))


def _lapsed(brand_id: int, account_id: int, lot: int) -> int:
    """The points of a lot that have lapsed."""
    expiries = Transaction.objects.filter(
        brand_id=brand_id, account=account_id, type=TransactionType.EXPIRY, lots__contains=[lot]
    )
    return sum(_of_lot(row or (), lot) for row in expiries.values_list("lots", flat=True))


def _of_lot(pairs: Sequence[int], lot: int) -> int:
    return -sum(int(points) for sequence, points in zip(pairs[::2], pairs[1::2], strict=True) if sequence == lot)


def _balance(earning: Earning, at: datetime) -> int:
    member = earning.member.heir
    return spendable(brand_id=earning.brand_id, member_id=member.pk, token_id=earning.token_id, at=at)


def _store(order: TakeBackOrder, earning: Earning, part: _Part, taken: TakenBack, *, text: str, at: datetime) -> None:
    salt, digest = fingerprint(order.content)
    try:
        with transaction.atomic():
            EarningReversal.objects.create(
                brand_id=order.brand_id,
                earning=earning,
                reversal_id=order.reversal_id,
                salt=salt,
                fingerprint=digest,
                lines=part.lines,
                points=taken.points,
                forced=order.force,
                answer=text,
                posting_id=taken.posted.id if taken.posted is not None else None,
                actor=order.actor,
                recorded_at=at,
            )
    except IntegrityError as error:
        if constraint_of(error) == "earning_reversal_once":  # another earning's, at the same instant
            raise ReversalIdReused from None
        raise
    earning.remaining, earning.returned, earning.rules = taken.remaining, part.returned, part.rules
    earning.save(update_fields=["remaining", "returned", "rules"])
    _give_back_limits(earning, part.reductions)


def _give_back_limits(earning: Earning, reductions: Sequence[_Reduction]) -> None:
    """What was taken back counts no longer: for budgets, and for what one member may have."""
    for reduction in sorted(reductions, key=lambda reduction: reduction.rule.promotion_id):
        rule, points = reduction.rule, reduction.points
        if reduction.budgeted:
            promotions = Promotion.objects.filter(brand_id=earning.brand_id, pk=rule.promotion_id)
            promotions.update(spent_points=F("spent_points") - points)
        if reduction.period is None:
            continue
        uses = PromotionUse.objects.filter(
            brand_id=earning.brand_id,
            promotion_id=rule.promotion_id,
            member_id=earning.member.heir.pk,
            period=reduction.period,
        )
        uses.filter(points__gte=points).update(points=F("points") - points)
        if reduction.gone:
            uses.filter(times__gte=1).update(times=F("times") - 1)

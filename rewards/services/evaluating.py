"""What a basket would earn now: a read, however often it is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from ledger.errors import BalanceLimit
from ledger.models.accounts import BALANCE_LIMIT
from ledger.models.tokens import TokenType
from ledger.selectors import find_token
from ledger.services.posting import lock_account, open_account
from loyalty.database import execute_prepared
from loyalty.errors import FieldError, InvalidRequest, invalid_field
from rewards.errors import ProgrammeMissing, UnknownCurrency
from rewards.models import Promotion, PromotionUse
from rewards.rules.baskets import AskedLine, BasketFault, Line, read_lines
from rewards.rules.earning import Circumstances, Outcome, Usage, evaluate
from rewards.rules.periods import period_of
from rewards.rules.promotions import Rule
from rewards.services.books import Rules, rules_of
from users.errors import UserNotFound

SKEW = timedelta(seconds=5)
"""How far ahead the clock of a till may be."""

FACTS = """
SELECT p.revision, m.id, ARRAY(SELECT s.segment_id FROM users_segmentmember s WHERE s.member_id = m.id)
FROM rewards_programme p
LEFT JOIN users_member m ON m.brand_id = p.brand_id AND m.auth_id = %s::text
WHERE p.brand_id = %s::bigint
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketOrder:
    """A basket as a till tells it, money as decimals, or with lines that were read already.

    `member` None is a guest; `token_id` None the programme's.
    """

    brand_id: int
    member: str | None
    currency: str
    lines: Sequence[AskedLine] | tuple[Line, ...]
    occurred_at: datetime | None = None
    store_id: str | None = None
    channel: str | None = None
    token_id: int | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A basket, under which rules it was judged, and what came of it."""

    rules: Rules
    token_id: int
    member_id: int | None
    lines: tuple[Line, ...]
    occurred_at: datetime
    seen: Circumstances
    outcome: Outcome


def evaluate_basket(*, order: BasketOrder, at: datetime) -> Judged:
    """What a basket would earn. Raises InvalidRequest naming the field, UnknownCurrency, TokenNotFound, UserNotFound,
    ProgrammeMissing, BalanceLimit.
    """
    return judge(order, at, hold=False)


def judge(order: BasketOrder, at: datetime, *, hold: bool, draft: Rule | None = None) -> Judged:
    """Judge a basket; with `hold` budgets stay as they are seen until the transaction ends. A draft takes the place of its
    running version.
    """
    revision, member_id, segments = _facts(order)
    rules = rules_of(order.brand_id, revision)
    token_id = rules.token_id if order.token_id is None else order.token_id
    if token_id != rules.token_id:
        find_token(brand_id=order.brand_id, token_id=token_id, type_=TokenType.ERC20)
    lines, occurred_at = _read(order, rules, at)
    seen = Circumstances(occurred_at.astimezone(rules.zone), frozenset(segments or ()), order.store_id, order.channel)
    book = rules.book(token_id) if draft is None else rules.book(token_id).with_draft(draft)
    limited = [rule for place in book.concerned(lines, seen.segments) if (rule := book.rules[place]).is_limited]
    usage = usage_of(order.brand_id, member_id, token_id, limited, seen, hold=hold) if limited else {}
    outcome = evaluate(book, lines, seen, usage)
    check_total(outcome)
    return Judged(rules, token_id, member_id, lines, occurred_at, seen, outcome)


def check_total(outcome: Outcome) -> None:
    """Refuse what no account could ever hold. Raises BalanceLimit."""
    if outcome.total >= BALANCE_LIMIT:
        raise BalanceLimit


def usage_of(
    brand_id: int, member_id: int | None, token_id: int, limited: Sequence[Rule], seen: Circumstances, *, hold: bool
) -> Mapping[int, Usage]:
    """What is left of the limits of promotions: of their budgets, and of what one member may have of them."""
    if hold and member_id is not None:  # so that no other earning of the member counts meanwhile
        lock_account(open_account(brand_id=brand_id, member_id=member_id, token_id=token_id))
    budgets = _budgets(brand_id, [rule.promotion_id for rule in limited if rule.budget_points is not None], hold=hold)
    used: dict[tuple[int, str], tuple[int, int]] = {}
    if member_id is not None:
        uses = PromotionUse.objects.filter(brand_id=brand_id, member_id=member_id)
        rows = uses.filter(promotion_id__in=[rule.promotion_id for rule in limited])
        used = {(use.promotion_id, use.period): (use.times, use.points) for use in rows}
    left = {}
    for rule in limited:
        times, points = used.get((rule.promotion_id, period_of(rule.terms.member_period, seen.local)), (0, 0))
        most = rule.terms
        left[rule.promotion_id] = Usage(
            times=None if most.member_times is None else most.member_times - times,
            points=None if most.member_points is None else most.member_points - points,
            budget=budgets.get(rule.promotion_id),
        )
    return left


def _budgets(brand_id: int, promotion_ids: list[int], *, hold: bool) -> dict[int, int | None]:
    """What is left of budgets; held in the order of their ids, so that two who need several wait in no circle."""
    if not promotion_ids:
        return {}
    rows = Promotion.objects.filter(brand_id=brand_id, pk__in=promotion_ids).order_by("pk")
    if hold and connection.in_atomic_block:
        rows = rows.select_for_update(no_key=True)
    told = rows.values_list("pk", "budget_points", "spent_points")
    return {pk: None if budget is None else budget - spent for pk, budget, spent in told}


def _facts(order: BasketOrder) -> tuple[int, int | None, list[int] | None]:
    """The revision of the rules, the member and their segments, in one look."""
    rows = execute_prepared(FACTS, [order.member, order.brand_id])
    if not rows:
        raise ProgrammeMissing
    revision, member_id, segments = rows[0]
    if member_id is None and order.member is not None:
        raise UserNotFound(errors=[FieldError("member_id", "member_not_found", "the brand has no such member")])
    return revision, member_id, segments


def _read(order: BasketOrder, rules: Rules, at: datetime) -> tuple[tuple[Line, ...], datetime]:
    if order.currency != rules.currency:
        detail = f"currency: the brand counts in {rules.currency}"
        raise UnknownCurrency(detail, errors=[FieldError("currency", "unknown_currency", detail.partition(": ")[2])])
    occurred_at = judged_instant(order.occurred_at, rules.backdating_days, at)
    try:
        read = tuple(line for line in order.lines if isinstance(line, Line))
        return read or read_lines(
            [line for line in order.lines if not isinstance(line, Line)], decimals=rules.decimals
        ), occurred_at
    except BasketFault as fault:
        raise refused(fault) from None


def judged_instant(occurred_at: datetime | None, backdating_days: int, at: datetime) -> datetime:
    """When it happened: now unless told. Raises InvalidRequest for the future, and for what is too long ago."""
    if occurred_at is None:
        return at
    if occurred_at > at + SKEW:
        raise invalid_field("occurred_at", "not in the future", code="in_the_future")
    if occurred_at < at - timedelta(days=backdating_days):
        raise invalid_field("occurred_at", f"not more than {backdating_days} days ago", code="too_long_ago")
    return min(occurred_at, at)


def refused(fault: BasketFault) -> InvalidRequest:
    """A line that cannot be, as a refusal."""
    return InvalidRequest(f"{fault.field}: {fault.detail}", errors=[FieldError(fault.field, "invalid", fault.detail)])


def told(judged: Judged) -> dict[str, Any]:
    """The explanation: what was given for what, and what was not and why. Shapes and units as the Retail API answers them."""
    outcome, names = judged.outcome, [line.name for line in judged.lines]
    return {
        "points": {"total": outcome.total, "base": outcome.base, "bonus": outcome.bonus},
        "promotions": [
            {
                "id": given.rule.promotion_id,
                "name": given.rule.name,
                "version": given.rule.number,
                "points": given.points,
                "lines": []
                if given.positions is None
                else [
                    {"line": names[position], "points": share}
                    for position, share in zip(given.positions, given.shares, strict=True)
                ],
                "explanation": given.explanation,
            }
            for given in outcome.given
        ],
        "not_applied": [
            {"id": refused.rule.promotion_id, "name": refused.rule.name, "reason": refused.reason}
            for refused in outcome.refused
        ],
        "lines": [{"line": name, "points": points} for name, points in zip(names, outcome.lines, strict=True)],
    }

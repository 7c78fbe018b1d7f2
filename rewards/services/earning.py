"""Earning on a basket: judged, posted, explained and stored in one transaction, once for each transaction_id."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from ledger.models import Counterpart, TransactionType
from ledger.models.tokens import TokenType
from ledger.selectors import find_token, spendable
from ledger.services.posting import Holder, Posted, Posting, lapse_of, post
from loyalty.database import execute_prepared, write
from rewards.errors import TransactionIdReused
from rewards.rules.baskets import stored
from rewards.rules.earning import Given
from rewards.rules.money import rate_text
from rewards.rules.periods import period_of
from rewards.rules.promotions import Rule
from rewards.services.business_keys import Answered, Earlier, fingerprint, first_answer
from rewards.services.evaluating import BasketOrder, Judged, judge
from users.errors import UserNotFound
from users.services.members import locked_member

EARLIER = """
SELECT salt, fingerprint, answer FROM rewards_earning WHERE brand_id = %s::bigint AND transaction_id = %s::text
"""
STORE = """
INSERT INTO rewards_earning (brand_id, member_id, token_id, transaction_id, salt, fingerprint, occurred_at, points, remaining,
  basket, rules, answer, posting_id, actor, recorded_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s::jsonb, %s, %s, %s, %s)
"""
USE = """
INSERT INTO rewards_promotionuse AS u (brand_id, promotion_id, member_id, period, times, points)
VALUES (%s, %s, %s, %s, 1, %s)
ON CONFLICT (brand_id, promotion_id, member_id, period) DO UPDATE SET times = u.times + 1, points = u.points + EXCLUDED.points
"""
SPEND = "UPDATE rewards_promotion SET spent_points = spent_points + %s WHERE brand_id = %s AND id = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class EarnOrder:
    """A basket that a member paid; `content` is the request in canonical form, by which a repeated one is known."""

    basket: BasketOrder
    transaction_id: str
    content: bytes
    actor: str


@dataclass(frozen=True, slots=True)
class Earned:
    """What a basket earned, and the receipt of the ledger; `posted` is None where that is nothing, and `balance` where
    nobody asks for it then.
    """

    judged: Judged
    posted: Posted | None
    balance: int | None


def earn(*, order: EarnOrder, at: datetime, render: Callable[[Earned], str]) -> Answered:
    """Give a member the points of a basket; what `render` makes of it is stored with it, and answered whenever it comes again.

    Raises what evaluate_basket does, TransactionIdReused, FirstAnswerErased, BalanceLimit.
    """
    return write(lambda: _earn(order, at, render))


def _earn(order: EarnOrder, at: datetime, render: Callable[[Earned], str]) -> Answered:
    earlier = execute_prepared(EARLIER, [order.basket.brand_id, order.transaction_id])
    if earlier:
        return Answered(first_answer(Earlier(*earlier[0]), order.content, reused=TransactionIdReused), first=False)
    judged = judge(order.basket, at, hold=True)
    earned = _post(order, judged, at)
    _count(judged, order.basket.brand_id)
    text = render(earned)
    _store(order, earned, text, at)
    return Answered(text, first=True, member_id=judged.member_id)


def _post(order: EarnOrder, judged: Judged, at: datetime) -> Earned:
    brand_id, auth_id, total = order.basket.brand_id, order.basket.member or "", judged.outcome.total
    if total == 0:  # no posting holds the member against being erased, so that no basket is kept behind an erasure's back
        member = locked_member(brand_id=brand_id, auth_id=auth_id)
        _check_same(judged, member.pk)
        return Earned(judged, None, spendable(brand_id=brand_id, member_id=member.pk, token_id=judged.token_id, at=at))
    token = find_token(brand_id=brand_id, token_id=judged.token_id, type_=TokenType.ERC20)
    posted = post(
        Posting(
            account=Holder(brand_id, auth_id, judged.token_id),
            amount=total,
            type=TransactionType.EARN,
            counterpart=Counterpart.ISSUANCE,
            at=at,
            effective_at=judged.occurred_at,
            expires_at=lapse_of(token, at=at),
            actor=order.actor,
            explanation=rules_paid(judged) | {"transaction_id": order.transaction_id},
        )
    )
    _check_same(judged, posted.member_id)
    return Earned(judged, posted, posted.balance_after)


def _check_same(judged: Judged, member_id: int) -> None:
    """Refuse to post to another than was judged: erased meanwhile, and made anew under the same name. Raises UserNotFound."""
    if member_id != judged.member_id:
        raise UserNotFound


def rules_paid(judged: Judged) -> dict[str, object]:
    """The base and the versions of promotions that paid, with what each gave."""
    book = judged.rules.book(judged.token_id)
    return {
        "base": {
            "points": judged.outcome.base,
            "rate": rate_text(book.rate_millionths),
            "decimals": judged.rules.decimals,
            "version": judged.rules.base_numbers.get(judged.token_id),
        },
        "promotions": [
            {
                "id": given.rule.promotion_id,
                "version": given.rule.version_id,
                "number": given.rule.number,
                "points": given.points,
                "budgeted": given.rule.budget_points is not None,
                "period": counted_in(given.rule, judged),
            }
            for given in judged.outcome.given
        ],
    }


def counted_in(rule: Rule, judged: Judged) -> str | None:
    """The period in which it counts for the member what a promotion gave; None where that has no limit."""
    if rule.terms.member_times is None and rule.terms.member_points is None:
        return None
    return period_of(rule.terms.member_period, judged.seen.local)


def _count(judged: Judged, brand_id: int) -> None:
    """Note what limits and budgets go by, in the order of the promotions' ids."""
    limited: Sequence[Given] = [given for given in judged.outcome.given if given.rule.is_limited]
    for given in sorted(limited, key=lambda given: given.rule.promotion_id):
        rule = given.rule
        if rule.budget_points is not None:
            execute_prepared(SPEND, [given.points, brand_id, rule.promotion_id])
        period = counted_in(rule, judged)
        if period is not None:
            execute_prepared(USE, [brand_id, rule.promotion_id, judged.member_id, period, given.points])


def _store(order: EarnOrder, earned: Earned, text: str, at: datetime) -> None:
    judged, (salt, digest) = earned.judged, fingerprint(order.content)
    basket = {"lines": stored(judged.lines), "store_id": order.basket.store_id, "channel": order.basket.channel}
    total = judged.outcome.total
    execute_prepared(
        STORE,
        [
            order.basket.brand_id,
            judged.member_id,
            judged.token_id,
            order.transaction_id,
            salt,
            digest,
            judged.occurred_at,
            total,
            total,
            msgspec.json.encode(basket).decode(),
            msgspec.json.encode(rules_paid(judged)).decode(),
            text,
            earned.posted.id if earned.posted is not None else None,
            order.actor,
            at,
        ],
    )

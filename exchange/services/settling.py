"""What an answer does to an order. The order is held while it is judged, so that of two answers one comes second.

What an attempt brought is written once and never thrown away; whether it moves the order depends on where that stands
by then. A credit counts whenever it is told; anything else only from the attempt that was begun last.
"""

import random
from datetime import datetime, timedelta

from django.db.models import F

from exchange.adapters.base import Answer, AnswerKind
from exchange.errors import OrderMoved
from exchange.models import Act, ExchangeAttempt, ExchangeMove, ExchangeOrder
from exchange.rules.orders import FINAL, MOVES, OPEN, OrderState, wait_after, wait_while_pending
from exchange.rules.rates import cost_of
from ledger.errors import AccountClosed, BalanceLimit, InsufficientBalance, NotReversible
from ledger.models import Counterpart, TransactionType
from ledger.services.merging import heir_account
from ledger.services.posting import SYSTEM, Posting, post
from ledger.services.reversing import ReversalOrder, reverse
from loyalty.database import write
from users.email_kinds import EmailKind
from users.models import Member
from users.services.emails import queue_email
from users.services.webhooks import is_heard, queue_event
from users.webhook_events import WebhookEvent

EXCHANGES = frozenset(
    {TransactionType.POINTS_TO_EXTERNAL_REWARDS, TransactionType.EXCHANGE, TransactionType.CODE_TO_EXTERNAL_REWARDS}
)
AGAIN = "credited_after_refusal"
EVENTS = {
    OrderState.SETTLED: WebhookEvent.EXCHANGE_SETTLED,
    OrderState.REFUSED: WebhookEvent.EXCHANGE_REFUSED,
    OrderState.PARKED: WebhookEvent.EXCHANGE_PARKED,
}
LONGEST_DETAIL = 200


def record_answer(*, attempt_id: int, answer: Answer, at: datetime) -> ExchangeOrder:
    """Write what an attempt brought, and move its order accordingly, in one transaction."""

    def effect() -> ExchangeOrder:
        held = ExchangeOrder.objects.select_for_update(no_key=True, of=("self",))
        order = held.filter(calls__pk=attempt_id).annotate(number=F("calls__number")).get()
        unanswered = ExchangeAttempt.objects.filter(pk=attempt_id, ended_at__isnull=True)
        detail = f"{answer.code} {answer.detail}".strip()[:LONGEST_DETAIL]
        if unanswered.update(ended_at=at, outcome=answer.kind.value, detail=detail):
            _judge(order, answer, at, latest=order.number == order.attempts)
        return order

    return write(effect)


def record_notice(*, order: ExchangeOrder, answer: Answer, at: datetime) -> None:
    """Write what a partner told unasked, and move the order, which is held, inside an open transaction."""
    order.attempts += 1
    order.save(update_fields=["attempts"])
    detail = f"{answer.code} {answer.detail}".strip()[:LONGEST_DETAIL]
    ExchangeAttempt.objects.create(
        brand_id=order.brand_id,
        order=order,
        number=order.attempts,
        act=Act.NOTICE,
        begun_at=at,
        ended_at=at,
        outcome=answer.kind.value,
        detail=detail,
    )
    _judge(order, answer, at, latest=True)


def _judge(order: ExchangeOrder, answer: Answer, at: datetime, *, latest: bool) -> None:
    if answer.kind is AnswerKind.CREDITED:
        order.partner_reference = answer.partner_reference or order.partner_reference
        settle(order, at, credited=answer.credited)
    elif latest and (order.state in OPEN or (order.state == OrderState.PARKED and answer.kind is AnswerKind.REFUSED)):
        order.partner_reference = answer.partner_reference or order.partner_reference
        _weigh(order, answer, at)


def _weigh(order: ExchangeOrder, answer: Answer, at: datetime) -> None:
    match answer.kind:
        case AnswerKind.REFUSED:
            refuse(order, code=answer.code, detail=answer.detail, at=at)
        case AnswerKind.PENDING:
            _wait(order, OrderState.PENDING, wait_while_pending(at - order.created_at), at, misses=0)
        case AnswerKind.NOT_FOUND:
            _not_found(order, at)
        case AnswerKind.NOT_SENT:
            _not_sent(order, answer, at)
        case AnswerKind.NO_ANSWER:
            _no_answer(order, at)


def settle(order: ExchangeOrder, at: datetime, *, credited: int | None = None, actor: str = SYSTEM, reason: str = "") -> None:
    """The miles have arrived, or so many of them as `credited` says: the points of the rest come back.

    After a refusal the points are taken once more, or staff must look; settled stays settled.
    """
    if order.state == OrderState.SETTLED:
        return
    cost = order.points if credited is None else min(cost_of(credited, order.rate), order.points)
    try:
        if order.reversal_id is not None:
            _take_again(order, cost, at)
        elif cost < order.points:
            _give_back(order, order.points - cost, at, actor)
    except (InsufficientBalance, AccountClosed, BalanceLimit) as error:
        if order.state in {OrderState.REFUSED, *OPEN}:
            order.ended_at = None
            because = AGAIN if order.reversal_id else error.code
            told = because if credited is None else f"{because}: {credited} of {order.received}"
            move(order, OrderState.PARKED, at=at, actor=actor, reason=told)
        return
    order.credited, order.ended_at, order.misses = credited, at, 0
    move(order, OrderState.SETTLED, at=at, actor=actor, reason=reason)


def _take_again(order: ExchangeOrder, points: int, at: datetime) -> None:
    original = order.transaction
    post(
        Posting(
            account=heir_account(original.account),
            amount=-points,
            type=TransactionType(original.type),
            counterpart=Counterpart(original.counterpart),
            at=at,
            explanation=(original.explanation or {}) | {"because": AGAIN},
        )
    )


def _give_back(order: ExchangeOrder, points: int, at: datetime, actor: str) -> None:
    """Return points by a linked reversal, and tell the member. Raises BalanceLimit.

    An account that was closed with its member gets nothing: there is nobody to give the points back to.
    """
    wanted = ReversalOrder(
        brand_id=order.brand_id, transaction_id=order.transaction_id, amount=points, actor=actor, reversible=EXCHANGES
    )
    try:
        order.reversal_id = reverse(order=wanted, at=at).id
    except NotReversible:
        return
    member = Member.objects.select_related("merged_into").get(pk=order.member_id).heir
    context = {"points": points, "token": order.partnership.token_a.name, "partner": str(order.token_b.name)}
    queue_email(member=member, brand=order.partnership.brand, kind=EmailKind.EXCHANGE_REFUSED, context=context, at=at)


def refuse(order: ExchangeOrder, *, code: str, detail: str, at: datetime, actor: str = SYSTEM) -> None:
    """The partner will not credit: the points come back, and the member is told."""
    try:
        if order.reversal_id is None:
            _give_back(order, order.points, at, actor)
    except BalanceLimit:
        if order.state != OrderState.PARKED:
            move(order, OrderState.PARKED, at=at, actor=actor, reason=BalanceLimit.code)
        return
    order.refusal_code, order.refusal_detail = code or "refused", detail[:LONGEST_DETAIL]
    order.ended_at, order.misses = at, 0
    move(order, OrderState.REFUSED, at=at, actor=actor, reason=order.refusal_code)


def move(order: ExchangeOrder, to: OrderState, *, at: datetime, actor: str = SYSTEM, reason: str = "") -> None:
    """Write the order's new state, and the move. Raises OrderMoved where the rules do not allow it."""
    came_from = OrderState(order.state)
    if to not in MOVES[came_from]:
        raise OrderMoved
    order.state = to.value
    member = None
    if to in EVENTS:
        # Held, so that an erasure under way is waited for: it forgets the numbers only of what is over.
        member = Member.objects.select_for_update(no_key=True).get(pk=order.member_id)
        if to in FINAL and member.erased_at is not None:
            order.membership_number = ""
    order.save()
    ExchangeMove.objects.create(
        brand_id=order.brand_id, order=order, came_from=came_from.value, went_to=to.value, actor=actor, reason=reason, at=at
    )
    if member is not None:
        _announce(order, EVENTS[to], member, reason, at)


def _announce(order: ExchangeOrder, event: WebhookEvent, member: Member, reason: str, at: datetime) -> None:
    """Tell the brand's systems, by webhooks that are queued with the move."""
    if not is_heard(brand_id=order.brand_id, type=event):
        return
    transaction = order.transaction
    data = {
        "exchange": str(order.reference),
        "transaction_id": str(transaction.pk),
        "tx_hash": f"0x{bytes(transaction.hash).hex()}",
        "user_auth_id": member.heir.auth_id,
        "points": order.points,
        "received": order.arrived,
        "reason": reason,
    }
    queue_event(brand_id=order.brand_id, type=event, data=data, member=member.heir, at=at)


def _not_found(order: ExchangeOrder, at: datetime) -> None:
    """Nothing arrived: the same reference may be sent again. What the partner once had and has no more stays unknown.

    One whose points came back is not sent again: it is refused, as it was.
    """
    if order.reversal_id is not None:
        refuse(order, code=order.refusal_code, detail=order.refusal_detail, at=at)
        return
    if order.state == OrderState.UNKNOWN and not order.partner_reference:
        _wait(order, OrderState.ACCEPTED, timedelta(0), at, misses=order.misses)
        return
    order.misses += 1
    _wait(order, OrderState.UNKNOWN, _backed_off(order), at, misses=order.misses)


def _not_sent(order: ExchangeOrder, answer: Answer, at: datetime) -> None:
    order.misses += 1
    wait = _backed_off(order)
    if answer.retry_after_seconds is not None:
        wait = max(wait, timedelta(seconds=answer.retry_after_seconds))
    state = OrderState.ACCEPTED if order.state == OrderState.SUBMITTED else OrderState(order.state)
    _wait(order, state, wait, at, misses=order.misses)


def _no_answer(order: ExchangeOrder, at: datetime) -> None:
    order.misses += 1
    state = OrderState.UNKNOWN if order.state == OrderState.SUBMITTED else OrderState(order.state)
    _wait(order, state, _backed_off(order), at, misses=order.misses)


def _backed_off(order: ExchangeOrder) -> timedelta:
    return wait_after(order.misses, random.random())  # noqa: S311 - jitter, not a secret


def _wait(order: ExchangeOrder, state: OrderState, wait: timedelta, at: datetime, *, misses: int) -> None:
    order.due_at, order.misses = at + wait, misses
    if state == order.state:
        order.save(update_fields=["due_at", "misses", "partner_reference"])
    else:
        move(order, state, at=at)

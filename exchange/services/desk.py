"""What staff do with an exchange: have the partner asked now, or end one that is parked by hand, saying why."""

from collections.abc import Callable
from datetime import datetime

from exchange.errors import OrderMoved, OrderNotFound
from exchange.models import ExchangeAttempt, ExchangeOrder
from exchange.rules.orders import OPEN, OrderState
from exchange.services.accruals import release_records
from exchange.services.driving import lease
from exchange.services.settling import move, refuse, settle
from loyalty.database import write
from loyalty.errors import invalid_field

LONGEST_REASON = 200


def ask_now(*, brand_id: int, order_id: int, at: datetime) -> ExchangeOrder:
    """Put an open exchange that waits for its next attempt first: a worker takes it up at once.

    Raises OrderNotFound, OrderMoved (it is not open, or a call is under way).
    """

    def decision() -> ExchangeOrder:
        order = _hold(brand_id, order_id)
        if order.state not in OPEN:
            raise OrderMoved("The exchange is not under way")
        last = ExchangeAttempt.objects.filter(brand_id=brand_id, order=order, number=order.attempts)
        if last.filter(ended_at__isnull=True, begun_at__gt=at - lease()).exists():
            raise OrderMoved("The partner is being asked right now")
        order.due_at = min(order.due_at, at)
        order.save(update_fields=["due_at"])
        return order

    return write(decision)


def resume_order(*, brand_id: int, order_id: int, actor: str, reason: str, at: datetime) -> ExchangeOrder:
    """Ask the partner again, with all attempts anew. One whose file the partner refused goes into another.

    Raises OrderNotFound, OrderMoved (it is not parked), InvalidRequest naming reason.
    """

    def effect(order: ExchangeOrder) -> None:
        release_records(order=order)
        order.misses, order.due_at = 0, at
        move(order, OrderState.UNKNOWN, at=at, actor=actor, reason=reason)

    return _decide(brand_id, order_id, reason, effect)


def settle_by_hand(
    *, brand_id: int, order_id: int, actor: str, reason: str, at: datetime, credited: int | None = None
) -> ExchangeOrder:
    """The partner has said elsewhere that the miles arrived, or only so many: the points of the rest come back.

    After a refusal the points are taken once more. Raises as resume_order does; OrderMoved, too, where they are spent.
    """

    def effect(order: ExchangeOrder) -> None:
        if credited is not None and not 0 < credited < order.received:
            raise invalid_field("credited", f"from 1 to {order.received - 1}")
        settle(order, at, credited=credited, actor=actor, reason=reason)
        _must_have_left(order)

    return _decide(brand_id, order_id, reason, effect)


def refund_by_hand(*, brand_id: int, order_id: int, actor: str, reason: str, at: datetime) -> ExchangeOrder:
    """The partner has said elsewhere that nothing will arrive: the points come back, if they did not before.

    Raises as resume_order does.
    """

    def effect(order: ExchangeOrder) -> None:
        refuse(order, code="by_hand", detail=reason, at=at, actor=actor)
        _must_have_left(order)

    return _decide(brand_id, order_id, reason, effect)


def _must_have_left(order: ExchangeOrder) -> None:
    if order.state == OrderState.PARKED:
        raise OrderMoved("The points cannot be moved: the member has spent them, or can hold no more")


def _decide(brand_id: int, order_id: int, reason: str, effect: Callable[[ExchangeOrder], None]) -> ExchangeOrder:
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise invalid_field("reason", f"1 to {LONGEST_REASON} characters")

    def decision() -> ExchangeOrder:
        order = _hold(brand_id, order_id)
        if order.state != OrderState.PARKED:
            raise OrderMoved
        effect(order)
        return order

    return write(decision)


def _hold(brand_id: int, order_id: int) -> ExchangeOrder:
    held = ExchangeOrder.objects.select_for_update(no_key=True, of=("self",))
    order = held.filter(brand_id=brand_id, pk=order_id).first()
    if order is None:
        raise OrderNotFound
    return order

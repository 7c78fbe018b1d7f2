"""What staff do with an exchange that is parked: have it asked after again, or end it by hand, saying why."""

from collections.abc import Callable
from datetime import datetime

from exchange.errors import OrderMoved, OrderNotFound
from exchange.models import ExchangeOrder
from exchange.rules.orders import OrderState
from exchange.services.accruals import release_records
from exchange.services.settling import move, refuse, settle
from loyalty.database import write
from loyalty.errors import invalid_field

LONGEST_REASON = 200


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
        held = ExchangeOrder.objects.select_for_update(no_key=True, of=("self",))
        order = held.filter(brand_id=brand_id, pk=order_id).first()
        if order is None:
            raise OrderNotFound
        if order.state != OrderState.PARKED:
            raise OrderMoved
        effect(order)
        return order

    return write(decision)

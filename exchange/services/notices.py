"""What partners tell unasked: before the reply to our call, after it, twice, or never."""

from datetime import datetime
from uuid import UUID

from exchange.adapters.base import Answer, AnswerKind
from exchange.errors import OrderNotFound
from exchange.models import ExchangeOrder
from exchange.services.settling import record_notice
from loyalty.database import write

DECISIONS = frozenset({AnswerKind.CREDITED, AnswerKind.REFUSED})


def find_order(*, provider_id: int, reference: UUID) -> ExchangeOrder:
    """A provider's order. Raises OrderNotFound."""
    order = ExchangeOrder.objects.filter(provider_id=provider_id, reference=reference).first()
    if order is None:
        raise OrderNotFound
    return order


def take_notice(*, order_id: int, answer: Answer, at: datetime) -> ExchangeOrder:
    """Let a decision of the partner's count, once; that it has none yet we learn by asking."""

    def effect() -> ExchangeOrder:
        order = ExchangeOrder.objects.select_for_update(no_key=True, of=("self",)).get(pk=order_id)
        if answer.kind in DECISIONS:
            record_notice(order=order, answer=answer, at=at)
        return order

    return write(effect)

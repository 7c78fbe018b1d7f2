"""How a member's points moved, in the words of the Retail API."""

from collections.abc import Sequence
from typing import Literal

from django.db.models import Q
from msgspec import Struct

from exchange.selectors import partners_of
from ledger.models import Transaction, TransactionType
from ledger.rules.explanations import Movement, explain
from loyalty.api.shapes import hash_text, instant_text
from rewards.models import GiftOrder
from rewards.rules.gift_orders import GiftOrderStatus
from rewards.selectors.backgrounds import Background, backgrounds_of

Word = Literal["earn", "event", "redeem", "reversal", "expire", "adjust", "exchange", "code"]
Status = Literal["exchange", "cancellation", "in_preparation", "in_delivery", "delivered", "returned"]
STATUSES = tuple(status.value for status in GiftOrderStatus)
STAFF = "staff:"
BY_STAFF = Q(actor__startswith=STAFF)
# A credit is earned where a partner gave it; by the hand of staff it is an adjustment, as whatever else the house does.
TYPES: dict[str, Q] = {
    "earn": Q(type=TransactionType.EARN) | (Q(type=TransactionType.CREDIT_POINTS) & ~BY_STAFF),
    "event": Q(type=TransactionType.EVENT),
    "redeem": Q(type=TransactionType.POINTS_TO_REWARDS),
    "reversal": Q(type=TransactionType.REVERSAL),
    "expire": Q(type=TransactionType.EXPIRY),
    "adjust": Q(
        type__in=[
            TransactionType.DEBIT_POINTS,
            TransactionType.MERGE,
            TransactionType.CLOSURE,
            TransactionType.EXPIRY_EXTENSION,
        ]
    )
    | (Q(type=TransactionType.CREDIT_POINTS) & BY_STAFF),
    "exchange": Q(type__in=[TransactionType.EXCHANGE, TransactionType.POINTS_TO_EXTERNAL_REWARDS]),
    "code": Q(type__in=[TransactionType.CODE_TO_POINTS, TransactionType.CODE_TO_EXTERNAL_REWARDS]),
}
WORDS: dict[str, Word] = {
    TransactionType.EARN: "earn",
    TransactionType.CREDIT_POINTS: "earn",
    TransactionType.EVENT: "event",
    TransactionType.POINTS_TO_REWARDS: "redeem",
    TransactionType.REVERSAL: "reversal",
    TransactionType.EXPIRY: "expire",
    TransactionType.EXCHANGE: "exchange",
    TransactionType.POINTS_TO_EXTERNAL_REWARDS: "exchange",
    TransactionType.CODE_TO_POINTS: "code",
    TransactionType.CODE_TO_EXTERNAL_REWARDS: "code",
}


class HistoryGift(Struct):
    """What was redeemed."""

    id: int
    name: str


class HistoryOrder(Struct):
    """Where what was redeemed stands on its way."""

    id: int
    status: Status
    gift: HistoryGift


class MovementOut(Struct):
    """One movement of points. `status` and `order` are null on all that is not redeemed."""

    id: str
    occurred_at: str
    type: Word
    points: int
    balance_after: int
    label: str
    reference: str | None
    status: Status | None
    order: HistoryOrder | None
    tx_hash: str


class HistoryAnswer(Struct):
    """A page of movements, newest first; `next_cursor` asks for the next one."""

    data: list[MovementOut]
    next_cursor: str | None


def word_of(row: Transaction) -> Word:
    """What the Retail API calls a movement."""
    if row.type == TransactionType.CREDIT_POINTS and row.actor.startswith(STAFF):
        return "adjust"
    return WORDS.get(row.type, "adjust")


def movements_out(rows: Sequence[Transaction]) -> list[MovementOut]:
    """Stored movements, each with its reason in words; as many reads whatever their number."""
    backgrounds = backgrounds_of(rows)
    for pk, partner in partners_of(rows).items():
        backgrounds[pk].names["partner"] = partner
    return [_movement(row, backgrounds[row.pk]) for row in rows]


def _movement(row: Transaction, background: Background) -> MovementOut:
    why = Movement(
        type=row.type,
        amount=row.amount,
        actor=row.actor,
        reference_id=background.reference,
        reverses=row.reverses_id,
        explanation=row.explanation or {},
        names=background.names,
    )
    order = _order(background.order)
    return MovementOut(
        id=str(row.pk),
        occurred_at=instant_text(row.effective_at),
        type=word_of(row),
        points=row.amount,
        balance_after=row.balance_after,
        label=str(explain(why)),
        reference=background.reference,
        status=order.status if order is not None else None,
        order=order,
        tx_hash=hash_text(row.hash),
    )


def _order(order: GiftOrder | None) -> HistoryOrder | None:
    if order is None:
        return None
    gift = order.reward.reward_type
    return HistoryOrder(order.pk, GiftOrderStatus(order.status).value, HistoryGift(gift.pk, gift.name))

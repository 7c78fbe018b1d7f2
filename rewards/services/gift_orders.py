"""Orders of physical gifts: moved step by step, each step recorded; what is cancelled or returned gives the points back."""

from datetime import datetime

from django.db.models import F

from ledger.models import TransactionType
from ledger.services.reversing import ReversalOrder, reverse
from loyalty.database import write
from rewards.errors import MoveNotAllowed, RewardNotFound
from rewards.models import GiftOrder, GiftOrderMove, RewardType
from rewards.rules.gift_orders import GIVES_POINTS_BACK, MOVES, GiftOrderStatus

OWN_TYPES = frozenset({TransactionType.POINTS_TO_REWARDS})


def move_gift_order(
    *, brand_id: int, order_id: int, to: GiftOrderStatus, actor: str, reason: str = "", at: datetime
) -> GiftOrder:
    """Move an order one step on. A cancelled gift returns to the stock. Raises RewardNotFound, MoveNotAllowed."""

    def effect() -> GiftOrder:
        rows = GiftOrder.objects.select_for_update(of=("self",), no_key=True).select_related("reward__member")
        order = rows.filter(brand_id=brand_id, pk=order_id).first()
        if order is None:
            raise RewardNotFound("Order not found")
        before = GiftOrderStatus(order.status)
        if to not in MOVES[before]:
            raise MoveNotAllowed(f"An order in {before.value} cannot become {to.value}")
        order.status, order.updated_at = to.value, at
        order.save(update_fields=["status", "updated_at"])
        GiftOrderMove.objects.create(
            brand_id=brand_id, order=order, from_status=before, to_status=to, actor=actor, reason=reason, moved_at=at
        )
        if to in GIVES_POINTS_BACK:
            _give_points_back(order, actor, at)
        if to is GiftOrderStatus.CANCELLATION:
            types = RewardType.objects.filter(brand_id=brand_id, pk=order.reward.reward_type_id)
            types.update(handed_out=F("handed_out") - 1)
        return order

    return write(effect)


def _give_points_back(order: GiftOrder, actor: str, at: datetime) -> None:
    member = order.reward.member
    if order.reward.transaction_id is None or member is None:
        raise AssertionError("the reward of an order was handed out")
    if member.erased_at is not None:  # nobody is left to give them to
        return
    reversal = ReversalOrder(
        brand_id=order.brand_id, transaction_id=order.reward.transaction_id, actor=actor, reversible=OWN_TYPES
    )
    reverse(order=reversal, at=at)

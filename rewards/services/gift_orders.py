"""Orders of physical gifts: moved step by step, each step recorded; what is cancelled or returned gives the points back."""

from datetime import datetime

from django.db.models import F

from ledger.models import TransactionType
from ledger.services.posting import lock_account
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
        order = _locked_order(brand_id, order_id)
        before, member = GiftOrderStatus(order.status), order.reward.member
        if to not in MOVES[before] or (to is GiftOrderStatus.CANCELLATION and order.reward.used_at is not None):
            raise MoveNotAllowed(f"An order in {before.value} cannot become {to.value}")
        erased = member is None or member.erased_at is not None
        order.status, order.updated_at = to.value, at
        order.save(update_fields=["status", "updated_at"])
        GiftOrderMove.objects.create(
            brand_id=brand_id,
            order=order,
            member=member,
            from_status=before,
            to_status=to,
            actor=actor,
            reason="" if erased else reason,  # it may tell of them
            moved_at=at,
        )
        if to in GIVES_POINTS_BACK and not erased:  # else nobody is left to give them to
            _give_points_back(order, actor, at)
        if to is GiftOrderStatus.CANCELLATION:
            types = RewardType.objects.filter(brand_id=brand_id, pk=order.reward.reward_type_id)
            types.update(handed_out=F("handed_out") - 1)
        return order

    return write(effect)


def _locked_order(brand_id: int, order_id: int) -> GiftOrder:
    """The order and its reward, held until the transaction ends, after the account: so erasing a member takes them.

    Raises RewardNotFound.
    """
    orders = GiftOrder.objects.filter(brand_id=brand_id, pk=order_id)
    account_id = orders.values_list("reward__transaction__account", flat=True).first()
    if account_id is None:
        raise RewardNotFound("Order not found")
    lock_account(account_id)
    return orders.select_for_update(of=("self", "reward"), no_key=True).select_related("reward__member").get()


def _give_points_back(order: GiftOrder, actor: str, at: datetime) -> None:
    if order.reward.transaction_id is None:
        raise AssertionError("the reward of an order was handed out")
    reversal = ReversalOrder(
        brand_id=order.brand_id, transaction_id=order.reward.transaction_id, actor=actor, reversible=OWN_TYPES
    )
    reverse(order=reversal, at=at)

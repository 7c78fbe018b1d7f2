"""Orders of gifts: moved step by step, each step recorded; what is cancelled or returned gives the points back."""

from datetime import datetime

from django.db.models import F

from ledger.models import TransactionType
from ledger.services.posting import lock_account
from ledger.services.reversing import ReversalOrder, reverse
from loyalty.database import write
from rewards.errors import GiftOrderNotFound, MoveNotAllowed
from rewards.models import Fulfilment, GiftOrder, GiftOrderMove, RewardType
from rewards.rules.gift_orders import GIVES_POINTS_BACK, GiftOrderStatus, obstacle

OWN_TYPES = frozenset({TransactionType.POINTS_TO_REWARDS})


def move_gift_order(
    *, brand_id: int, order_id: int, to: GiftOrderStatus, actor: str, reason: str = "", at: datetime
) -> GiftOrder:
    """Move an order one step on. Raises GiftOrderNotFound, MoveNotAllowed.

    What is cancelled returns to the stock, unless it is a code of a pool: nobody else gets one that was shown.
    """

    def effect() -> GiftOrder:
        order = _locked_order(brand_id, order_id)
        before, member = GiftOrderStatus(order.status), order.reward.member
        if why := obstacle_of(order, to):
            raise MoveNotAllowed(why)
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
            types.exclude(fulfilment=Fulfilment.POOL).update(handed_out=F("handed_out") - 1)
        return order

    return write(effect)


def obstacle_of(order: GiftOrder, to: GiftOrderStatus) -> str:
    """Why an order cannot be moved there; empty where it can."""
    reward = order.reward
    sent = reward.reward_type.fulfilment == Fulfilment.PHYSICAL
    return obstacle(GiftOrderStatus(order.status), to, used=reward.used_at is not None, sent=sent)


def _locked_order(brand_id: int, order_id: int) -> GiftOrder:
    """The order and its reward, held until the transaction ends, after the account: so erasing a member takes them.

    Raises GiftOrderNotFound.
    """
    orders = GiftOrder.objects.filter(brand_id=brand_id, pk=order_id)
    account_id = orders.values_list("reward__transaction__account", flat=True).first()
    if account_id is None:
        raise GiftOrderNotFound
    lock_account(account_id)
    rows = orders.select_related("reward__member", "reward__reward_type")
    return rows.select_for_update(of=("self", "reward"), no_key=True).get()


def _give_points_back(order: GiftOrder, actor: str, at: datetime) -> None:
    if order.reward.transaction_id is None:
        raise AssertionError("the reward of an order was handed out")
    reversal = ReversalOrder(
        brand_id=order.brand_id, transaction_id=order.reward.transaction_id, actor=actor, reversible=OWN_TYPES
    )
    reverse(order=reversal, at=at)

"""Vouchers, and the orders of gifts."""

from typing import Literal

import msgspec
from msgspec import Struct, field

from loyalty.api.retail.shapes.postings import PostedOut, posted_out, stored_out
from loyalty.api.shapes import instant_text
from rewards.models import GiftOrder, GiftOrderMove, RewardType
from rewards.services.vouchers import Voucher

OrderStatus = Literal["exchange", "cancellation", "in_preparation", "in_delivery", "delivered", "returned"]


class OrderedGift(Struct):
    """The gift that points were redeemed into."""

    id: int
    name: str


class VoucherOut(Struct):
    """What was redeemed: its code, what it is worth in money as a decimal string, and the order that follows it."""

    code: str
    gift: OrderedGift
    value: str | None
    currency: str
    valid_until: str | None
    status: OrderStatus
    transaction: PostedOut
    balance: int
    order_id: int


class OrderMoveOut(Struct):
    """One step of an order; a reason is null where none was given, and once the member is erased."""

    from_: OrderStatus = field(name="from")
    to: OrderStatus
    at: str
    reason: str | None


class OrderOut(Struct):
    """An order. `points` is the price that was paid, `transaction` the movement that paid it; an erased member is null."""

    id: int
    status: OrderStatus
    gift: OrderedGift
    member_id: str | None
    code: str
    points: int
    transaction: PostedOut
    moves: list[OrderMoveOut]
    created_at: str
    updated_at: str


class OrderAnswer(Struct):
    """One order."""

    data: OrderOut


def voucher_json(voucher: Voucher) -> str:
    """The answer of a redemption."""
    reward, gift, posted = voucher.reward, voucher.reward.reward_type, voucher.moved.posted
    answer = VoucherOut(
        code=reward.code,
        gift=_gift(gift),
        value=f"{gift.value:.2f}" if gift.value is not None else None,
        currency=gift.brand.currency,
        valid_until=instant_text(gift.valid_until) if gift.valid_until is not None else None,
        status=_status(voucher.order.status),
        transaction=posted_out(posted),
        balance=posted.balance_after,
        order_id=voucher.order.pk,
    )
    return msgspec.json.encode(answer).decode()


def order_out(order: GiftOrder) -> OrderOut:
    """An order with its steps; of a member who was merged, it tells the one who was kept."""
    reward = order.reward
    if reward.member is None or reward.transaction is None:
        raise AssertionError("the reward of an order was handed out")
    holder = reward.member.merged_into or reward.member
    return OrderOut(
        id=order.pk,
        status=_status(order.status),
        gift=_gift(reward.reward_type),
        member_id=holder.auth_id,
        code=reward.code,
        points=-reward.transaction.amount,
        transaction=stored_out(reward.transaction),
        moves=[_move_out(move) for move in order.moves.all()],
        created_at=instant_text(order.created_at),
        updated_at=instant_text(order.updated_at),
    )


def _gift(gift: RewardType) -> OrderedGift:
    return OrderedGift(gift.pk, gift.name)


def _move_out(move: GiftOrderMove) -> OrderMoveOut:
    return OrderMoveOut(_status(move.from_status), _status(move.to_status), instant_text(move.moved_at), move.reason or None)


def _status(text: str) -> OrderStatus:
    told: OrderStatus = msgspec.convert(text, OrderStatus)
    return told

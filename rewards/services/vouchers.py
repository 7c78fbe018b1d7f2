"""Vouchers: a shop redeems a member's points into a gift, once for each transaction_id of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ledger.services.points import Moved
from loyalty.database import write
from rewards.errors import TransactionIdReused
from rewards.models import GiftOrder, Reward, VoucherClaim
from rewards.services.business_keys import Answered, fingerprint, first_answer
from rewards.services.rewards import RewardOrder, hand_out_reward
from users.errors import UserNotFound
from users.models import Member
from users.services.members import locked_member


@dataclass(frozen=True, slots=True)
class Voucher:
    """A gift that was redeemed, its order, and the points that went for it."""

    reward: Reward
    order: GiftOrder
    moved: Moved


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherOrder:
    """What a shop or a member asks for, who is then named by `member_id`, too: nobody pays who took their name.

    `content` is the request in canonical form, `answer` tells of the voucher in the words of whoever asks.
    """

    brand_id: int
    auth_id: str
    reward_type_id: int
    transaction_id: str
    actor: str
    content: bytes
    answer: Callable[[Voucher], str]
    member_id: int | None = None


def redeem_voucher(*, order: VoucherOrder, at: datetime) -> Answered:
    """Burn the gift's price, hand it out and make its order, or nothing of it; the same request again is answered as at first.

    Raises TransactionIdReused (with other content), FirstAnswerErased, UserNotFound, RewardTypeNotFound,
    RewardTypeNotAvailable, RewardLimitReached, OutOfStock, InsufficientBalance.
    """

    def effect() -> Answered:
        member = _held(order)
        earlier = VoucherClaim.objects.select_related("reward").filter(
            brand_id=order.brand_id, transaction_id=order.transaction_id
        )
        claim = earlier.first()
        if claim is not None:
            told = first_answer(claim, order.content, reused=TransactionIdReused)
            return Answered(told, first=False, member_id=claim.reward.member_id)
        if member is None:
            raise UserNotFound
        return _redeem(order, at)

    return write(effect)


def _held(order: VoucherOrder) -> Member | None:
    """The member, held until the transaction ends: whoever sends the same at once waits here, and finds the claim."""
    try:
        return locked_member(brand_id=order.brand_id, auth_id=order.auth_id, member_id=order.member_id)
    except UserNotFound:
        return None


def _redeem(order: VoucherOrder, at: datetime) -> Answered:
    asked = RewardOrder(
        brand_id=order.brand_id,
        auth_id=order.auth_id,
        reward_type_id=order.reward_type_id,
        actor=order.actor,
        followed=True,
    )
    handed = hand_out_reward(order=asked, at=at)
    if handed.order is None:
        raise AssertionError("what is followed has an order")
    told = order.answer(Voucher(handed.reward, handed.order, handed.moved))
    salt, digest = fingerprint(order.content)
    VoucherClaim.objects.create(
        brand_id=order.brand_id,
        transaction_id=order.transaction_id,
        reward=handed.reward,
        salt=salt,
        fingerprint=digest,
        answer=told,
        recorded_at=at,
    )
    return Answered(told, first=True, member_id=handed.moved.posted.member_id)

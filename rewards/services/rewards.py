"""Rewards are handed out for points, exactly as often as there is stock, and marked as used."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from ledger.errors import TokenNotFound
from ledger.models import Counterpart, TransactionType
from ledger.selectors import FUNGIBLE_POINTS, find_token
from ledger.services.points import Moved
from ledger.services.posting import Holder, Posted, Posting, post, reference_first
from loyalty.database import constraint_of, write
from loyalty.errors import FieldError
from rewards.errors import (
    OutOfStock,
    RewardAlreadyUsed,
    RewardCancelled,
    RewardLimitReached,
    RewardNotFound,
    RewardTypeNotAvailable,
    RewardTypeNotFound,
    WrongPrice,
)
from rewards.models import Fulfilment, GiftOrder, Reward, RewardType
from rewards.rules.codes import CodeForm, draw_codes, noise_needed
from rewards.rules.gift_orders import GIVES_POINTS_BACK
from rewards.selectors import is_offered_to
from users.email_kinds import EmailKind
from users.models import Member
from users.selectors import family_of
from users.services.emails import queue_email
from users.services.members import email_language

MADE = CodeForm(alphabet="23456789ABCDEFGHJKLMNPQRSTUVWXYZ", length=12, check=True)
"""How codes of rewards look that are made on the spot: without the characters that people take for one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardOrder:
    """What a partner asks for: one reward for a member.

    `amount` must be its price, and `token_id` what it is paid with; None takes them from the catalogue. Whatever is sent
    has an order that staff move; `followed` makes one for a code, too.
    """

    brand_id: int
    auth_id: str
    reward_type_id: int
    actor: str
    token_id: int | None = None
    amount: int | None = None
    reference_id: str | None = None
    followed: bool = False


@dataclass(frozen=True, slots=True)
class HandedOut:
    """The reward, the points that went for it, and its order where it has one."""

    reward: Reward
    moved: Moved
    order: GiftOrder | None


def hand_out_reward(*, order: RewardOrder, at: datetime) -> HandedOut:
    """Burn the price and hand out one reward, or neither.

    Raises TokenNotFound, RewardTypeNotFound, RewardTypeNotAvailable, WrongPrice, UserNotFound, RewardLimitReached,
    OutOfStock, InsufficientBalance, ReferenceAlreadyUsed.
    """

    def effect() -> HandedOut:
        with reference_first(order.brand_id, order.reference_id):
            return _hand_out(order, at)

    return write(effect)


def _hand_out(order: RewardOrder, at: datetime) -> HandedOut:
    if order.token_id is not None:
        find_token(brand_id=order.brand_id, token_id=order.token_id, type_=FUNGIBLE_POINTS)
    reward_type = _find_reward_type(order, at)
    token = find_token(brand_id=order.brand_id, token_id=reward_type.token_id, type_=FUNGIBLE_POINTS)
    # What is plain to see is refused before anything is written; what counts is judged again under the locks below.
    _check_member_limit(reward_type, Q(member__auth_id=order.auth_id))
    if reward_type.left is not None and reward_type.left <= 0:
        raise OutOfStock
    posted = post(
        Posting(
            account=Holder(order.brand_id, order.auth_id, token.pk),
            amount=-reward_type.price,
            type=TransactionType.POINTS_TO_REWARDS,
            counterpart=Counterpart.REDEMPTION,
            at=at,
            reference_id=order.reference_id,
            actor=order.actor,
            explanation={"reward_type": reward_type.pk},
        )
    )
    # The posting holds the member's account, which every purchase of this member's passes: the count cannot change.
    _check_member_limit(reward_type, Q(member__in=family_of(posted.member_id)))
    take_from_stock(reward_type)
    reward, followed = _assign(reward_type, posted, at), None
    if order.followed or reward_type.fulfilment == Fulfilment.PHYSICAL:
        followed = GiftOrder.objects.create(brand_id=order.brand_id, reward=reward, created_at=at, updated_at=at)
    if reward_type.sends_email:
        _queue_email(reward, reward_type, Member.objects.get(pk=posted.member_id), at)
    return HandedOut(reward, Moved(posted, token), followed)


def _find_reward_type(order: RewardOrder, at: datetime) -> RewardType:
    rows = RewardType.objects.select_related("brand", "token")
    reward_type = rows.filter(brand_id=order.brand_id, pk=order.reward_type_id).first()
    if reward_type is None:
        raise RewardTypeNotFound
    if not reward_type.is_available(at) or not is_offered_to(reward_type, order.auth_id):
        raise RewardTypeNotAvailable
    if order.token_id not in {None, reward_type.token_id}:
        raise TokenNotFound("This reward is paid with another token")
    if order.amount not in {None, reward_type.price}:
        detail = f"the price is {reward_type.price}"
        raise WrongPrice(f"amount: {detail}", errors=[FieldError("amount", "wrong_price", detail)])
    return reward_type


def _check_member_limit(reward_type: RewardType, member: Q) -> None:
    if reward_type.member_limit is None:
        return
    had = Reward.objects.filter(member, brand_id=reward_type.brand_id, reward_type=reward_type, member__isnull=False)
    if had.exclude(order__status="cancellation").count() >= reward_type.member_limit:
        raise RewardLimitReached


def take_from_stock(reward_type: RewardType) -> None:
    """Count one more as handed out; others wait for the end of this transaction. Raises OutOfStock."""
    enough = Q(stock__isnull=True) | Q(stock__gt=F("handed_out"))
    rows = RewardType.objects.filter(enough, brand_id=reward_type.brand_id, pk=reward_type.pk)
    if not rows.update(handed_out=F("handed_out") + 1):
        raise OutOfStock


def _assign(reward_type: RewardType, posted: Posted, at: datetime) -> Reward:
    if reward_type.fulfilment == Fulfilment.POOL:
        # Whoever holds the stock is alone with the pool, so the first one that is free is free.
        pool = Reward.objects.select_for_update(no_key=True).filter(brand_id=reward_type.brand_id, reward_type=reward_type)
        reward = pool.filter(member__isnull=True, used_at__isnull=True).order_by("pk").first()
        if reward is None:
            raise OutOfStock
        reward.reward_type = reward_type
        reward.member_id, reward.transaction_id, reward.handed_out_at = posted.member_id, posted.id, at
        reward.save(update_fields=["member", "transaction", "handed_out_at"])
        return reward
    return _make(reward_type, posted, at)


def _make(reward_type: RewardType, posted: Posted, at: datetime) -> Reward:
    """Store a reward under a code that no other of the brand has."""
    while True:
        for code in draw_codes(MADE, secrets.token_bytes(noise_needed(MADE, 1))):
            reward = Reward(
                brand_id=reward_type.brand_id,
                reward_type=reward_type,
                code=code,
                member_id=posted.member_id,
                transaction_id=posted.id,
                handed_out_at=at,
                created_at=at,
            )
            try:
                with transaction.atomic():
                    reward.save(force_insert=True)
            except IntegrityError as error:
                if constraint_of(error) != "reward_code_once":
                    raise
                continue
            return reward


def _queue_email(reward: Reward, reward_type: RewardType, member: Member, at: datetime) -> None:
    context = {
        "reward": name_of(reward_type, email_language(member, reward_type.brand)),
        "code": reward.code,
        "points": reward_type.price,
        "token": reward_type.token.name,
        "website": reward_type.website,
        "valid_until": reward_type.brand.local_text(reward_type.valid_until),
    }
    queue_email(member=member, brand=reward_type.brand, kind=EmailKind.REWARD, context=context, at=at)


def name_of(reward_type: RewardType, language: str) -> str:
    """What a reward type is called in a language; its own name where nobody has translated it."""
    text = reward_type.texts.filter(brand_id=reward_type.brand_id, language=language).first()
    return text.name if text is not None else reward_type.name


def use_reward(*, brand_id: int, code: str, at: datetime) -> Reward:
    """Mark a reward as used, once. One of a pool that nobody had yet is out of the stock then.

    Raises RewardNotFound, RewardAlreadyUsed, RewardCancelled.
    """

    def effect() -> Reward:
        rows = Reward.objects.select_related("reward_type").filter(brand_id=brand_id, code=code)
        found = None if "\x00" in code else rows.first()
        if found is None:
            raise RewardNotFound
        if found.member_id is None:
            RewardType.objects.select_for_update(no_key=True).get(brand_id=brand_id, pk=found.reward_type_id)
        reward = rows.select_for_update(of=("self",), no_key=True).get()
        if reward.used_at is not None:
            raise RewardAlreadyUsed
        if GiftOrder.objects.filter(brand_id=brand_id, reward=reward, status__in=GIVES_POINTS_BACK).exists():
            raise RewardCancelled
        if reward.member_id is None:
            take_from_stock(reward.reward_type)
        reward.used_at = at
        reward.save(update_fields=["used_at"])
        return reward

    return write(effect)

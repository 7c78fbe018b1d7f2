"""What each type of transaction does: from the body to one service call, and to the answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from exchange.services.codes import exchange_code
from exchange.services.orders import Accepted, ExchangeRequest, accept_exchange
from ledger.models import TransactionType
from ledger.services.points import Moved, PointsOrder, credit_points, debit_points
from loyalty.api.partner.bodies import (
    CodeToExternalRewards,
    CodeToNft,
    CodeToPoints,
    CreditNft,
    CreditPoints,
    DebitPoints,
    Exchange,
    Exchanging,
    Order,
    PointsToExternalRewards,
    PointsToRewards,
    amount_of,
    id_of,
)
from loyalty.api.partner.shapes.transactions import Fate, TransactionOut, posted_out
from rewards.rules.codes import normalise
from rewards.selectors import NOTHING, Details
from rewards.services.brake import CodeTry
from rewards.services.collectibles import ItemOrder, credit_item
from rewards.services.redeeming import Redemption, redeem_for_items, redeem_for_points
from rewards.services.rewards import RewardOrder, hand_out_reward

REDEEMING = (CodeToPoints, CodeToNft, CodeToExternalRewards)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks and when; `tried` is the counted try of a code."""

    brand_id: int
    actor: str
    at: datetime
    tried: CodeTry | None = None


class Done(NamedTuple):
    """The answer, and the member it speaks of."""

    transaction: TransactionOut
    member_id: int


def perform(body: Order, asked: Asked) -> Done:
    """Do what the body asks for."""
    return _OPERATIONS[type(body)](body, asked)


def _done(moved: Moved, body: Order, details: Details = NOTHING, fate: Fate | None = None) -> Done:
    shown = posted_out(moved, auth_id=body.user_auth_id, details=details, fate=fate)
    return Done(shown, moved.posted.member_id)


def _points_order(body: CreditPoints | DebitPoints, asked: Asked) -> PointsOrder:
    return PointsOrder(
        brand_id=asked.brand_id,
        auth_id=body.user_auth_id,
        token_id=id_of(body.token_id),
        amount=amount_of(body.amount, "amount"),
        actor=asked.actor,
        reference_id=body.reference_id,
        send_email=body.send_email,
    )


def _credit_points(body: CreditPoints, asked: Asked) -> Done:
    return _done(credit_points(order=_points_order(body, asked), at=asked.at), body)


def _debit_points(body: DebitPoints, asked: Asked) -> Done:
    return _done(debit_points(order=_points_order(body, asked), at=asked.at), body)


def _points_to_rewards(body: PointsToRewards, asked: Asked) -> Done:
    order = RewardOrder(
        brand_id=asked.brand_id,
        auth_id=body.user_auth_id,
        token_id=id_of(body.token_id),
        reward_type_id=id_of(body.reward_type_id),
        amount=amount_of(body.amount, "amount"),
        actor=asked.actor,
        reference_id=body.reference_id,
    )
    handed_out = hand_out_reward(order=order, at=asked.at)
    return _done(handed_out.moved, body, Details(handed_out.reward.code, handed_out.reward.pk))


def _redemption(body: CodeToPoints | CodeToNft | CodeToExternalRewards, asked: Asked) -> Redemption:
    if asked.tried is None:
        raise AssertionError("a code is compared only after its try was counted")
    return Redemption(
        brand_id=asked.brand_id,
        auth_id=body.user_auth_id,
        code=body.code,
        actor=asked.actor,
        tried=asked.tried,
        reference_id=body.reference_id,
    )


def _code_to_points(body: CodeToPoints, asked: Asked) -> Done:
    moved = redeem_for_points(redemption=_redemption(body, asked), at=asked.at)
    return _done(moved, body, Details(code=normalise(body.code)))


def _code_to_nft(body: CodeToNft, asked: Asked) -> Done:
    moved = redeem_for_items(redemption=_redemption(body, asked), at=asked.at)
    return _done(moved, body, Details(code=normalise(body.code)))


def _credit_nft(body: CreditNft, asked: Asked) -> Done:
    order = ItemOrder(
        brand_id=asked.brand_id,
        auth_id=body.user_auth_id,
        token_id=id_of(body.token_id),
        actor=asked.actor,
        reference_id=body.reference_id,
    )
    return _done(credit_item(order=order, at=asked.at), body)


def _ordered(accepted: Accepted, body: Exchanging, code: str | None = None) -> Done:
    return _done(accepted.moved, body, Details(code=code), Fate("pending", accepted.received))


def _exchange_request(body: Exchanging, asked: Asked, **terms: Any) -> ExchangeRequest:
    """What the three forms of an exchange have in common; `terms` are what each says in its own way."""
    return ExchangeRequest(
        brand_id=asked.brand_id,
        auth_id=body.user_auth_id,
        actor=asked.actor,
        rate_override=body.exchange_rate_override,
        reference_id=body.reference_id,
        **terms,
    )


def _points_to_external_rewards(body: PointsToExternalRewards, asked: Asked) -> Done:
    request = _exchange_request(
        body,
        asked,
        type=TransactionType.POINTS_TO_EXTERNAL_REWARDS,
        token_a_id=id_of(body.token_id),
        points=amount_of(body.amount, "amount"),
        provider_name=body.exchange_provider_implementation_name,
        number_override=body.membership_number_override,
    )
    return _ordered(accept_exchange(request=request, at=asked.at), body)


def _exchange(body: Exchange, asked: Asked) -> Done:
    request = _exchange_request(
        body,
        asked,
        type=TransactionType.EXCHANGE,
        token_a_id=id_of(body.token_a_id),
        points=amount_of(body.amount, "amount"),
        token_b_id=id_of(body.token_b_id),
        number_override=body.membership_number,
        number_field="brandB_membership_number",
    )
    return _ordered(accept_exchange(request=request, at=asked.at), body)


def _code_to_external_rewards(body: CodeToExternalRewards, asked: Asked) -> Done:
    request = _exchange_request(
        body,
        asked,
        type=TransactionType.CODE_TO_EXTERNAL_REWARDS,
        token_a_id=0,
        points=0,
        provider_name=body.exchange_provider_implementation_name,
        number_override=body.membership_number_override,
    )
    accepted = exchange_code(redemption=_redemption(body, asked), request=request, at=asked.at)
    return _ordered(accepted, body, normalise(body.code))


_OPERATIONS: dict[type[Order], Callable[[Any, Asked], Done]] = {
    CreditPoints: _credit_points,
    DebitPoints: _debit_points,
    PointsToRewards: _points_to_rewards,
    CodeToPoints: _code_to_points,
    CodeToNft: _code_to_nft,
    CreditNft: _credit_nft,
    PointsToExternalRewards: _points_to_external_rewards,
    Exchange: _exchange,
    CodeToExternalRewards: _code_to_external_rewards,
}

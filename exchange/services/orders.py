"""Accepting an exchange: the points go into clearing and the order is written, in one transaction, or neither."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from exchange.errors import AmountOutOfRange, AmountTooSmall, ExchangeNotAllowed, InvalidExchangeRate
from exchange.models import ExchangeOrder, Partnership, PartnershipState, Provider
from exchange.rules.rates import HIGHEST_RECEIVED, Rate, Received, choose_rate, convert, fits
from exchange.services.numbers import number_of
from ledger.models import Counterpart, TransactionType
from ledger.models.tokens import TokenStatus
from ledger.selectors import FUNGIBLE_POINTS, find_token
from ledger.services.points import Moved
from ledger.services.posting import Holder, Posting, post, reference_first
from loyalty.database import write
from loyalty.errors import FieldError
from users.errors import InvalidExchangeProvider, UserNotFound
from users.models import Member
from users.services.members import find_member

RATE_FIELD = "exchange_rate_override"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRequest:
    """What a partner asks for: `points` of token A into what is named, a provider's miles or token B.

    Overrides hold for this request alone. `number_field` is how the request calls the number it overrides.
    """

    brand_id: int
    auth_id: str
    token_a_id: int
    points: int
    actor: str
    type: TransactionType
    provider_name: str | None = None
    token_b_id: int | None = None
    rate_override: Decimal | None = None
    number_override: str | None = None
    number_field: str = "membership_number_override"
    reference_id: str | None = None


class Accepted(NamedTuple):
    """The movement of the points, and the order that it pays for."""

    moved: Moved
    order: ExchangeOrder


def accept_exchange(*, request: ExchangeRequest, at: datetime) -> Accepted:
    """Take the points, and order what they become: durable together when this returns.

    Raises UserNotFound, TokenNotFound, InvalidExchangeProvider, ExchangeNotAllowed, InvalidExchangeRate,
    AmountOutOfRange, AmountTooSmall, InvalidMembershipNumber, InsufficientBalance, ReferenceAlreadyUsed.
    """

    def effect() -> Accepted:
        with reference_first(request.brand_id, request.reference_id):
            return place_order(request, at=at)

    return write(effect)


def place_order(
    request: ExchangeRequest, *, at: datetime, of_code: dict[str, int] | None = None, take_first: int | None = None
) -> Accepted:
    """Do so inside an open transaction. What a code is worth has no minimum, and is taken from the lot it opened."""
    member = find_member(brand_id=request.brand_id, auth_id=request.auth_id)
    token = find_token(brand_id=request.brand_id, token_id=request.token_a_id, type_=FUNGIBLE_POINTS)
    partnership = find_partnership(request)
    rate = rate_of(partnership, request.rate_override)
    received = _received(partnership, request.points, rate, minimum=1 if of_code else partnership.minimum)
    number = number_of(member=member, partnership=partnership, override=request.number_override, field=request.number_field)
    order = ExchangeOrder(
        brand_id=request.brand_id,
        partnership=partnership,
        provider_id=partnership.provider_id,
        token_b=partnership.token_b,
        points=request.points,
        rate_numerator=rate.numerator,
        rate_denominator=rate.denominator,
        received=received.whole,
        remainder=received.remainder,
        membership_number=number,
        due_at=at,
        created_at=at,
    )
    posting = Posting(
        account=Holder(request.brand_id, request.auth_id, token.pk),
        amount=-request.points,
        type=request.type,
        counterpart=Counterpart.EXCHANGE_CLEARING if partnership.provider_id else Counterpart.TRANSFER_CLEARING,
        at=at,
        reference_id=request.reference_id,
        actor=request.actor,
        explanation={"exchange": str(order.reference), "partnership": partnership.pk, "received": str(received.whole)}
        | (of_code or {}),
        take_first=take_first,
    )
    return _written(order, Moved(post(posting), token), member)


def _written(order: ExchangeOrder, moved: Moved, member: Member) -> Accepted:
    if moved.posted.member_id != member.pk:  # erased meanwhile, and the name given to someone new
        raise UserNotFound
    order.member, order.transaction_id = member, moved.posted.id
    order.save(force_insert=True)
    return Accepted(moved, order)


def find_partnership(request: ExchangeRequest) -> Partnership:
    """The active partnership that a request means. Raises InvalidExchangeProvider, ExchangeNotAllowed."""
    rows = Partnership.objects.select_related("provider__programme", "partner_brand", "token_a", "token_b").filter(
        brand_id=request.brand_id,
        token_a_id=request.token_a_id,
        state=PartnershipState.ACTIVE,
        token_b__status=TokenStatus.ACTIVE,
    )
    if request.token_b_id is not None:
        found = rows.filter(token_b_id=request.token_b_id).first()
    else:
        name = request.provider_name or ""
        found = None if "\x00" in name else rows.filter(provider__programme__implementation_name=name).first()
        if found is None and not _is_provider(request.brand_id, name):
            raise InvalidExchangeProvider
    if found is None:
        raise ExchangeNotAllowed
    return found


def _is_provider(brand_id: int, name: str) -> bool:
    return "\x00" not in name and Provider.objects.filter(brand_id=brand_id, programme__implementation_name=name).exists()


def rate_of(partnership: Partnership, override: Decimal | None) -> Rate:
    """The rate of a request. Raises InvalidExchangeRate."""
    if override is not None and not fits(override):
        detail = "a decimal above 0, with at most 16 digits before the point and 8 behind it"
        raise InvalidExchangeRate(f"{RATE_FIELD}: {detail}", errors=[FieldError(RATE_FIELD, InvalidExchangeRate.code, detail)])
    rate = choose_rate(
        override=override, agreed=partnership.rate, offramp=partnership.token_a.offramp, onramp=partnership.token_b.onramp
    )
    if rate is None:
        raise InvalidExchangeRate
    return rate


def _received(partnership: Partnership, points: int, rate: Rate, *, minimum: int) -> Received:
    if not minimum <= points <= partnership.maximum:
        raise AmountOutOfRange(f"The amount must be from {minimum} to {partnership.maximum} points")
    received = convert(points, rate)
    if received.whole == 0:
        raise AmountTooSmall
    if received.whole > HIGHEST_RECEIVED:
        raise AmountOutOfRange("At this rate more would be received than can be counted")
    return received

"""Accepting an exchange: the points go into clearing and the order is written, in one transaction, or neither.

Three statements do it: one reads the terms, one posts, one writes the order.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID, uuid4

from exchange.errors import AmountOutOfRange, AmountTooSmall, InvalidExchangeRate
from exchange.rules.rates import HIGHEST_RECEIVED, Rate, Received, choose_rate, convert, fits
from exchange.services.numbers import number_of
from exchange.services.terms import Agreed, read_terms, why_no_terms
from ledger.models import Counterpart, TransactionType
from ledger.selectors import FUNGIBLE_POINTS, find_token
from ledger.services.points import Moved
from ledger.services.posting import Holder, Posting, post, reference_first
from loyalty.database import execute_prepared, write
from loyalty.errors import FieldError
from users.errors import UserNotFound

RATE_FIELD = "exchange_rate_override"
ORDER = """
INSERT INTO exchange_exchangeorder (brand_id, reference, partnership_id, provider_id, member_id, transaction_id, token_b_id,
  points, rate_numerator, rate_denominator, received, remainder, membership_number, due_at, created_at,
  state, attempts, misses, partner_reference, refusal_code, refusal_detail)
VALUES (%s::bigint, %s::uuid, %s::bigint, %s::bigint, %s::bigint, %s::bigint, %s::bigint,
  %s::bigint, %s::numeric, %s::numeric, %s::bigint, %s::numeric, %s::text, %s::timestamptz, %s::timestamptz,
  'accepted', 0, 0, '', '', '')
RETURNING id
"""


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
    """The movement of the points, the order that it pays for, and how many whole units that is to bring."""

    moved: Moved
    order_id: int
    received: int


class Deal(NamedTuple):
    """What the points become, and under which number it is credited."""

    reference: UUID
    rate: Rate
    received: Received
    number: str


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
    terms = read_terms(
        brand_id=request.brand_id,
        auth_id=request.auth_id,
        token_a_id=request.token_a_id,
        token_b_id=request.token_b_id,
        provider_name=request.provider_name,
    )
    if terms is None:
        raise UserNotFound
    token = find_token(brand_id=request.brand_id, token_id=request.token_a_id, type_=FUNGIBLE_POINTS)
    agreed = terms.agreed
    if agreed is None:
        raise why_no_terms(brand_id=request.brand_id, token_b_id=request.token_b_id, provider_name=request.provider_name)
    rate = rate_of(agreed, request.rate_override)
    received = _received(agreed, request.points, rate, minimum=1 if of_code else agreed.minimum)
    number = number_of(terms, override=request.number_override, field=request.number_field)
    deal = Deal(uuid4(), rate, received, number)
    posting = _posting(request, agreed, deal, at=at, of_code=of_code or {}, take_first=take_first)
    moved = Moved(post(posting), token)
    if moved.posted.member_id != terms.member_id:  # erased meanwhile, and the name given to someone new
        raise UserNotFound
    return Accepted(moved, _write(request, agreed, deal, moved, at=at), received.whole)


def _posting(
    request: ExchangeRequest, agreed: Agreed, deal: Deal, *, at: datetime, of_code: dict[str, int], take_first: int | None
) -> Posting:
    why = {"exchange": str(deal.reference), "partnership": agreed.id, "received": str(deal.received.whole)}
    return Posting(
        account=Holder(request.brand_id, request.auth_id, request.token_a_id),
        amount=-request.points,
        type=request.type,
        counterpart=Counterpart.EXCHANGE_CLEARING if agreed.provider_id else Counterpart.TRANSFER_CLEARING,
        at=at,
        reference_id=request.reference_id,
        actor=request.actor,
        explanation=why | of_code,
        take_first=take_first,
    )


def _write(request: ExchangeRequest, agreed: Agreed, deal: Deal, moved: Moved, *, at: datetime) -> int:
    """Write the order that a movement pays for, and answer its id."""
    posted, rate, received = moved.posted, deal.rate, deal.received
    links = [agreed.id, agreed.provider_id, posted.member_id, posted.id, agreed.token_b_id]
    terms = [request.points, rate.numerator, rate.denominator, received.whole, received.remainder]
    rows = execute_prepared(ORDER, [request.brand_id, deal.reference, *links, *terms, deal.number, at, at])
    order_id: int = rows[0][0]
    return order_id


def rate_of(agreed: Agreed, override: Decimal | None) -> Rate:
    """The rate of a request. Raises InvalidExchangeRate."""
    if override is not None and not fits(override):
        detail = "a decimal above 0, with at most 16 digits before the point and 8 behind it"
        raise InvalidExchangeRate(f"{RATE_FIELD}: {detail}", errors=[FieldError(RATE_FIELD, InvalidExchangeRate.code, detail)])
    rate = choose_rate(override=override, agreed=agreed.rate, offramp=agreed.offramp, onramp=agreed.onramp)
    if rate is None:
        raise InvalidExchangeRate
    return rate


def _received(agreed: Agreed, points: int, rate: Rate, *, minimum: int) -> Received:
    if not minimum <= points <= agreed.maximum:
        raise AmountOutOfRange(f"The amount must be from {minimum} to {agreed.maximum} points")
    received = convert(points, rate)
    if received.whole == 0:
        raise AmountTooSmall
    if received.whole > HIGHEST_RECEIVED:
        raise AmountOutOfRange("At this rate more would be received than can be counted")
    return received

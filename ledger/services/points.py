"""Credit and debit: points given and taken for a reason of the partner's own."""

from dataclasses import dataclass
from datetime import datetime

from ledger.models import Counterpart, Token, TransactionType
from ledger.selectors import FUNGIBLE_POINTS, find_token
from ledger.services.posting import Holder, Posted, Posting, lapse_of, post
from loyalty.database import write
from users.email_kinds import EmailKind
from users.models import Member
from users.services.emails import queue_email


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsOrder:
    """What a partner asks for: `amount` points (above 0) of a token, for or from one member."""

    brand_id: int
    auth_id: str
    token_id: int
    amount: int
    actor: str
    reference_id: str | None = None
    send_email: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """A posting together with the token it moved."""

    posted: Posted
    token: Token


def credit_points(*, order: PointsOrder, at: datetime) -> Moved:
    """Give points to a member; under an expiring token they open a lot. With `send_email` a notice is queued.

    Raises TokenNotFound, UserNotFound, BalanceLimit, ReferenceAlreadyUsed.
    """
    token = find_token(brand_id=order.brand_id, token_id=order.token_id, type_=FUNGIBLE_POINTS)
    posting = Posting(
        account=Holder(order.brand_id, order.auth_id, token.pk),
        amount=order.amount,
        type=TransactionType.CREDIT_POINTS,
        counterpart=Counterpart.ISSUANCE,
        at=at,
        expires_at=lapse_of(token, at=at),
        reference_id=order.reference_id,
        actor=order.actor,
    )
    if not order.send_email:
        return Moved(post(posting), token)
    return Moved(write(lambda: _post_with_notice(posting, token)), token)


def debit_points(*, order: PointsOrder, at: datetime) -> Moved:
    """Take points from a member, soonest to lapse first.

    Raises TokenNotFound, UserNotFound, InsufficientBalance, ReferenceAlreadyUsed.
    """
    token = find_token(brand_id=order.brand_id, token_id=order.token_id, type_=FUNGIBLE_POINTS)
    posting = Posting(
        account=Holder(order.brand_id, order.auth_id, token.pk),
        amount=-order.amount,
        type=TransactionType.DEBIT_POINTS,
        counterpart=Counterpart.REDEMPTION,
        at=at,
        reference_id=order.reference_id,
        actor=order.actor,
    )
    return Moved(post(posting), token)


def _post_with_notice(posting: Posting, token: Token) -> Posted:
    posted = post(posting)
    member = Member.objects.get(pk=posted.member_id)
    context = {"amount": posting.amount, "token": token.name}
    queue_email(member=member, brand=token.brand, kind=EmailKind.CREDIT_NOTICE, context=context, at=posting.at)
    return posted

"""Short ways to move points in tests."""

from datetime import datetime, timedelta

from ledger.models import Account, Counterpart, Lot, Token, TransactionType
from ledger.services import Holder, Posted, Posting, post
from ledger.services.posting import lapse_of
from ledger.services.reversing import ReversalOrder, reverse
from tests.conftest import NOON
from users.models import Member

DAY = timedelta(days=1)


def order(member: Member, token: Token, amount: int, *, at: datetime = NOON, **terms) -> Posting:
    type_ = TransactionType.CREDIT_POINTS if amount > 0 else TransactionType.DEBIT_POINTS
    counterpart = Counterpart.ISSUANCE if amount > 0 else Counterpart.REDEMPTION
    terms = {"type": type_, "counterpart": counterpart, "at": at} | terms
    if amount > 0:
        terms.setdefault("expires_at", lapse_of(token, at=at))
    return Posting(account=Holder(member.brand_id, member.auth_id or "", token.pk), amount=amount, **terms)


def move(member: Member, token: Token, amount: int, **terms) -> Posted:
    return post(order(member, token, amount, **terms))


def undo(posted: Posted, amount: int | None = None, *, at: datetime = NOON, brand_id: int, **terms) -> Posted:
    return reverse(order=ReversalOrder(brand_id=brand_id, transaction_id=posted.id, amount=amount, **terms), at=at)


def account_of(member: Member, token: Token) -> Account:
    return Account.objects.get(brand_id=member.brand_id, member=member, token=token)


def lots_of(member: Member, token: Token) -> dict[int, int]:
    """What is left in each lot, by the number of the row that opened it."""
    rows = Lot.objects.filter(account=account_of(member, token)).order_by("sequence")
    return dict(rows.values_list("sequence", "remaining"))

"""What the Partner API answers: the one place that knows both generations of its documents.

The older one names an airline `exchange_provider` and wraps a user in `user`, the newer says `brand` and `data`;
answers hold both side by side, so a client written against either works.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from ledger.models import Token, Transaction
from ledger.selectors import Balance
from ledger.services.posting import Posted
from users.models import Member, Membership


class BrandOut(Struct):
    """Whose membership it is, in the newer spelling."""

    id: str
    name: str
    locations: list[dict[str, Any]]
    brand_config: dict[str, Any] | None


class ExchangeProviderOut(Struct):
    """Whose membership it is, in the older spelling."""

    implementation_name: str
    name: str


class MembershipOut(Struct):
    """A member's number somewhere."""

    membership_number: str
    brand: BrandOut
    exchange_provider: ExchangeProviderOut


class UserOut(Struct):
    """A user; `memberships` is there where one was just stored."""

    id: str
    email: str | None
    auth_id: str
    first_name: str | None
    second_name: str | None
    language: str | None
    country_ISO: str | None
    metadata: dict[str, Any] | None
    memberships: list[MembershipOut] | UnsetType = UNSET


class UserAnswer(Struct):
    """A user, under the names of both generations."""

    data: UserOut
    user: UserOut


class UserPage(Struct):
    """A page of users, newest first."""

    users: list[UserOut]
    offset: int
    limit: int
    total_count: int


class UserPageAnswer(Struct):
    """A page of users."""

    data: UserPage


class MembershipAnswer(Struct):
    """One membership."""

    data: MembershipOut


class MembershipsAnswer(Struct):
    """All memberships of a user."""

    data: list[MembershipOut]


class TokenOut(Struct):
    """A currency of the brand; rates are decimal strings."""

    id: int
    address: str
    name: str
    symbol: str
    type: str
    countries: list[str]
    onramp: str | None
    offramp: str | None
    status: str
    metadata: dict[str, Any] | None


class BalanceOut(Struct):
    """What a user holds of one token."""

    balance: int
    token: TokenOut


class BalancesAnswer(Struct):
    """All balances of a user, zero included."""

    data: list[BalanceOut]


class TransactionUser(Struct):
    """Whose transaction it is."""

    auth_id: str
    email: str | None


class TransactionOut(Struct):
    """One movement of points; numbers of points are strings."""

    id: str
    loyalty_event_type: str
    status: Literal["pending", "success", "failed", "reversed"]
    points_burned: str | None
    points_credited: str | None
    amount_received: str | None
    token: TokenOut
    reward_id: int | None
    code: str | None
    user: TransactionUser | None
    reference_id: str | None
    tx_hash: str
    reverses: str | None
    inserted_at: str


class TransactionAnswer(Struct):
    """One transaction."""

    data: TransactionOut


class TransactionPage(Struct):
    """A page of transactions, newest first; `next_cursor` asks for the next one."""

    transactions: list[TransactionOut]
    total_tx_count: int
    limit: int
    offset: int
    next_cursor: str | None


class TransactionPageAnswer(Struct):
    """A page of transactions."""

    data: TransactionPage


def membership_out(membership: Membership) -> MembershipOut:
    """A membership in both spellings."""
    if membership.programme is not None:
        id_, name = membership.programme.implementation_name, membership.programme.name
    elif membership.partner_brand is not None:
        id_, name = str(membership.partner_brand.pk), membership.partner_brand.name
    else:
        raise AssertionError("the database keeps one target for each membership")
    return MembershipOut(membership.number, BrandOut(id_, name, [], None), ExchangeProviderOut(id_, name))


def user_out(member: Member, memberships: Sequence[Membership] | None = None) -> UserOut:
    """A user, with memberships where they are given."""
    return UserOut(
        id=member.public_id,
        email=member.email,
        auth_id=member.auth_id or "",
        first_name=member.first_name,
        second_name=member.second_name,
        language=member.language,
        country_ISO=member.country_iso,
        metadata=member.metadata,
        memberships=UNSET if memberships is None else [membership_out(item) for item in memberships],
    )


def user_answer(member: Member, memberships: Sequence[Membership] | None = None) -> UserAnswer:
    """A user under `data` and under `user`."""
    user = user_out(member, memberships)
    return UserAnswer(data=user, user=user)


def token_out(token: Token) -> TokenOut:
    """A token."""
    return TokenOut(
        id=token.pk,
        address=token.address,
        name=token.name,
        symbol=token.symbol,
        type=token.type,
        countries=token.countries,
        onramp=decimal_text(token.onramp),
        offramp=decimal_text(token.offramp),
        status=token.status,
        metadata=token.metadata,
    )


def balance_out(balance: Balance) -> BalanceOut:
    """A balance."""
    return BalanceOut(balance.points, token_out(balance.token))


def posted_out(posted: Posted, token: Token, user: TransactionUser | None) -> TransactionOut:
    """A transaction that was just posted."""
    posting = posted.posting
    return _transaction(
        id_=posted.id,
        type_=str(posting.type),
        amount=posting.amount,
        token=token,
        user=user,
        reference_id=posting.reference_id,
        hash_=posted.hash,
        reverses=posting.reverses_id,
        recorded_at=posted.recorded_at,
        is_reversed=False,
    )


def transaction_out(row: Transaction, *, is_reversed: bool) -> TransactionOut:
    """A stored transaction; its user is null once they were erased."""
    member = row.account.member
    return _transaction(
        id_=row.pk,
        type_=row.type,
        amount=row.amount,
        token=row.account.token,
        user=TransactionUser(member.auth_id, member.email) if member.auth_id is not None else None,
        reference_id=row.reference_id,
        hash_=bytes(row.hash),
        reverses=row.reverses_id,
        recorded_at=row.recorded_at,
        is_reversed=is_reversed,
    )


def _transaction(
    *,
    id_: int,
    type_: str,
    amount: int,
    token: Token,
    user: TransactionUser | None,
    reference_id: str | None,
    hash_: bytes,
    reverses: int | None,
    recorded_at: datetime,
    is_reversed: bool,
) -> TransactionOut:
    return TransactionOut(
        id=str(id_),
        loyalty_event_type=type_,
        status="reversed" if is_reversed else "success",
        points_burned=str(-amount) if amount < 0 else None,
        points_credited=str(amount) if amount > 0 else None,
        amount_received=None,
        token=token_out(token),
        reward_id=None,
        code=None,
        user=user,
        reference_id=reference_id,
        tx_hash=f"0x{hash_.hex()}",
        reverses=str(reverses) if reverses is not None else None,
        inserted_at=instant_text(recorded_at),
    )


def decimal_text(value: Decimal | None) -> str | None:
    """A decimal without needless zeros and without an exponent."""
    if value is None:
        return None
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def instant_text(instant: datetime) -> str:
    """An instant in ISO 8601, in UTC."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")

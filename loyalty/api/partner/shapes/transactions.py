"""Transactions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from msgspec import Struct

from exchange.models import ExchangeOrder
from exchange.rules.orders import OrderState
from exchange.selectors import orders_of
from exchange.services.settling import EXCHANGES
from ledger.models import Token, Transaction
from ledger.selectors import reversed_among
from ledger.services.points import Moved
from loyalty.api.partner.shapes.tokens import TokenOut, token_out
from loyalty.api.shapes import hash_text, instant_text
from rewards.selectors import NOTHING, Details, details_of


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


class Fate(NamedTuple):
    """How far a transaction has come, where that is not plain from the ledger; what was received for it, or will be."""

    status: Literal["pending", "success", "failed"]
    received: int | None


def fate_of(order: ExchangeOrder) -> Fate:
    """Where the exchange stands that a transaction paid for."""
    if order.state == OrderState.REFUSED:
        return Fate("failed", None)
    return Fate("success" if order.state == OrderState.SETTLED else "pending", order.arrived)


def posted_out(moved: Moved, *, auth_id: str, details: Details = NOTHING, fate: Fate | None = None) -> TransactionOut:
    """A transaction that was just posted for a user."""
    posted, posting = moved.posted, moved.posted.posting
    return _transaction(
        id_=posted.id,
        type_=str(posting.type),
        amount=posting.amount,
        token=moved.token,
        details=details,
        user=TransactionUser(auth_id, posted.email),
        reference_id=posting.reference_id,
        hash_=posted.hash,
        reverses=posting.reverses_id,
        recorded_at=posted.recorded_at,
        is_reversed=False,
        fate=fate,
    )


def transactions_out(rows: Sequence[Transaction]) -> list[TransactionOut]:
    """Stored transactions, with what each has to do with codes and rewards."""
    undone, details = reversed_among(rows), details_of(rows)
    fates = {pk: fate_of(order) for pk, order in orders_of([row for row in rows if row.type in EXCHANGES]).items()}
    return [
        _stored(row, is_reversed=row.pk in undone, details=details.get(row.pk, NOTHING), fate=fates.get(row.pk)) for row in rows
    ]


def _stored(row: Transaction, *, is_reversed: bool, details: Details, fate: Fate | None) -> TransactionOut:
    """A stored transaction; its user is null once they were erased."""
    member = row.account.member
    return _transaction(
        id_=row.pk,
        type_=row.type,
        amount=row.amount,
        token=row.account.token,
        details=details,
        user=TransactionUser(member.auth_id, member.email) if member.auth_id is not None else None,
        reference_id=row.reference_id,
        hash_=bytes(row.hash),
        reverses=row.reverses_id,
        recorded_at=row.recorded_at,
        is_reversed=is_reversed,
        fate=fate,
    )


def _transaction(
    *,
    id_: int,
    type_: str,
    amount: int,
    token: Token,
    details: Details,
    user: TransactionUser | None,
    reference_id: str | None,
    hash_: bytes,
    reverses: int | None,
    recorded_at: datetime,
    is_reversed: bool,
    fate: Fate | None,
) -> TransactionOut:
    status, received = fate or Fate("success", None)
    return TransactionOut(
        id=str(id_),
        loyalty_event_type=type_,
        status="reversed" if is_reversed and fate is None else status,
        points_burned=str(-amount) if amount < 0 else None,
        points_credited=str(amount) if amount > 0 else None,
        amount_received=str(received) if received is not None else None,
        token=token_out(token),
        reward_id=details.reward_id,
        code=details.code,
        user=user,
        reference_id=reference_id,
        tx_hash=hash_text(hash_),
        reverses=str(reverses) if reverses is not None else None,
        inserted_at=instant_text(recorded_at),
    )

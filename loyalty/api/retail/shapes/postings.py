"""Movements of points, as the Retail API tells them."""

from msgspec import Struct

from ledger.models import Transaction
from ledger.services.posting import Posted
from loyalty.api.shapes import hash_text, instant_text


class PostedOut(Struct):
    """A movement of points; `points` are signed."""

    id: str
    points: int
    balance_after: int
    tx_hash: str
    occurred_at: str


def posted_out(posted: Posted) -> PostedOut:
    """A receipt of the ledger."""
    happened = posted.posting.effective_at or posted.recorded_at
    points, tx_hash = posted.posting.amount, hash_text(posted.hash)
    return PostedOut(str(posted.id), points, posted.balance_after, tx_hash, instant_text(happened))


def stored_out(row: Transaction) -> PostedOut:
    """A row of the ledger."""
    return PostedOut(str(row.pk), row.amount, row.balance_after, hash_text(bytes(row.hash)), instant_text(row.effective_at))

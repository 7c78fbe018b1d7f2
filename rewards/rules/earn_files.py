"""Lines of a file of earnings: one basket with one amount each, as exports of tills have them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rewards.rules.baskets import Line
from rewards.rules.money import coins, thousandths

NEEDED = ("transaction_id", "member_id", "occurred_at", "amount")
OPTIONAL = ("currency", "sku", "category", "quantity", "store_id", "channel")
LONGEST = {"transaction_id": 255, "member_id": 255, "sku": 100, "category": 100, "store_id": 100, "channel": 100}


class FileFault(ValueError):
    """A line that cannot be taken, and why."""


@dataclass(frozen=True, slots=True)
class FileBasket:
    """A line of the file, read."""

    transaction_id: str
    member_id: str
    occurred_at: datetime
    line: Line
    store_id: str | None
    channel: str | None


def check_header(header: Sequence[str]) -> None:
    """Refuse a header that lacks a column, or has one twice or one that nobody knows. Raises FileFault."""
    if missing := [name for name in NEEDED if name not in header]:
        raise FileFault(f"the header lacks {', '.join(missing)}")
    if unknown := [name for name in header if name not in NEEDED + OPTIONAL]:
        raise FileFault(f"unknown columns: {', '.join(unknown)}; known are {', '.join(NEEDED + OPTIONAL)}")
    if len(set(header)) != len(header):
        raise FileFault("a column stands in the header twice")


def read_basket(told: Mapping[str, str], *, currency: str, decimals: int) -> FileBasket:
    """One line, by column. Raises FileFault naming the column."""
    for name, most in LONGEST.items():
        text = told.get(name, "")
        if len(text) > most or "\x00" in text or (name in NEEDED and not text):
            raise FileFault(f"{name}: 1 to {most} characters")
    if told.get("currency", currency) not in {currency, ""}:
        raise FileFault(f"currency: the brand counts in {currency}")
    amount = coins(told["amount"], decimals)
    if amount is None:
        raise FileFault(f"amount: not negative, with at most {decimals} decimals")
    quantity = thousandths(told.get("quantity") or "1")
    if quantity is None:
        raise FileFault("quantity: above 0, with up to three decimals")
    return FileBasket(
        told["transaction_id"],
        told["member_id"],
        _instant(told["occurred_at"]),
        Line(1, told.get("sku", ""), told.get("category") or None, quantity, amount),
        told.get("store_id") or None,
        told.get("channel") or None,
    )


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise FileFault("occurred_at: an ISO 8601 date and time, as in 2026-06-01T11:23:23Z") from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant

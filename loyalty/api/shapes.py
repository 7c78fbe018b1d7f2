"""How numbers, instants and hashes are written, whatever the dialect."""

from datetime import UTC, datetime
from decimal import Decimal


def decimal_text(value: Decimal | None) -> str | None:
    """A decimal without needless zeros and without an exponent."""
    if value is None:
        return None
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def instant_text(instant: datetime) -> str:
    """An instant in ISO 8601, in UTC."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def hash_text(hash_: bytes | memoryview) -> str:
    """The hash of a transaction, as the APIs show it."""
    return f"0x{bytes(hash_).hex()}"

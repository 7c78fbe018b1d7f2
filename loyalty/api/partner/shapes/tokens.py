"""Tokens, and how numbers and instants are written."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from ledger.models import Token


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


def decimal_text(value: Decimal | None) -> str | None:
    """A decimal without needless zeros and without an exponent."""
    if value is None:
        return None
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def instant_text(instant: datetime) -> str:
    """An instant in ISO 8601, in UTC."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")

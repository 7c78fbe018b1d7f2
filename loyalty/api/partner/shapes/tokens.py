"""Tokens."""

from typing import Any

from msgspec import Struct

from ledger.models import Token
from loyalty.api.shapes import decimal_text


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

"""Tokens, in OAuth's own form."""

from typing import Literal

from msgspec import Struct


class TokenBody(Struct):
    """What a client asks with; id and secret may come in a Basic header instead."""

    grant_type: Literal["client_credentials"]
    client_id: str | None = None
    client_secret: str | None = None
    scope: str | None = None


class TokenAnswer(Struct):
    """A token, for how many seconds it is good, and what for."""

    access_token: str
    expires_in: int
    token_type: Literal["Bearer"]
    scope: str


class OAuthRefusal(Struct):
    """Why there is no token (RFC 6749, 5.2)."""

    error: Literal["invalid_request", "invalid_client", "invalid_scope", "unsupported_grant_type", "unauthorized_client"]
    error_description: str

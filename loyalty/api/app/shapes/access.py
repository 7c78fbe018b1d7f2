"""Tokens."""

from typing import Literal

from msgspec import Struct


class TokenData(Struct):
    """A token for an app's back end, and for how many seconds it is good."""

    access_token: str
    token_type: Literal["bearer"]
    expires_in: int


class EmptyData(Struct):
    """Nothing more to tell."""

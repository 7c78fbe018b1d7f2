"""Tokens: what staff may change of a currency once there is one."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from ledger.errors import TokenNotFound
from ledger.models import Token
from loyalty.database import write
from loyalty.errors import FieldError, InvalidRequest

CHANGEABLE = frozenset(
    {"name", "symbol", "status", "countries", "onramp", "offramp", "metadata", "expiry_unit", "expiry_count"}
)
"""Its brand, type and address stay: rows of the ledger, and systems of partners, rest on them."""


def change_token(*, brand_id: int, token_id: int, changes: Mapping[str, Any]) -> Token:
    """Change what may change; another expiry policy holds for credits from then on, and leaves the lots that are open.

    Systems that remember a token see it within a few seconds. Raises TokenNotFound, InvalidRequest.
    """
    fixed = set(changes) - CHANGEABLE
    if fixed:
        raise InvalidRequest(errors=[FieldError(name, "fixed", "This stays as it is") for name in sorted(fixed)])

    def effect() -> Token:
        token = Token.objects.select_for_update(no_key=True).filter(brand_id=brand_id, pk=token_id).first()
        if token is None:
            raise TokenNotFound
        for name, value in changes.items():
            setattr(token, name, value)
        try:
            token.full_clean()
        except ValidationError as error:
            faults = error.message_dict.items()
            raise InvalidRequest(errors=[FieldError(name, "invalid", " ".join(words)) for name, words in faults]) from None
        token.save(update_fields=sorted(changes))
        return token

    return write(effect)

"""Secrets of providers: from the environment, or encrypted at rest; never in logs, never shown again."""

import base64
import hashlib
import os
from functools import cache

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from exchange.models import Provider


class SecretUnreadableError(ValueError):
    """The stored secret was encrypted under another key."""


def set_secret(*, provider: Provider, secret: str) -> None:
    """Store a secret, encrypted under CREDENTIALS_KEY; the one before is gone."""
    provider.secret = _cipher().encrypt(secret.encode())
    provider.save(update_fields=["secret"])


def secret_of(provider: Provider) -> str:
    """The secret in clear, for the adapter alone. Raises SecretUnreadableError."""
    if provider.secret_variable:
        return os.environ.get(provider.secret_variable, "")
    if provider.secret is None:
        return ""
    try:
        return _cipher().decrypt(bytes(provider.secret)).decode()
    except InvalidToken:
        raise SecretUnreadableError(f"the secret of {provider} was encrypted under another key") from None


@cache
def _cipher() -> Fernet:
    key = hashlib.scrypt(settings.CREDENTIALS_KEY.encode(), salt=b"loyalty.exchange.credentials", n=2**14, r=8, p=1, dklen=32)
    return Fernet(base64.urlsafe_b64encode(key))

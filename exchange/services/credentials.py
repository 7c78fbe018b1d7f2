"""Secrets of providers: from the environment, or encrypted at rest; never in logs, never shown again."""

import os

from exchange.models import Provider
from users.services.secrets import SecretUnreadableError, decrypt, encrypt

VARIABLE_PREFIX = "EXCHANGE_SECRET_"


def set_secret(*, provider: Provider, secret: str) -> None:
    """Store a secret, encrypted under CREDENTIALS_KEY; the one before is gone."""
    provider.secret = encrypt(secret)
    provider.save(update_fields=["secret"])


def secret_of(provider: Provider) -> str:
    """The secret in clear, for the adapter alone. Raises SecretUnreadableError."""
    if provider.secret_variable:
        if not provider.secret_variable.startswith(VARIABLE_PREFIX):  # no other secret of the house leaves it this way
            raise SecretUnreadableError(f"the variable of {provider} must begin with {VARIABLE_PREFIX}")
        return os.environ.get(provider.secret_variable, "")
    if provider.secret is None:
        return ""
    try:
        return decrypt(bytes(provider.secret))
    except SecretUnreadableError:
        raise SecretUnreadableError(f"the secret of {provider} was encrypted under another key") from None

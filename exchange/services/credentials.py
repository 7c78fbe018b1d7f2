"""Secrets of providers: from the environment, or encrypted at rest; never in logs, never shown again."""

import os

from exchange.models import Provider
from users.services.secrets import SecretUnreadableError, decrypt, encrypt


def set_secret(*, provider: Provider, secret: str) -> None:
    """Store a secret, encrypted under CREDENTIALS_KEY; the one before is gone."""
    provider.secret = encrypt(secret)
    provider.save(update_fields=["secret"])


def secret_of(provider: Provider) -> str:
    """The secret in clear, for the adapter alone. Raises SecretUnreadableError."""
    if provider.secret_variable:
        return os.environ.get(provider.secret_variable, "")
    if provider.secret is None:
        return ""
    try:
        return decrypt(bytes(provider.secret))
    except SecretUnreadableError:
        raise SecretUnreadableError(f"the secret of {provider} was encrypted under another key") from None

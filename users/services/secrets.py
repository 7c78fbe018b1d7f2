"""Secrets that must be read again: encrypted at rest under CREDENTIALS_KEY; never in logs."""

import base64
import hashlib
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.conf import settings


class SecretUnreadableError(ValueError):
    """The stored secret was encrypted under another key."""


def encrypt(secret: str) -> bytes:
    """What may be stored of a secret."""
    return _cipher().encrypt(secret.encode())


def decrypt(stored: bytes) -> str:
    """The secret in clear. Raises SecretUnreadableError."""
    try:
        return _cipher().decrypt(stored).decode()
    except InvalidToken:
        raise SecretUnreadableError("the secret was encrypted under another key") from None


@cache
def _cipher() -> Fernet:
    """The salt names the room that stored the first secrets; with another they could not be read any more."""
    key = hashlib.scrypt(settings.CREDENTIALS_KEY.encode(), salt=b"loyalty.exchange.credentials", n=2**14, r=8, p=1, dklen=32)
    return Fernet(base64.urlsafe_b64encode(key))


def seal_seed(seed: bytes, *, owner: int) -> str:
    """What may be stored of an authenticator's seed: short enough for its column, and of no use to another owner."""
    return _sealer().encrypt(seed, [str(owner).encode()]).hex()


def open_seed(stored: str, *, owner: int) -> bytes:
    """The seed in clear. Raises SecretUnreadableError."""
    try:
        return _sealer().decrypt(bytes.fromhex(stored), [str(owner).encode()])
    except (InvalidTag, ValueError):
        raise SecretUnreadableError("the seed was encrypted under another key, or for someone else") from None


@cache
def _sealer() -> AESSIV:
    return AESSIV(hashlib.scrypt(settings.CREDENTIALS_KEY.encode(), salt=b"loyalty.staff.seeds", n=2**14, r=8, p=1, dklen=64))

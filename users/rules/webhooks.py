"""Webhooks as Standard Webhooks (https://www.standardwebhooks.com) has them: secrets, signatures, and when to try again."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

PREFIX = "whsec_"
SHORTEST_KEY, LONGEST_KEY = 24, 64
MOST_RETRIES = 13
MOST_ATTEMPTS = 1 + MOST_RETRIES
FIRST_WAIT_SECONDS, FACTOR = 5, 2.36
WAITS = tuple(timedelta(seconds=FIRST_WAIT_SECONDS * FACTOR**retry) for retry in range(MOST_RETRIES))
"""5 s, 12 s, 28 s, 66 s, ... 42 hours before the last: three days in all."""
JITTER = 0.2
LONGEST_RETRY_AFTER = timedelta(days=1)


def secret_text(key: bytes) -> str:
    """A key as the standard writes it."""
    return PREFIX + base64.b64encode(key).decode()


def key_of(secret: str) -> bytes:
    """The key in a secret. Raises ValueError where it is none by the standard: 24 to 64 bytes in base64, marked as such."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        raise ValueError(f"a secret is {PREFIX} and {SHORTEST_KEY} to {LONGEST_KEY} bytes in base64")
    return key


def signature(*, secret: str, event_id: str, timestamp: int, body: bytes) -> str:
    """What one secret makes of a message."""
    signed = f"{event_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256)).decode()


def headers_of(*, secrets: Iterable[str], event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that a receiver checks; each secret signs, so that one can be changed without losing a message."""
    signed = [signature(secret=secret, event_id=event_id, timestamp=timestamp, body=body) for secret in secrets]
    return {"webhook-id": event_id, "webhook-timestamp": str(timestamp), "webhook-signature": " ".join(signed)}


def wait_after(attempts: int, *, chance: float) -> timedelta | None:
    """How long to wait after so many attempts, give or take a fifth by `chance` (0 to 1); None when that was the last."""
    if attempts >= MOST_ATTEMPTS:
        return None
    return WAITS[attempts - 1] * (1 - JITTER + 2 * JITTER * chance)


def retry_after(header: str, *, at: datetime) -> timedelta:
    """How long a receiver asks to be left alone, a day at most: seconds or a date; nothing where that cannot be read."""
    if header.isascii() and header.isdigit():
        seconds = float(header[:10])
    else:
        try:
            told = parsedate_to_datetime(header)
        except (ValueError, TypeError, OverflowError):
            return timedelta()
        seconds = ((told if told.tzinfo else told.replace(tzinfo=UTC)) - at).total_seconds()
    return min(timedelta(seconds=max(seconds, 0)), LONGEST_RETRY_AFTER)

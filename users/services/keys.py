"""API keys: made, checked, revoked.

A key reads `lp_live_<8 public>_<32 secret>_<6 check>`, or lp_test_ for a sandbox brand. The secret has 190 bits,
so a plain SHA-256 of it can be kept; the check sum lets a mistyped key be refused without asking the database.
"""

import hashlib
import hmac
import secrets
import string
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from users.errors import InvalidApiKey
from users.models import ApiKey, Brand

ALPHABET = string.ascii_letters + string.digits
PUBLIC_LENGTH, SECRET_LENGTH, CHECK_LENGTH = 8, 32, 6
LAST_USED_EVERY = timedelta(minutes=1)
CACHED_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a valid key speaks for, and how fast. `public` names the key outside of this database, where numbers may meet."""

    key_id: int
    public: str
    brand_id: int
    scopes: frozenset[str]
    rate_per_second: int
    burst: int


def create_api_key(
    *, brand: Brand, scopes: Sequence[str], label: str = "", expires_at: datetime | None = None, **limits: int
) -> tuple[ApiKey, str]:
    """Make a key; its text is answered here and never again. `limits`: rate_per_second and burst."""
    public, secret = _random(PUBLIC_LENGTH), _random(SECRET_LENGTH)
    body = f"lp_{'test' if brand.sandbox else 'live'}_{public}_{secret}"
    key = ApiKey.objects.create(
        brand=brand,
        public=public,
        digest=_digest(secret),
        scopes=list(scopes),
        label=label,
        expires_at=expires_at,
        **limits,
    )
    return key, f"{body}_{_check(body)}"


def revoke_api_key(*, public: str, at: datetime) -> bool:
    """Revoke a key by its public part; it is refused everywhere within five seconds. False when there is none to revoke."""
    return bool(ApiKey.objects.filter(public=public, revoked_at__isnull=True).update(revoked_at=at))


_known: dict[str, tuple[float, Caller]] = {}


def authenticate_key(text: str) -> Caller:
    """Who a key speaks for. A valid key is remembered for a few seconds in each process. Raises InvalidApiKey."""
    remembered = _known.get(text)
    if remembered is not None and remembered[0] > time.monotonic():
        return remembered[1]
    caller, lasting_seconds = _look_up(text)
    if len(_known) >= CACHED_KEYS:
        _known.clear()
    _known[text] = (time.monotonic() + min(lasting_seconds, settings.KEY_CACHE_SECONDS), caller)
    return caller


def _look_up(text: str) -> tuple[Caller, float]:
    """The caller, and for how many more seconds the key is valid."""
    parts = text.split("_")
    if len(parts) != 5 or not text.isascii() or not hmac.compare_digest(_check(text.rpartition("_")[0]), parts[4]):
        raise InvalidApiKey
    now = timezone.now()
    key = ApiKey.objects.select_related("brand").filter(public=parts[2]).first()
    if key is None or not hmac.compare_digest(bytes(key.digest), _digest(parts[3])):
        raise InvalidApiKey
    kind = "test" if key.brand.sandbox else "live"
    if parts[:2] != ["lp", kind] or key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
        raise InvalidApiKey
    if key.last_used_at is None or key.last_used_at < now - LAST_USED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    caller = Caller(key.pk, key.public, key.brand_id, frozenset(key.scopes), key.rate_per_second, key.burst)
    return caller, (key.expires_at - now).total_seconds() if key.expires_at else float("inf")


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _check(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECK_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits += ALPHABET[digit]
    return digits

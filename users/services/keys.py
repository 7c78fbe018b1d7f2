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
from typing import Any

from django.conf import settings
from django.utils import timezone

from loyalty.database import write
from loyalty.errors import invalid_field
from users.errors import ApiKeyNotFound, CredentialInactive, CredentialMade, InvalidApiKey
from users.models import ApiKey, Brand
from users.models.keys import ALL_SCOPES

ALPHABET = string.ascii_letters + string.digits
PUBLIC_LENGTH, SECRET_LENGTH, CHECK_LENGTH = 8, 32, 6
LAST_USED_EVERY = timedelta(minutes=1)
CACHED_KEYS = 10_000
LONGEST_OVERLAP = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a valid key speaks for, and how fast. `public` names the key outside of this database, where numbers may meet."""

    key_id: int
    public: str
    brand_id: int
    scopes: frozenset[str]
    rate_per_second: int
    burst: int


def new_public() -> str:
    """The public part of a key to come."""
    return _random(PUBLIC_LENGTH)


def create_api_key(
    *,
    brand: Brand,
    scopes: Sequence[str],
    label: str = "",
    expires_at: datetime | None = None,
    public: str | None = None,
    **limits: int,
) -> tuple[ApiKey, str]:
    """Make a key; its text is answered here and never again. `limits`: rate_per_second and burst.

    `public` may be chosen beforehand, so that a form sent twice makes one key. Raises CredentialMade, InvalidRequest.
    """
    if set(scopes) - set(ALL_SCOPES):
        raise invalid_field("scopes", f"each one of {', '.join(ALL_SCOPES)}")
    terms = {"scopes": list(scopes), "label": label, "expires_at": expires_at} | limits
    return write(lambda: _made(brand, public or new_public(), terms))


def _made(brand: Brand, public: str, terms: dict[str, Any]) -> tuple[ApiKey, str]:
    if ApiKey.objects.filter(public=public).exists():
        raise CredentialMade
    secret = _random(SECRET_LENGTH)
    body = f"lp_{'test' if brand.sandbox else 'live'}_{public}_{secret}"
    key = ApiKey.objects.create(brand=brand, public=public, digest=_digest(secret), **terms)
    return key, f"{body}_{_check(body)}"


def rotate_api_key(
    *, brand_id: int, key_id: int, overlap: timedelta, expires_at: datetime | None, at: datetime
) -> tuple[ApiKey, str]:
    """Make a key with the terms of another, but its own end; that one stays valid for `overlap` more, without it is revoked.

    Raises ApiKeyNotFound, CredentialInactive (revoked, expired, or followed by another already), InvalidRequest.
    """
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise invalid_field("overlap", f"from 0 to {LONGEST_OVERLAP.days} days")

    def effect() -> tuple[ApiKey, str]:
        rows = ApiKey.objects.select_for_update(of=("self",), no_key=True).select_related("brand")
        old = rows.filter(brand_id=brand_id, pk=key_id).first()
        if old is None:
            raise ApiKeyNotFound
        if not old.is_valid(at) or old.successors.exists():
            raise CredentialInactive
        limits = {"rate_per_second": old.rate_per_second, "burst": old.burst, "replaces": old}
        terms = {"scopes": old.scopes, "label": old.label, "expires_at": expires_at} | limits
        made = _made(old.brand, new_public(), terms)
        if overlap:
            old.expires_at = min(old.expires_at or at + overlap, at + overlap)
        else:
            old.revoked_at = at
        old.save(update_fields=["expires_at", "revoked_at"])
        return made

    return write(effect)


def revoke_api_key(*, public: str, at: datetime, brand_id: int | None = None) -> bool:
    """Revoke a key by its public part; it is refused everywhere within five seconds. False when there is none to revoke."""
    rows = ApiKey.objects.filter(public=public, revoked_at__isnull=True)
    return bool((rows if brand_id is None else rows.filter(brand_id=brand_id)).update(revoked_at=at))


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
    if parts[:2] != ["lp", kind] or not key.is_valid(now):
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

"""Tokens of apps and of their users: signed JWTs, each good for its own group alone.

A token names its key, and by that its brand. Keys and apps are remembered for a few seconds in each process; whether a
user's token was revoked is asked of the database each time, so that a log-out holds at once, on all devices.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.db.models import Q
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from loyalty.database import load_prepared
from users.errors import CredentialsWrong, InvalidToken
from users.models import App, Member, SigningKey
from users.rules.app_tokens import PARTNER_LIFE, SIGNATURE, USER_LIFE, is_recent, signature_of
from users.services.apps import rotate_signing_key
from users.services.secrets import decrypt

ISSUER, ALGORITHM, LONGEST_TOKEN = "loyalty", "HS256", 2_000
LAST_USED_EVERY = timedelta(minutes=1)
CACHED = 10_000
HOLDER = "WHERE r.brand_id = %s::bigint AND r.public_id = %s::text AND r.auth_id IS NOT NULL"
Name = TypeVar("Name")
Known = TypeVar("Known")


class Group(StrEnum):
    """Who a token is for."""

    SERVER = "server"
    USER = "user"


LIVES = {Group.SERVER: PARTNER_LIFE, Group.USER: USER_LIFE}


@dataclass(frozen=True, slots=True)
class AppCaller:
    """The app that asks, of which brand, and how fast it may."""

    app_pk: int
    app_id: str
    brand_id: int
    rate_per_second: int
    burst: int


@dataclass(frozen=True, slots=True)
class _Key:
    """A key that verifies: of which brand, and until when (epoch seconds)."""

    brand_id: int
    key: OctKey
    until: float


_keys: dict[str, tuple[float, _Key]] = {}
_apps: dict[tuple[int, str], tuple[float, AppCaller]] = {}
_signing: dict[int, tuple[float, tuple[str, OctKey]]] = {}


def proven_app(*, partner_id: str, app_id: str, secret: str, at: datetime) -> App:
    """The app whose back end proves itself. Raises CredentialsWrong."""
    app = None if "\x00" in partner_id + app_id else App.objects.filter(partner_id=partner_id, app_id=app_id).first()
    if app is None or app.revoked_at is not None or not check_password(secret, app.partner_secret):
        raise CredentialsWrong
    note_use(app, at=at)
    return app


def known_app(*, partner_id: str, app_id: str) -> App:
    """The app of these names, which are no secrets. Raises CredentialsWrong."""
    app = None if "\x00" in partner_id + app_id else App.objects.filter(partner_id=partner_id, app_id=app_id).first()
    if app is None or app.revoked_at is not None:
        raise CredentialsWrong
    return app


def check_signature(*, app: App, client_id: str, timestamp: int, signature: str, at: datetime) -> None:
    """Refuse what the app has not signed, or not just now. Raises CredentialsWrong."""
    signers = [bytes(app.app_secret)]
    if app.previous_secret is not None and app.previous_until is not None and app.previous_until > at:
        signers.append(bytes(app.previous_secret))
    terms = {"app_id": app.app_id, "client_id": client_id, "timestamp": str(timestamp)}
    wanted = [signature_of(**terms, secret=decrypt(signer)) for signer in signers]
    fits = [secrets.compare_digest(one, signature.lower()) for one in wanted] if SIGNATURE.fullmatch(signature) else []
    if not any(fits) or not is_recent(timestamp, at=at):
        raise CredentialsWrong
    note_use(app, at=at)


def note_use(app: App, *, at: datetime) -> None:
    """Remember, to the minute, when an app was last used."""
    if app.last_used_at is None or app.last_used_at < at - LAST_USED_EVERY:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=at - LAST_USED_EVERY)
        App.objects.filter(stale, pk=app.pk).update(last_used_at=at)


def issue_partner_token(app: App, *, at: datetime) -> tuple[str, int]:
    """A token for an app's back end, and the seconds it lives."""
    return _issued(app, Group.SERVER, app.app_id, at, {}), int(LIVES[Group.SERVER].total_seconds())


def issue_user_token(app: App, member: Member, *, at: datetime) -> str:
    """A token for a user of an app."""
    return _issued(app, Group.USER, member.public_id, at, {"gen": member.token_generation, "app": app.app_id})


def _issued(app: App, group: Group, subject: str, at: datetime, further: Mapping[str, Any]) -> str:
    kid, key = _remembered(_signing, app.brand_id, lambda: _signer(app.brand_id, at))
    issued_at = int(at.timestamp())
    claims = {"iss": ISSUER, "aud": group.value, "sub": subject, "iat": issued_at, "jti": secrets.token_hex(16), **further}
    claims["exp"] = issued_at + int(LIVES[group].total_seconds())
    return jwt.encode({"alg": ALGORITHM, "kid": kid}, claims, key)


def partner_caller(text: str, *, at: datetime) -> AppCaller:
    """The app whose back end holds this token. Raises InvalidToken."""
    brand_id, claims = _read(text, Group.SERVER, at)
    return _caller(brand_id, claims.get("sub"))


def user_caller(text: str, *, at: datetime) -> tuple[AppCaller, Member]:
    """The app and the user who hold this token. Raises InvalidToken."""
    brand_id, claims = _read(text, Group.USER, at)
    caller, subject = _caller(brand_id, claims.get("app")), claims.get("sub")
    member = load_prepared(Member, HOLDER, [brand_id, subject]) if isinstance(subject, str) else None
    if member is None or member.token_generation != claims.get("gen"):
        raise InvalidToken
    return caller, member


def _read(text: str, group: Group, at: datetime) -> tuple[int, dict[str, Any]]:
    """The brand and the claims of a token, judged. Raises InvalidToken."""
    if len(text) > LONGEST_TOKEN:
        raise InvalidToken
    try:
        token = jwt.decode(text, _find_key, algorithms=[ALGORITHM])
    except (JoseError, ValueError, TypeError):  # whatever a header holds that is no header
        raise InvalidToken from None
    claims, known, now = token.claims, _verifier(token.header["kid"]), at.timestamp()
    ends = claims.get("exp")
    lives = isinstance(ends, int) and ends > now and known.until > now
    if not lives or claims.get("iss") != ISSUER or claims.get("aud") != group.value:
        raise InvalidToken
    return known.brand_id, claims


def _find_key(token: Any) -> OctKey:
    kid = token.headers().get("kid")
    if not isinstance(kid, str):
        raise InvalidToken
    return _verifier(kid).key


def _verifier(kid: str) -> _Key:
    def look_up() -> _Key:
        row = None if "\x00" in kid else SigningKey.objects.filter(kid=kid).first()
        if row is None:
            raise InvalidToken
        until = row.verifies_until.timestamp() if row.verifies_until is not None else float("inf")
        return _Key(row.brand_id, _read_key(row), until)

    return _remembered(_keys, kid, look_up)


def _signer(brand_id: int, at: datetime) -> tuple[str, OctKey]:
    row = SigningKey.objects.filter(brand_id=brand_id, verifies_until__isnull=True).first()
    row = row if row is not None else rotate_signing_key(brand_id=brand_id, at=at)
    return row.kid, _read_key(row)


def _read_key(row: SigningKey) -> OctKey:
    return OctKey.import_key(decrypt(bytes(row.secret)))


def _remembered(held: dict[Name, tuple[float, Known]], name: Name, look_up: Callable[[], Known]) -> Known:
    """What a name stands for; looked up anew every few seconds."""
    found = held.get(name)
    if found is not None and found[0] > time.monotonic():
        return found[1]
    known = look_up()
    if len(held) >= CACHED:
        held.clear()
    held[name] = (time.monotonic() + settings.KEY_CACHE_SECONDS, known)
    return known


def _caller(brand_id: int, app_id: Any) -> AppCaller:
    if not isinstance(app_id, str):
        raise InvalidToken

    def look_up() -> AppCaller:
        app = App.objects.filter(brand_id=brand_id, app_id=app_id, revoked_at__isnull=True).first()
        if app is None:
            raise InvalidToken
        return AppCaller(app.pk, app.app_id, app.brand_id, app.rate_per_second, app.burst)

    return _remembered(_apps, (brand_id, app_id), look_up)

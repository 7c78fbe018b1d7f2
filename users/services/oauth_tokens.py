"""Bearer tokens: checked, forgotten when they have expired. The toolkit gives them out and keeps nothing but their digest."""

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from oauth2_provider.models import get_access_token_model

from users.errors import InvalidToken
from users.models import OAuthClient

LAST_USED_EVERY = timedelta(minutes=1)
CACHED_TOKENS = 10_000
LONGEST_TOKEN = 255
BATCH = 10_000


@dataclass(frozen=True, slots=True)
class RetailCaller:
    """Who a valid token speaks for, and how fast. `client_id` names the client outside of this database, too."""

    client_pk: int
    client_id: str
    brand_id: int
    scopes: frozenset[str]
    rate_per_second: int
    burst: int


_known: dict[bytes, tuple[float, RetailCaller]] = {}


def authenticate_token(text: str) -> RetailCaller:
    """Who a token speaks for. A valid token is remembered for a few seconds in each process. Raises InvalidToken."""
    if len(text) > LONGEST_TOKEN:
        raise InvalidToken
    digest = hashlib.sha256(text.encode()).digest()
    remembered = _known.get(digest)
    if remembered is not None and remembered[0] > time.monotonic():
        return remembered[1]
    caller, lasting_seconds = _look_up(digest)
    if len(_known) >= CACHED_TOKENS:
        _known.clear()
    _known[digest] = (time.monotonic() + min(lasting_seconds, settings.KEY_CACHE_SECONDS), caller)
    return caller


def _look_up(digest: bytes) -> tuple[RetailCaller, float]:
    """The caller, and for how many more seconds the token is valid."""
    now = timezone.now()
    rows = get_access_token_model().objects.select_related("application")
    token = rows.filter(token_checksum=digest.hex(), expires__gt=now).first()
    client: OAuthClient | None = token.application if token is not None else None
    if token is None or client is None or client.revoked_at is not None:
        raise InvalidToken
    note_use(client, at=now)
    caller = RetailCaller(
        client_pk=client.pk,
        client_id=client.client_id,
        brand_id=client.brand_id,
        scopes=frozenset(token.scope.split()) & frozenset(client.scopes),
        rate_per_second=client.rate_per_second,
        burst=client.burst,
    )
    return caller, (token.expires - now).total_seconds()


def note_use(client: OAuthClient, *, at: datetime) -> None:
    """Remember, to the minute, when a client was last used."""
    if client.last_used_at is None or client.last_used_at < at - LAST_USED_EVERY:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=at - LAST_USED_EVERY)
        OAuthClient.objects.filter(stale, pk=client.pk).update(last_used_at=at)


def forget_expired_tokens(*, at: datetime) -> int:
    """Delete tokens that have expired, batch by batch; answers how many went."""
    tokens, gone = get_access_token_model().objects, 0
    old = tokens.filter(expires__lte=at).order_by("pk").values("pk")
    while count := tokens.filter(pk__in=old[:BATCH]).delete()[0]:
        gone += count
    return gone

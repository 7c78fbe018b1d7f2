"""Throttling: a bucket for each key and, on open operations, for each address, kept in Redis.

A process draws tokens of a fast bucket a few at a time and spends them itself, so most requests ask nobody.
Without Redis everything passes: limits guard the house, they do not stop it.
"""

import math
import threading
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import redis
import structlog
from django.conf import settings
from django.http import HttpRequest
from redis.backoff import NoBackoff
from redis.retry import Retry

from loyalty.callers import address_of

log = structlog.get_logger()
TIMEOUT_SECONDS = 0.25
REST_SECONDS = 1.0  # after a failure Redis is left alone for this long
DRAWS_PER_SECOND = 50
DRAWN_LASTS_SECONDS = 0.5
BUCKETS = 10_000

# The generic cell rate algorithm: one number a bucket, the instant at which it will be full again.
DRAW = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local rate, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local next_full_at = full_at + cost / rate
local wait = next_full_at - now - burst / rate
if wait > 0.000001 then
  return {0, '0', tostring(wait), tostring(full_at - now)}
end
redis.call('SET', KEYS[1], string.format('%.6f', next_full_at), 'PX', math.ceil((next_full_at - now) * 1000) + 1)
return {1, tostring(math.floor(burst - (next_full_at - now) * rate + 0.000001)), '0', tostring(next_full_at - now)}
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """How fast one caller may go."""

    name: str
    rate_per_second: int
    burst: int


@dataclass(slots=True)
class Verdict:
    """Whether a request passes, and what its answer tells of the limit."""

    passes: bool
    limit: int
    remaining: int
    reset_seconds: int
    retry_after_seconds: int = 0

    def headers(self) -> dict[str, str]:
        """The RateLimit headers."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
        }


@dataclass(slots=True)
class _Drawn:
    """Tokens that this process holds of one bucket."""

    left: int
    until: float
    remaining: int
    reset_seconds: float


_drawn: dict[str, _Drawn] = {}
_lock = threading.Lock()
_rest = {"until": 0.0}


def limit_of_address(request: HttpRequest) -> Limit:
    """How fast one address may go where nobody says who they are; behind a trusted proxy, the address it saw."""
    return Limit(f"address:{address_of(request)}", settings.OPEN_RATE_PER_SECOND, settings.OPEN_BURST)


def judge(limit: Limit) -> Verdict:
    """Take one token from a caller's bucket."""
    with _lock:
        drawn = _drawn.get(limit.name)
        if drawn is not None and drawn.left > 0 and drawn.until > time.monotonic():
            drawn.left -= 1
            return Verdict(True, limit.burst, drawn.remaining + drawn.left, math.ceil(drawn.reset_seconds))
    return _draw(limit)


def _draw(limit: Limit) -> Verdict:
    """Ask Redis for a handful of tokens, or for one where a handful is too many."""
    handful = max(1, min(limit.rate_per_second, limit.burst) // DRAWS_PER_SECOND)
    answer = _ask(limit, handful)
    if answer is not None and not int(answer[0]) and handful > 1:
        handful, answer = 1, _ask(limit, 1)
    if answer is None:
        return Verdict(True, limit.burst, limit.burst, 0)
    passes, remaining, wait, reset = bool(int(answer[0])), int(answer[1]), float(answer[2]), float(answer[3])
    if not passes:
        return Verdict(False, limit.burst, 0, math.ceil(reset), max(1, math.ceil(wait)))
    with _lock:
        if len(_drawn) >= BUCKETS:
            _drawn.clear()
        _drawn[limit.name] = _Drawn(handful - 1, time.monotonic() + DRAWN_LASTS_SECONDS, remaining, reset)
    return Verdict(True, limit.burst, remaining + handful - 1, math.ceil(reset))


def _ask(limit: Limit, cost: int) -> list[Any] | None:
    if time.monotonic() < _rest["until"]:
        return None
    try:
        answer: list[Any] = _script()(keys=[f"limit:{limit.name}"], args=[limit.rate_per_second, limit.burst, cost])
    except redis.RedisError as error:
        _rest["until"] = time.monotonic() + REST_SECONDS
        log.warning("limits_off", error=type(error).__name__)
        return None
    return answer


@cache
def _script() -> Any:
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    return client.register_script(DRAW)

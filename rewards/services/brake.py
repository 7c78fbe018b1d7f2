"""The brake on guessing: tries of codes are counted in the database, and the count committed, before any comparison.

Three counts an hour: of the member, of the key, of the brand. What was right is given back, so only wrong codes add
up. A process takes tries of keys and brands a handful at a time and spends them itself, for these rows would else be
the hottest of the house; the handful is counted when it is taken, so a crash loses tries and never gains any.
"""

import threading
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

from django.conf import settings

from loyalty.database import execute_alone
from rewards.errors import TooManyCodeTries

HOUR = timedelta(hours=1)
HANDFULS = 500  # in so many handfuls a limit is taken: so many processes may begin in an hour
KEPT_SUBJECTS = 10_000
COUNT = """
INSERT INTO rewards_codetries AS t (brand_id, scope, subject_id, window_at, tries)
SELECT %s::bigint, %s::text, %s::bigint, %s::timestamptz, %s::int
ON CONFLICT (brand_id, scope, subject_id) DO UPDATE SET
  tries = CASE WHEN t.window_at >= excluded.window_at THEN t.tries + excluded.tries ELSE excluded.tries END,
  window_at = greatest(t.window_at, excluded.window_at)
WHERE t.window_at < excluded.window_at OR t.tries + excluded.tries <= %s::int
RETURNING t.tries
"""
COUNT_MEMBER = """
WITH known AS (
  SELECT id FROM users_member WHERE brand_id = %s::bigint AND auth_id = %s::text
), counted AS (
  INSERT INTO rewards_codetries AS t (brand_id, scope, subject_id, window_at, tries)
  SELECT %s::bigint, 'member', id, %s::timestamptz, 1 FROM known
  ON CONFLICT (brand_id, scope, subject_id) DO UPDATE SET
    tries = CASE WHEN t.window_at >= excluded.window_at THEN t.tries + 1 ELSE 1 END,
    window_at = greatest(t.window_at, excluded.window_at)
  WHERE t.window_at < excluded.window_at OR t.tries < %s::int
  RETURNING t.tries
) SELECT (SELECT id FROM known), (SELECT tries FROM counted)
"""
GIVE_BACK_MEMBER = """
UPDATE rewards_codetries SET tries = tries - 1
WHERE brand_id = %s AND scope = 'member' AND subject_id = %s AND window_at = %s AND tries > 0
"""


@dataclass(slots=True)
class _Handful:
    """Tries of one key or brand that this process has taken and not yet spent."""

    left: int
    window_at: datetime


_handfuls: dict[tuple[int, str, int], _Handful] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class CodeTry:
    """One try that is counted. `member_id` is None where no member tries, or none that is known."""

    brand_id: int
    key_id: int
    member_id: int | None
    window_at: datetime

    def give_back(self) -> None:
        """Count the try out again: nothing was compared, or what was typed is a real code."""
        self.give_back_shared()
        if self.member_id is not None:
            execute_alone(GIVE_BACK_MEMBER, [self.brand_id, self.member_id, self.window_at])

    def give_back_shared(self) -> None:
        """Count it out for key and brand; for the member the redemption itself does."""
        for scope, subject_id in (("brand", self.brand_id), ("key", self.key_id)):
            _add((self.brand_id, scope, subject_id), 1, self.window_at)


def count_try(*, brand_id: int, key_id: int, auth_id: str | None = None, at: datetime) -> CodeTry:
    """Count one try before anything is compared; to be called outside of any transaction, so that the count stays.

    Raises TooManyCodeTries, with the seconds until the hour is over.
    """
    window_at = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    with ExitStack() as refused:
        for scope, subject_id in (("brand", brand_id), ("key", key_id)):
            if not _take(brand_id, scope, subject_id, window_at):
                raise _too_many(window_at, at)
            refused.callback(_add, (brand_id, scope, subject_id), 1, window_at)
        member_id = None if auth_id is None or "\x00" in auth_id else _count_member(brand_id, auth_id, window_at, at)
        refused.pop_all()
    return CodeTry(brand_id, key_id, member_id, window_at)


def _count_member(brand_id: int, auth_id: str, window_at: datetime, at: datetime) -> int | None:
    """Count a try of the member; answers their id, None when there is no such member. Raises TooManyCodeTries."""
    limit = settings.CODE_TRIES_PER_HOUR["member"]
    member_id, tries = execute_alone(COUNT_MEMBER, [brand_id, auth_id, brand_id, window_at, limit])[0]
    if member_id is not None and tries is None:
        raise _too_many(window_at, at)
    return None if member_id is None else int(member_id)


def _too_many(window_at: datetime, at: datetime) -> TooManyCodeTries:
    return TooManyCodeTries(max(1, ceil((window_at + HOUR - at).total_seconds())))


def _take(brand_id: int, scope: str, subject_id: int, window_at: datetime) -> bool:
    """Spend one try of a handful, or take a new handful, or a single one where a handful is too many."""
    name = (brand_id, scope, subject_id)
    with _lock:
        held = _handfuls.get(name)
        if held is not None and held.window_at == window_at and held.left > 0:
            held.left -= 1
            return True
    limit = settings.CODE_TRIES_PER_HOUR[scope]
    for size in (max(1, limit // HANDFULS), 1):
        if execute_alone(COUNT, [*name, window_at, size, limit]):
            _add(name, size - 1, window_at)
            return True
    return False


def _add(name: tuple[int, str, int], tries: int, window_at: datetime) -> None:
    with _lock:
        held = _handfuls.get(name)
        if held is not None and held.window_at == window_at:
            held.left += tries
            return
        if held is None and len(_handfuls) >= KEPT_SUBJECTS:
            _handfuls.clear()  # what they held stays counted: tries are lost, none is gained
        if held is None or held.window_at < window_at:
            _handfuls[name] = _Handful(tries, window_at)

"""How long staff stay signed in, and when they last said who they are."""

from enum import Enum

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

SIGNED_IN, SEEN, CONFIRMED = "signed_in_at", "seen_at", "confirmed_at"
NOTICED_EVERY_SECONDS = 60  # a session is written this often at most, not with every page


class Ended(Enum):
    """Why a session is over."""

    IDLE = "idle"
    OLD = "old"


def begin(session: SessionBase) -> None:
    """Someone has signed in, or said again who they are while signing in."""
    session[SIGNED_IN] = session[SEEN] = session[CONFIRMED] = _now()


def confirm(session: SessionBase) -> None:
    """They have said again who they are."""
    session[CONFIRMED] = session[SEEN] = _now()


def confirmed_within(session: SessionBase, *, minutes: int) -> bool:
    """Whether they said who they are in the last minutes."""
    at: float = session.get(CONFIRMED, 0)
    return 0 <= _now() - at < minutes * 60


def end_of(session: SessionBase) -> Ended | None:
    """Why the session is over, if it is; one that never began here is."""
    now = _now()
    if now - session.get(SIGNED_IN, 0) >= settings.SESSION_AGE_SECONDS:
        return Ended.OLD
    return Ended.IDLE if now - session.get(SEEN, 0) >= settings.SESSION_IDLE_SECONDS else None


def notice(session: SessionBase) -> None:
    """They did something."""
    now = _now()
    if now - session.get(SEEN, 0) >= min(NOTICED_EVERY_SECONDS, settings.SESSION_IDLE_SECONDS / 10):
        session[SEEN] = now


def _now() -> float:
    return timezone.now().timestamp()

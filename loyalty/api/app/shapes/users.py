"""Users of apps."""

from typing import Any

from msgspec import Struct

from loyalty.api.shapes import instant_text
from rewards.selectors.users import SeenUser


class AppUserOut(Struct, rename="camel", kw_only=True):
    """A user as apps see them. `dataConsentCode` is -1 not set, 0 accepted, 1 refused; `segments` are ids."""

    partner_client_id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    lang: str | None
    data_consent_code: int
    points: int
    segments: list[int]
    created_at: str


class ConnectedOut(AppUserOut, rename="camel", kw_only=True):
    """A user who has connected, with the token that stands for them."""

    user_token: str


class ConnectedData(Struct):
    """Who has connected."""

    user: ConnectedOut


class UserData(Struct):
    """One user."""

    user: AppUserOut


class UsersData(Struct):
    """A page of users; `cursor` asks for the next one."""

    users: list[AppUserOut]
    cursor: str | None
    more: bool


class DeletionResult(Struct, rename="camel"):
    """What became of one who was to be erased."""

    partner_client_id: str
    error_code: int
    reason: str | None


class DeletionData(Struct):
    """What became of each."""

    results: list[DeletionResult]


def user_out(seen: SeenUser) -> AppUserOut:
    """A user."""
    return AppUserOut(**_told(seen))


def connected_out(seen: SeenUser, token: str) -> ConnectedOut:
    """A user who has connected."""
    return ConnectedOut(user_token=token, **_told(seen))


def _told(seen: SeenUser) -> dict[str, Any]:
    member = seen.member
    return {
        "partner_client_id": member.auth_id or "",
        "email": member.email,
        "first_name": member.first_name,
        "last_name": member.second_name,
        "lang": member.language,
        "data_consent_code": member.consent,
        "points": seen.points,
        "segments": seen.segments,
        "created_at": instant_text(member.created_at),
    }

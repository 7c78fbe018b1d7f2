"""Users of apps come, say what they agree to, and go."""

from dataclasses import dataclass
from datetime import datetime

from loyalty.database import write
from users.errors import AuthIdTaken, UserNotFound
from users.models import Consent, ConsentChange, Member
from users.services.members import Profile, change_member, create_member, locked_member


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Who connects: what their app tells of them, and what they agree to; None: nothing was said about that."""

    brand_id: int
    profile: Profile
    consent: Consent | None
    actor: str


def connect_member(*, connection: Connection, at: datetime) -> Member:
    """Find the member, or make one, and keep what is told of them; what is not told stays as it was.

    Raises InvalidRequest naming a field of the profile.
    """
    profile, brand_id = connection.profile, connection.brand_id

    def effect() -> Member:
        try:
            member = change_member(brand_id=brand_id, auth_id=profile.auth_id or "", profile=profile, replace=False)
        except UserNotFound:
            member = create_member(brand_id=brand_id, profile=profile, at=at, reachable=False)
        if connection.consent is not None:
            set_consent(member=member, consent=connection.consent, actor=connection.actor, at=at)
        return member

    try:
        return write(effect)
    except AuthIdTaken:  # someone else has made them meanwhile
        return write(effect)


def set_consent(*, member: Member, consent: Consent, actor: str, at: datetime) -> None:
    """Keep what a held member says, with its history."""
    if member.consent == consent:
        return
    ConsentChange.objects.create(
        brand_id=member.brand_id, member=member, before=member.consent, after=consent, actor=actor, at=at
    )
    member.consent = consent
    member.save(update_fields=["consent"])


def log_out(*, brand_id: int, auth_id: str, member_id: int) -> None:
    """Refuse every token that the member was given, on all devices, from now on.

    Raises UserNotFound, also where the name is someone new's by now.
    """

    def effect() -> None:
        member = locked_member(brand_id=brand_id, auth_id=auth_id, member_id=member_id)
        member.token_generation += 1
        member.save(update_fields=["token_generation"])

    write(effect)

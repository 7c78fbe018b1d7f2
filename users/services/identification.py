"""Who a member is, told to the gift shop: a signed value that lasts for a quarter of an hour, and names nobody by name."""

from datetime import UTC, datetime, timedelta

from django.core.signing import BadSignature, TimestampSigner

from users.errors import IdentificationInvalid
from users.models import Member

LASTS = timedelta(minutes=15)
SALT = "loyalty.identification"


def issue_identification(member: Member, *, at: datetime) -> tuple[str, datetime]:
    """A value that stands for a member, and when it ends."""
    expires_at = (at + LASTS).astimezone(UTC).replace(microsecond=0)
    told = [member.brand_id, member.public_id, int(expires_at.timestamp())]
    return TimestampSigner(salt=SALT).sign_object(told), expires_at


def identified_member(value: str, *, at: datetime) -> tuple[Member, datetime]:
    """Whom a value stands for, and until when; of a member who was merged meanwhile, the one that is kept.

    Raises IdentificationInvalid where it is none of ours, has expired, or its member was erased.
    """
    try:
        brand_id, public_id, ends = TimestampSigner(salt=SALT).unsign_object(value, max_age=LASTS)
    except BadSignature:
        raise IdentificationInvalid from None
    expires_at = datetime.fromtimestamp(ends, UTC)
    rows = Member.objects.select_related("merged_into").filter(brand_id=brand_id, public_id=public_id)
    member = rows.first()
    if member is None or expires_at <= at or member.heir.erased_at is not None:
        raise IdentificationInvalid
    return member.heir, expires_at

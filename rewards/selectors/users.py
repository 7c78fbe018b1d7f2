"""Reads over members as apps see them: with their points of the brand's programme, and their segments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.models import Account, Lot
from rewards.services.programme import programme_of
from users.models import Member, SegmentMember


@dataclass(frozen=True, slots=True)
class SeenUser:
    """A member, their points that have not lapsed, and the ids of their segments."""

    member: Member
    points: int
    segments: list[int]


def seen_user(member: Member, *, at: datetime) -> SeenUser:
    """A member as apps see them. Raises ProgrammeMissing."""
    return seen_users([member], at=at)[0]


def seen_users(members: Sequence[Member], *, at: datetime) -> list[SeenUser]:
    """Members of one brand as apps see them, in their order. Raises ProgrammeMissing."""
    if not members:
        return []
    brand_id, ids = members[0].brand_id, [member.pk for member in members]
    accounts = Account.objects.filter(brand_id=brand_id, member__in=ids, token_id=programme_of(brand_id).token_id)
    held = {
        member_id: (pk, balance, expiry)
        for member_id, pk, balance, expiry in accounts.values_list("member_id", "pk", "balance", "next_expiry_at")
    }
    lapsed = _lapsed(brand_id, [pk for pk, _, expiry in held.values() if expiry is not None and expiry <= at], at)
    segments: dict[int, list[int]] = {}
    ties = SegmentMember.objects.filter(brand_id=brand_id, member__in=ids).order_by("segment_id")
    for member_id, segment_id in ties.values_list("member_id", "segment_id"):
        segments.setdefault(member_id, []).append(segment_id)
    seen = []
    for member in members:
        pk, balance, _ = held.get(member.pk, (0, 0, None))
        seen.append(SeenUser(member, balance - lapsed.get(pk, 0), segments.get(member.pk, [])))
    return seen


def _lapsed(brand_id: int, accounts: Sequence[int], at: datetime) -> dict[int, int]:
    """The points of accounts that have lapsed, and that no row of the ledger has taken yet."""
    if not accounts:
        return {}
    due: dict[int, int] = {}
    rows = Lot.objects.filter(brand_id=brand_id, account__in=accounts, remaining__gt=0, expires_at__lte=at)
    for account_id, remaining in rows.values_list("account_id", "remaining"):
        due[account_id] = due.get(account_id, 0) + remaining
    return due

"""Reads over members and segments."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from users.models import Member, Segment, SegmentMember


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberList:
    """Which members of a brand to list: by a part of the e-mail address in any case, by the time of registration."""

    brand_id: int
    email_like: str | None = None
    from_time: datetime | None = None
    to_time: datetime | None = None

    def rows(self) -> QuerySet[Member]:
        """The members, in no order yet; the erased are none, nor are duplicates that were merged into another."""
        rows = Member.objects.filter(brand_id=self.brand_id, erased_at__isnull=True, merged_into__isnull=True)
        if self.email_like:
            rows = rows.filter(email__icontains=self.email_like)
        if self.from_time is not None:
            rows = rows.filter(created_at__gte=self.from_time)
        if self.to_time is not None:
            rows = rows.filter(created_at__lt=self.to_time)
        return rows

    def page(self, *, limit: int, offset: int) -> list[Member]:
        """One page, newest first."""
        return list(self.rows().order_by("-created_at", "-pk")[offset : offset + limit])

    def total(self) -> int:
        """How many there are."""
        return self.rows().count()


def segments_page(*, brand_id: int, limit: int, after: int) -> list[Segment]:
    """Segments of a brand in the order in which they were made, from the one after an id on."""
    return list(Segment.objects.filter(brand_id=brand_id, pk__gt=after).order_by("pk")[:limit])


def segment_members_page(*, segment: Segment, limit: int, after: int) -> list[SegmentMember]:
    """Who is in a segment, in the order of the members' ids, from the one after an id on; each with its member."""
    rows = SegmentMember.objects.filter(brand_id=segment.brand_id, segment=segment, member_id__gt=after)
    named = rows.filter(member__auth_id__isnull=False).select_related("member")
    return list(named.order_by("member_id")[:limit])


def family_of(member_id: int) -> QuerySet[Member]:
    """A member, and the duplicates that were merged into them."""
    return Member.objects.filter(Q(pk=member_id) | Q(merged_into=member_id))

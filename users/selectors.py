"""Reads over members."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from users.models import Member


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

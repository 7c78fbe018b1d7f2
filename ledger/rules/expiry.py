"""When points lapse."""

from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta, tzinfo
from enum import StrEnum


class ExpiryUnit(StrEnum):
    """What an expiry policy counts in."""

    NEVER = "never"
    DAYS = "days"
    MONTHS = "months"


@dataclass(frozen=True, slots=True)
class ExpiryPolicy:
    """How long points live: so many days from the instant of the credit, or to the end of a later month."""

    unit: ExpiryUnit
    count: int

    def lapses_at(self, credited_at: datetime, zone: tzinfo) -> datetime | None:
        """The first instant (UTC) at which points credited then are gone; None when they never lapse.

        Days are counted as 24 hours; months end in the brand's time zone, the month of the credit counting as 0.
        """
        if self.unit is ExpiryUnit.NEVER:
            return None
        if self.unit is ExpiryUnit.DAYS:
            return credited_at.astimezone(UTC) + timedelta(days=self.count)
        local = credited_at.astimezone(zone)
        years, month = divmod(local.month - 1 + self.count + 1, 12)
        return datetime(min(local.year + years, MAXYEAR), month + 1, 1, tzinfo=zone).astimezone(UTC)

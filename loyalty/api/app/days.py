"""Days of the past, as apps tell of them: dd/mm/yyyy, in the brand's time zone."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from loyalty.errors import invalid_field
from rewards.services.actions import backdating_days_of
from users.models import Brand

DAY = re.compile("([0-9]{2})/([0-9]{2})/([0-9]{4})")


class Calendar:
    """A brand's days as they are at an instant. What they go by is looked up once, and only when a day is told of."""

    def __init__(self, brand_id: int, at: datetime) -> None:
        self.brand_id, self.at = brand_id, at

    def end_of(self, text: str | None) -> datetime | None:
        """The last second of a day, with which it counts; None: now, which is today's.

        Raises InvalidRequest for what is no day, for the future, and for a day that is too long ago: days are counted by the
        calendar, for not all have 24 hours.
        """
        if text is None:
            return None
        day, today = _read(text), self.at.astimezone(self._zone).date()
        if day > today:
            raise invalid_field("date", "not in the future", code="in_the_future")
        if (today - day).days > self._most:
            raise invalid_field("date", f"not more than {self._most} days ago", code="too_long_ago")
        if day == today:
            return None
        # Clocks may change at midnight: then the instant at which they do.
        midnight = datetime.combine(day + timedelta(days=1), time.min, self._zone)
        return midnight.astimezone(UTC) - timedelta(seconds=1)

    @cached_property
    def _zone(self) -> ZoneInfo:
        return Brand.objects.only("time_zone").get(pk=self.brand_id).zone

    @cached_property
    def _most(self) -> int:
        return backdating_days_of(self.brand_id)


def _read(text: str) -> date:
    found = DAY.fullmatch(text)
    try:
        if found is not None:
            return date(int(found[3]), int(found[2]), int(found[1]))
    except ValueError:
        pass
    raise invalid_field("date", "a day as dd/mm/yyyy")

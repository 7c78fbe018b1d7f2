"""The span of days that charts show, as an address asks for it."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.http import QueryDict
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

CHOICES_DAYS = (7, 30, 90, 365)
USUAL_DAYS = 30
LONGEST_DAYS = 5 * 366
MOST_POINTS = 92
WEEK_DAYS = 7


@dataclass(frozen=True, slots=True)
class Period:
    """From one day to another, both included. `days` is set where it was chosen as so many days up to today."""

    first: date
    last: date
    days: int | None = None
    fault: str = ""

    @property
    def length(self) -> int:
        """In days."""
        return (self.last - self.first).days + 1

    def start_of(self, day: date) -> date:
        """The first day of what is drawn as one point: the day, or in a long period its week or month."""
        if self.length <= MOST_POINTS:
            return day
        if self.length <= MOST_POINTS * WEEK_DAYS:
            return max(day - timedelta(days=day.weekday()), self.first)
        return max(day.replace(day=1), self.first)

    def points(self) -> list[date]:
        """The days at which points are drawn, those without rows too."""
        return sorted({self.start_of(self.first + timedelta(days=number)) for number in range(self.length)})


def period_of(asked: QueryDict, *, today: date) -> Period:
    """What an address asks for; what cannot be is told, and the usual period shown."""
    if asked.get("from") or asked.get("to"):
        return _between(asked.get("from", ""), asked.get("to", ""), today)
    days = asked.get("period", str(USUAL_DAYS))
    if days in map(str, CHOICES_DAYS):
        return _up_to(today, int(days))
    return _up_to(today, USUAL_DAYS, _("There is no such period."))


def _between(first: str, last: str, today: date) -> Period:
    begins, ends = _day(first), _day(last) if last else today
    if begins is None or ends is None:
        return _up_to(today, USUAL_DAYS, _("A period needs the day on which it begins, and the one on which it ends."))
    if begins > ends or begins > today:
        return _up_to(today, USUAL_DAYS, _("A period begins before it ends, and not after today."))
    if (ends - begins).days >= LONGEST_DAYS:
        return _up_to(today, USUAL_DAYS, _("A period has at most five years."))
    return Period(begins, min(ends, today))


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


def _up_to(today: date, days: int, fault: str = "") -> Period:
    return Period(today - timedelta(days=days - 1), today, days, fault)

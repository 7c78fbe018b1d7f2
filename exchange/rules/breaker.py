"""The circuit breaker of a provider: after so many failures in a row nobody calls, until one call tries whether it is back."""

from dataclasses import dataclass
from datetime import datetime, timedelta

FAILURES_TO_OPEN = 5
OPEN_FOR, OPEN_FOR_AT_MOST = timedelta(seconds=10), timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Breaker:
    """`failures` in a row so far; while `open_until` lies ahead nobody calls, and after it one call at a time."""

    failures: int = 0
    open_until: datetime | None = None

    def calls_allowed(self, at: datetime, *, most: int) -> int:
        """How many calls may be under way now: fewer with each failure, so that no more run into an outage than must."""
        if self.open_until is not None:
            return 0 if at < self.open_until else 1
        return most if self.failures == 0 else min(most, FAILURES_TO_OPEN - self.failures)

    def failed(self, at: datetime) -> "Breaker":
        """After a call that brought no answer."""
        failures = self.failures + 1
        if failures < FAILURES_TO_OPEN:
            return Breaker(failures)
        closed_for = min(OPEN_FOR * (1 << min(failures - FAILURES_TO_OPEN, 10)), OPEN_FOR_AT_MOST)
        return Breaker(failures, at + closed_for)

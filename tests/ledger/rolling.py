"""Bring a rollup up to this instant in tests."""

import time
from datetime import UTC, datetime

from ledger.services.rollups import Rollup, as_of, count_brand_up
from users.models import Brand

SECONDS = 20


def counted_to_now(rollup: Rollup, brand: Brand) -> None:
    """One run notes what is committed, the next one counts it, once all that ran at that instant has ended."""
    target, until = datetime.now(UTC), time.monotonic() + SECONDS
    while time.monotonic() < until:
        count_brand_up(rollup, brand.pk)
        if (counted := as_of(rollup, brand.pk)) is not None and counted >= target:
            return
        time.sleep(0.01)
    raise AssertionError("some transaction does not end")

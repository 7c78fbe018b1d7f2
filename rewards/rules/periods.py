"""Periods within which things are counted: days, weeks from Monday, months, each in the brand's own time zone."""

from datetime import datetime

ALL = "all"


def period_of(kind: str, local: datetime) -> str:
    """The name of the period that an instant lies in: 2026-11-26, 2026-W48, 2026-11, or `all`. `local` is the brand's time."""
    match kind:
        case "day":
            return local.date().isoformat()
        case "week":
            year, week, _ = local.isocalendar()
            return f"{year}-W{week:02}"
        case "month":
            return f"{local.year}-{local.month:02}"
        case _:
            return ALL

"""Comparing a day's two statements, line by line."""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

COLUMNS = ("reference", "amount", "credited_at")
_REFERENCE = re.compile("[!-~]{1,100}")
HIGHEST_AMOUNT = 2**53 - 1
FIRST_YEAR, LAST_YEAR = 2000, 9000
DAY = timedelta(days=1)


class StatementLine(NamedTuple):
    """A credit on a statement: our reference, units of B, when."""

    reference: str
    amount: int
    credited_at: datetime


class Side(NamedTuple):
    """How one of our orders stands, for comparing."""

    state: str
    amount: int
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What differs; `kind` is one of models.DifferenceKind."""

    kind: str
    reference: str
    ours: int | None
    theirs: int | None


class StatementUnreadableError(ValueError):
    """A statement with a line that is none; it says which."""


def read_statement(lines: Iterable[str]) -> list[StatementLine]:
    """Read a CSV statement with the columns reference, amount, credited_at. Raises StatementUnreadableError: all or none."""
    rows = csv.DictReader(lines)
    if not set(COLUMNS) <= set(rows.fieldnames or ()):
        raise StatementUnreadableError(f"line 1: the columns must be {', '.join(COLUMNS)}")
    return [line_of(row, where=f"line {rows.line_num}") for row in rows]


def line_of(row: Mapping[str, object], *, where: str) -> StatementLine:
    """One line of a statement. Raises StatementUnreadableError naming the column."""
    reference, amount, instant = (str(row.get(name, "")).strip() for name in COLUMNS)
    if not _REFERENCE.fullmatch(reference):
        raise StatementUnreadableError(f"{where}, reference: 1 to 100 printable characters without blanks")
    if not (amount.isascii() and amount.isdecimal() and len(amount) <= 16 and 0 < int(amount) <= HIGHEST_AMOUNT):
        raise StatementUnreadableError(f"{where}, amount: a whole number above 0")
    try:
        credited_at = datetime.fromisoformat(instant)
    except ValueError:
        raise StatementUnreadableError(f"{where}, credited_at: an instant such as 2026-11-24T09:30:00Z") from None
    if not FIRST_YEAR <= credited_at.year <= LAST_YEAR:
        raise StatementUnreadableError(f"{where}, credited_at: an instant such as 2026-11-24T09:30:00Z")
    return StatementLine(reference, int(amount), credited_at if credited_at.tzinfo else credited_at.replace(tzinfo=UTC))


def compare(day: date, ours: Mapping[str, Side], theirs: Iterable[StatementLine]) -> list[Finding]:
    """What differs for a day (UTC). Both sides reach one day further each way: midnight is crossed on the way.

    A line of theirs counts when it is of the day; an order of ours when it ended on the day, or is undecided still.
    """
    there: dict[str, int] = {}
    days: dict[str, date] = {}
    for line in theirs:
        there[line.reference] = there.get(line.reference, 0) + line.amount
        days[line.reference] = line.credited_at.astimezone(UTC).date()
    findings = [
        finding
        for reference, amount in there.items()
        if days[reference] == day and (finding := _of_theirs(reference, amount, ours.get(reference), day)) is not None
    ]
    missing = {reference: side for reference, side in ours.items() if reference not in there}
    for reference, side in missing.items():
        if side.state == "settled" and side.ended_at is not None and side.ended_at.astimezone(UTC).date() == day:
            findings.append(Finding("only_here", reference, side.amount, None))
        elif side.state in {"submitted", "unknown", "pending", "parked"}:
            findings.append(Finding("undecided", reference, side.amount, None))
    return sorted(findings, key=lambda finding: (finding.kind, finding.reference))


def _of_theirs(reference: str, amount: int, side: Side | None, day: date) -> Finding | None:
    if side is None:
        return Finding("only_there", reference, None, amount)
    if side.amount != amount:
        return Finding("other_amount", reference, side.amount, amount)
    if side.state == "settled" and side.ended_at is not None and day > side.ended_at.astimezone(UTC).date() + DAY:
        return Finding("credited_again", reference, side.amount, amount)
    if side.state == "settled":
        return None
    return Finding("refused_here" if side.state == "refused" else "open_here", reference, side.amount, amount)

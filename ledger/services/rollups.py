"""Rollups: sums of rows to which no transaction can still add, kept beside the rows and provable from them.

A row gets its id before its transaction commits, so the newest ids may still have gaps that fill. Each run notes the
newest ids and the instant; a later run counts up to those ids once every transaction that ran at that instant has
ended. A rollup counts rows that never change, in steps that each move the mark with the sums: killed at any instant,
it goes on where it stopped, and it may run beside itself.

Days are those of the brand's time zone. When a brand moves to another, its rollups are counted afresh.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DatabaseError, connection, models, transaction

from ledger.models import Mark
from loyalty.horizon import instant, newest_ids, read_one_instant
from users.models import Brand

ROWS_AT_A_TIME = 250_000


@dataclass(frozen=True, slots=True)
class Part:
    """One table of a rollup, and the SQL that sums the rows whose ids lie after and up to the mark's.

    The SQL answers the columns `keys`, then `values`, of %(brand)s in %(zone)s, with %(after_0)s and %(upto_0)s for the
    mark's first id. `proof` is another way to the same sums from the first row on; without it a check uses `sums`.
    """

    table: type[models.Model]
    keys: tuple[str, ...]
    values: tuple[str, ...]
    sums: str
    proof: str = ""

    @property
    def name(self) -> str:
        """The table's own name."""
        return self.table._meta.db_table

    def adding(self) -> str:
        """The statement that adds the sums to the table."""
        keys, columns = ", ".join(("brand_id", *self.keys)), ", ".join((*self.keys, *self.values))
        added = ", ".join(f"{value} = {self.name}.{value} + EXCLUDED.{value}" for value in self.values)
        return (
            f"INSERT INTO {self.name} (brand_id, {columns}) SELECT %(brand)s, {columns} FROM ({self.sums}) AS fresh "
            f"ON CONFLICT ({keys}) DO UPDATE SET {added}"
        )

    def stored(self) -> str:
        """The statement that reads the table."""
        return f"SELECT {', '.join((*self.keys, *self.values))} FROM {self.name} WHERE brand_id = %(brand)s"


@dataclass(frozen=True, slots=True)
class Rollup:
    """What is counted together up to one mark."""

    mark: type[Mark]
    parts: tuple[Part, ...]
    step: int = ROWS_AT_A_TIME


@dataclass(frozen=True, slots=True)
class RollupDifference:
    """A sum that is not what the rows come to: the table, the key, and both."""

    table: str
    key: str
    stored: tuple[int, ...]
    counted: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.table} {self.key}: {self.stored} stored, the rows come to {self.counted}"


@dataclass(frozen=True, slots=True)
class RollupCheck:
    """The outcome of a check: how many sums were compared, and which differ."""

    compared: int
    differences: list[RollupDifference]


def count_up(rollup: Rollup) -> int:
    """Bring a rollup of every brand up to date; answers how many ids were passed. Raises as for_each_brand does."""
    return for_each_brand(lambda brand: count_brand_up(rollup, brand.pk), failure="not counted up")


def for_each_brand(act: Callable[[Brand], int], *, failure: str) -> int:
    """Act for every brand; answers the sum of what that answers.

    A brand that fails holds up no other: an ExceptionGroup tells what went wrong when all the others have had their turn.
    """
    total, errors = 0, list[DatabaseError]()
    for brand in Brand.objects.only("pk", "time_zone"):
        try:
            total += act(brand)
        except DatabaseError as error:
            error.add_note(f"brand {brand.pk}")
            errors.append(error)
    if errors:
        raise ExceptionGroup(f"{len(errors)} brands are {failure}", errors)
    return total


def count_brand_up(rollup: Rollup, brand_id: int) -> int:
    """Bring a rollup of one brand up to date, step by step; answers how many ids were passed."""
    passed, more = 0, True
    while more:
        step, more = _take_step(rollup, brand_id)
        passed += step
    return passed


def check_rollup(rollup: Rollup, brand_id: int) -> RollupCheck:
    """Sum a brand's rows anew, up to the mark, and compare. One snapshot: counting may go on meanwhile."""
    with transaction.atomic(), connection.cursor() as cursor:
        read_one_instant()
        cursor.execute("SET LOCAL statement_timeout = 0")
        mark = rollup.mark._default_manager.filter(brand_id=brand_id).first()
        if mark is None:
            return RollupCheck(0, [])
        ids = _whole(rollup, mark.counted_ids)
        terms = _terms(brand_id, mark.time_zone, [0] * len(ids), ids)
        compared, differences = 0, list[RollupDifference]()
        for part in rollup.parts:
            stored, counted = _sums(cursor, part, part.stored(), terms), _sums(cursor, part, part.proof or part.sums, terms)
            compared += len(stored.keys() | counted.keys())
            differences += _compare(part, stored, counted)
    return RollupCheck(compared, differences)


def rebuild_rollup(rollup: Rollup, brand_id: int) -> int:
    """Throw a brand's sums away and count them anew, up to where they were; answers how many ids were passed."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '10min'")
        _make_mark(rollup, brand_id)
        _forget(rollup, rollup.mark._default_manager.select_for_update().get(brand_id=brand_id))
    return count_brand_up(rollup, brand_id)


def _take_step(rollup: Rollup, brand_id: int) -> tuple[int, bool]:
    """Count some rows and move the mark; answers how many ids were passed, and whether there are more to count.

    There are none for now where somebody else is counting, or where a transaction still runs that ran at the mark.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '10min'")
        _make_mark(rollup, brand_id)
        mark = rollup.mark._default_manager.select_for_update(skip_locked=True).filter(brand_id=brand_id).first()
        if mark is None:
            return 0, False
        zone = Brand.objects.values_list("time_zone", flat=True).get(pk=brand_id)
        if mark.time_zone != zone:
            _forget(rollup, mark, zone)
        newest = newest_ids(rollup.mark.SEQUENCES)
        now, oldest_transaction_at = instant()
        if oldest_transaction_at is not None and oldest_transaction_at <= mark.noted_at:
            return 0, False
        after, noted = _whole(rollup, mark.counted_ids), _whole(rollup, mark.noted_ids)
        upto = [min(last, first + rollup.step) for first, last in zip(after, noted, strict=True)]
        for part in rollup.parts if upto != after else ():
            cursor.execute(part.adding(), _terms(brand_id, zone, after, upto))
        mark.counted_ids = upto
        if upto == noted:
            mark.counted_at = mark.noted_at if mark.noted_ids else None  # a new mark has noted nothing yet
            mark.noted_ids, mark.noted_at = newest, now
        mark.save()
        return sum(upto) - sum(after), upto != noted


def _make_mark(rollup: Rollup, brand_id: int) -> None:
    rollup.mark._default_manager.bulk_create([rollup.mark(brand_id=brand_id)], ignore_conflicts=True)


def _forget(rollup: Rollup, mark: Mark, zone: str | None = None) -> None:
    """Start afresh. To count up to where the sums were, nothing need be waited for: those rows had settled."""
    for part in rollup.parts:
        part.table._default_manager.filter(brand_id=mark.brand_id).delete()
    if mark.counted_at is not None:
        mark.noted_ids, mark.noted_at = mark.counted_ids, mark.counted_at
    mark.counted_ids, mark.counted_at = [], None
    mark.time_zone = mark.time_zone if zone is None else zone
    mark.save()


def _whole(rollup: Rollup, ids: list[int]) -> list[int]:
    return ids or [0] * len(rollup.mark.SEQUENCES)


def _terms(brand_id: int, zone: str, after: list[int], upto: list[int]) -> dict[str, Any]:
    spans: Iterator[tuple[str, int]] = (
        (f"{name}_{number}", value)
        for name, values in (("after", after), ("upto", upto))
        for number, value in enumerate(values)
    )
    return {"brand": brand_id, "zone": zone or "UTC", **dict(spans)}


def _sums(cursor: Any, part: Part, sql: str, terms: dict[str, Any]) -> dict[tuple[Any, ...], tuple[int, ...]]:
    """The sums by key; those that come to nothing are left out."""
    cursor.execute(sql, terms)
    split = len(part.keys)
    return {row[:split]: tuple(map(int, row[split:])) for row in cursor.fetchall() if any(row[split:])}


def _compare(
    part: Part, stored: dict[tuple[Any, ...], tuple[int, ...]], counted: dict[tuple[Any, ...], tuple[int, ...]]
) -> Iterator[RollupDifference]:
    nothing = (0,) * len(part.values)
    for key in sorted(stored.keys() | counted.keys(), key=str):
        if stored.get(key) != counted.get(key):
            told = ", ".join(f"{name} {value}" for name, value in zip(part.keys, key, strict=True))
            yield RollupDifference(part.name, told, stored.get(key, nothing), counted.get(key, nothing))


def as_of(rollup: Rollup, brand_id: int) -> datetime | None:
    """Until when everything that was committed is in a brand's sums; None while they are counted afresh."""
    marks = rollup.mark._default_manager.filter(brand_id=brand_id)
    return marks.values_list("counted_at", flat=True).first()

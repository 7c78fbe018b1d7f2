"""Tables that leave the house: streamed as CSV, with nothing in them that a spreadsheet would run."""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import StreamingHttpResponse

from loyalty.keyset import Key

RUN = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a cell begins with that a spreadsheet takes for a formula; the wide forms are read as the narrow ones in places."""
ROWS_AT_ONCE = 500
MOST_ROWS = 1_000_000
Row = TypeVar("Row", bound=Model)


class _Echo:
    """Hands back what is written."""

    def write(self, text: str) -> str:
        return text


def neutral(text: str) -> str:
    """The text as a spreadsheet shows it and does not run it: what could begin a formula gets an apostrophe before it."""
    return f"'{text}" if text.lstrip(" ").startswith(RUN) else text


def cell(value: object) -> str:
    """A value as a cell: a number stays one, whatever its sign; an instant is written in ISO 8601; text is made neutral."""
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return neutral(value.isoformat() if isinstance(value, datetime) else str(value))


def csv_lines(columns: Iterable[object], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Lines of CSV, made as they are asked for."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow([cell(column) for column in columns])  # the mark by which Excel knows UTF-8
    waiting: list[str] = []
    for row in rows:
        waiting.append(writer.writerow([cell(value) for value in row]))
        if len(waiting) >= ROWS_AT_ONCE:
            yield "".join(waiting)
            waiting.clear()
    yield "".join(waiting)


def csv_response(name: str, columns: Iterable[object], rows: Iterable[Iterable[object]]) -> StreamingHttpResponse:
    """A file to download that is never whole in memory."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(csv_lines(columns, rows), content_type="text/csv; charset=utf-8", headers=headers)


def every_row(rows: QuerySet[Row], key: Key, *, most: int = MOST_ROWS) -> Iterator[Row]:
    """All rows in the order of a key, read in pieces: no statement runs long, and nothing is held open for a slow reader."""
    ordered, last, left = rows.order_by(*key.ordering()), None, most
    while left > 0:
        further = ordered if last is None else key.beyond(ordered, key.place_of(last))
        piece = list(further[: min(ROWS_AT_ONCE, left)])
        yield from piece
        if len(piece) < ROWS_AT_ONCE:
            return
        last, left = piece[-1], left - len(piece)

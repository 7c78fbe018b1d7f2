"""Long lists, read by key: each window goes on where another ended, so that its cost does not grow with what lies before it."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import F, Field, Func, Model, QuerySet, Value
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual

Row = TypeVar("Row", bound=Model)
Place = tuple[Any, ...]
SCAN = 10_000  # entries of an index that one window may look through for rows that no index finds


class UnknownPlace(ValueError):
    """A place that no list has given out."""


class _Tuple(Func):
    """A row value: PostgreSQL compares several columns with it in one step of an index."""

    template = "ROW(%(expressions)s)"
    output_field = Field()


@dataclass(frozen=True, slots=True)
class Key:
    """What a list is ordered by: columns that are never null and together unique, all descending or all ascending.

    Where a list is long, an index begins with what it is filtered by and goes on with these columns.
    """

    names: tuple[str, ...]
    descending: bool = True

    @classmethod
    def of(cls, ordering: Sequence[str]) -> "Key":
        """The key that Django's spelling of an order means."""
        descending = {name.startswith("-") for name in ordering}
        if len(descending) != 1:
            raise ValueError(f"a key runs in one direction, not {list(ordering)}")
        return cls(tuple(name.lstrip("-") for name in ordering), descending.pop())

    def ordering(self, *, backwards: bool = False) -> list[str]:
        """The order in Django's spelling."""
        return [f"{'-' if self.descending is not backwards else ''}{name}" for name in self.names]

    def place_of(self, row: Model) -> Place:
        """Where a row stands."""
        return tuple(getattr(row, name) for name in self.names)

    def beyond(self, rows: QuerySet[Row], place: Place, *, backwards: bool = False, included: bool = False) -> QuerySet[Row]:
        """The rows that come after a place in the list, or before it."""
        falling = self.descending is not backwards
        lookup: Any = {
            (True, False): LessThan,
            (True, True): LessThanOrEqual,
            (False, False): GreaterThan,
            (False, True): GreaterThanOrEqual,
        }[falling, included]
        columns = _Tuple(*(F(name) for name in self.names))
        values = (Value(value, output_field=_column(rows.model, name)) for name, value in zip(self.names, place, strict=True))
        return rows.filter(lookup(columns, _Tuple(*values)))

    def written(self, place: Place) -> str:
        """A place as it stands in an address."""
        text = json.dumps([value.isoformat() if isinstance(value, datetime) else str(value) for value in place])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def read(self, model: type[Model], text: str) -> Place:
        """A place out of an address. Raises UnknownPlace."""
        try:
            values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            return tuple(_value(_column(model, name), value) for name, value in zip(self.names, values, strict=True))
        except (ValueError, TypeError, ValidationError):
            raise UnknownPlace from None


@dataclass(frozen=True, slots=True)
class Window(Generic[Row]):
    """Some rows of a list, in its order, and the places from which it goes on; None where it ends.

    `searched_to` is told when the look through rows that no index finds was broken off there.
    """

    rows: list[Row]
    older: Place | None = None
    newer: Place | None = None
    searched_to: Place | None = None


def read_window(
    rows: QuerySet[Row],
    key: Key,
    *,
    size: int,
    older: Place | None = None,
    newer: Place | None = None,
    within: QuerySet[Row] | None = None,
) -> Window[Row]:
    """The rows after the place `older`, or before the place `newer`, or the first ones.

    `within` are the rows of an index through which those are looked for, when they are chosen by more than it knows:
    then one window looks through SCAN of them at most, and tells how far it came.
    """
    all_rows, backwards, start = rows, newer is not None, newer if newer is not None else older
    if start is not None:
        rows = key.beyond(rows, start, backwards=backwards)
    limit = _limit(within, key, start, backwards=backwards) if within is not None else None
    if limit is not None:
        rows = key.beyond(rows, limit, backwards=not backwards, included=True)
    found = list(rows.order_by(*key.ordering(backwards=backwards))[: size + 1])
    if backwards and len(found) <= size and limit is None:
        return read_window(all_rows, key, size=size, within=within)  # the list begins here: show a whole page of it
    return window_of(found, key, size=size, start=start, backwards=backwards, limit=limit)


def window_of(
    found: list[Row], key: Key, *, size: int, start: Place | None, backwards: bool, limit: Place | None = None
) -> Window[Row]:
    """A window out of the rows that follow `start`, one more than its size where there are; `limit` is how far was searched."""
    more, found = len(found) > size, found[:size]
    ahead = key.place_of(found[-1]) if more else limit
    behind = None if start is None else key.place_of(found[0]) if found else start
    if backwards:
        found.reverse()
    searched_to = None if more else limit
    return Window(found, *((behind, ahead) if backwards else (ahead, behind)), searched_to)


def estimated_count(rows: QuerySet[Any]) -> int:
    """About how many rows there are, as PostgreSQL's planner sees it: no row is counted."""
    plan = rows.order_by().explain(format="json")
    return int(json.loads(plan)[0]["Plan"]["Plan Rows"]) if plan else 0


def _limit(within: QuerySet[Row], key: Key, start: Place | None, *, backwards: bool) -> Place | None:
    """The place at which a look through an index is broken off; None when it ends before."""
    if start is not None:
        within = key.beyond(within, start, backwards=backwards)
    places = within.order_by(*key.ordering(backwards=backwards)).values_list(*key.names)
    return places[SCAN - 1 : SCAN].first()


def _value(field: Any, text: Any) -> Any:
    """The value of a column, judged as the column would, so that the database is never asked what it cannot answer."""
    if not isinstance(text, str) or "\x00" in text:
        raise ValueError(text)
    value = field.to_python(text)
    field.run_validators(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(text)
    return value


def _column(model: type[Model], name: str) -> Any:
    options = model._meta  # noqa: SLF001 - Django's documented way to a model's fields
    return options.pk if name == "pk" else options.get_field(name)

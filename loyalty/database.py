"""How writes reach PostgreSQL: one retry loop, prepared statements for the ledger, dead connections dropped."""

import random
import select
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connection, transaction
from django.db.models import JSONField, Model

Result = TypeVar("Result")
Row = TypeVar("Row", bound=Model)

# Serialization failure, deadlock detected, and a unique violation that the effect did not foresee: it lost a
# race, and the next attempt sees the winner.
RETRIED = frozenset({"40001", "40P01", "23505"})
ATTEMPTS = 6


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's own code of a Django database error, None when the server never answered."""
    state: str | None = getattr(error.__cause__, "sqlstate", None)
    return state


def constraint_of(error: BaseException) -> str | None:
    """The name of the constraint that refused a row."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None)


def write(effect: Callable[[], Result]) -> Result:
    """Run `effect` in a transaction; again when PostgreSQL asks for it, as the loser of a deadlock.

    Inside a transaction that is already open the outer loop decides, for only the whole can be repeated.
    """

    def attempt() -> Result:
        with transaction.atomic():
            return effect()

    return effect() if connection.in_atomic_block else _repeated(attempt)


def execute_alone(statement: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
    """Run one statement that is a transaction of its own, as execute_prepared does; again when PostgreSQL asks for it.

    It can lose a deadlock, too: whoever waits for a row keeps others waiting behind.
    """
    if connection.in_atomic_block:
        return execute_prepared(statement, parameters)
    return _repeated(lambda: execute_prepared(statement, parameters))


def _repeated(act: Callable[[], Result]) -> Result:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return act()
        except DatabaseError as error:
            if sqlstate(error) not in RETRIED or attempt == ATTEMPTS:
                raise
            time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - jitter, not a secret
    raise AssertionError("unreachable: the last attempt returns or raises")


def execute_prepared(statement: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
    """Run one statement that PostgreSQL parses and plans once a connection, and fetch its rows.

    Django writes parameters into the text it sends; the ledger's statements are long enough for planning
    them to cost more than running them, so they go to psycopg directly. Rows come back in binary:
    to write and read ten thousand hashes and instants as text would take a sixth of the time.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, parameters, prepare=True, binary=True)
        answered = cursor.pgresult is not None and cursor.pgresult.nfields > 0
        return cursor.fetchall() if answered else []


def load_prepared(model: type[Row], condition: str, parameters: Sequence[object]) -> Row | None:
    """The first row that fits a condition, as the model's object, by a statement that is planned once a connection.

    `condition` is what follows FROM, the table being called `r` there. Building a query costs Django more than PostgreSQL
    takes to answer it: this is for the few that stand in the way of every request. Values are as psycopg reads them, so a
    model with fields that make something else of them is refused.
    """
    loaded = load_with(model, (), condition, parameters)
    return loaded[0] if loaded is not None else None


def load_with(
    model: type[Row], further: Sequence[str], condition: str, parameters: Sequence[object]
) -> tuple[Row, tuple[Any, ...]] | None:
    """As load_prepared, and beside the object the values of further expressions."""
    names, columns = _columns(model)
    wanted = ", ".join([*columns, *further])
    rows = execute_prepared(f"SELECT {wanted} FROM {model._meta.db_table} r {condition}", parameters)  # noqa: S608, SLF001
    if not rows:
        return None
    return model.from_db(DEFAULT_DB_ALIAS, names, rows[0][: len(names)]), rows[0][len(names) :]


@cache
def _columns(model: type[Model]) -> tuple[list[str], list[str]]:
    """A model's fields, and the columns in which they lie."""
    fields = model._meta.concrete_fields  # noqa: SLF001 - Django's documented interface to a model's fields
    if any(hasattr(field, "from_db_value") and not isinstance(field, JSONField) for field in fields):
        raise TypeError(f"{model.__name__} has fields that read their values in a way of their own")
    return [field.attname for field in fields], [f"r.{field.column}" for field in fields]


def drop_dead_connection() -> None:
    """Close the connection when the server has hung up since it was last used.

    An idle connection has nothing to say: bytes waiting on it are a farewell. Looking costs a few
    microseconds where a test query would cost a round trip for each request.
    """
    if connection.connection is None or connection.in_atomic_block:
        return
    with suppress(InterfaceError, psycopg.Error, ValueError, OSError):
        handle = connection.connection.fileno()
        if not select.select([handle], [], [], 0)[0] and not connection.connection.closed:
            return
    connection.close()

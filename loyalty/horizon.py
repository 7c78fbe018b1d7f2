"""Up to which id a growing table is whole: a row gets its id before its transaction commits, so the newest may have gaps.

Whoever asks for the newest ids first and for the instant then knows that all who took one of them had begun by then; once
every transaction has ended that ran at that instant, nothing can come in below those ids.

A transaction that only reads takes no ids. Proofs, which read for long, say that they are such, as pg_dump does: they hold
nobody back.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

NEWEST = """
SELECT coalesce(pg_sequence_last_value(given.name::regclass), 0)
FROM unnest(%s::text[]) WITH ORDINALITY AS given(name, place) ORDER BY given.place
"""
READER = "loyalty, reading"
INSTANT = f"""
SELECT clock_timestamp(), (
  SELECT min(xact_start) FROM pg_stat_activity
  WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    AND coalesce(application_name, '') NOT IN ('{READER}', 'pg_dump'))
"""  # noqa: S608 - a name of our own


def newest_ids(sequences: Sequence[str]) -> list[int]:
    """The ids that these sequences gave out last; 0 where they gave out none."""
    with connection.cursor() as cursor:
        cursor.execute(NEWEST, [list(sequences)])
        return [newest for (newest,) in cursor.fetchall()]


def instant() -> tuple[datetime, datetime | None]:
    """The server's time, and when the oldest of the others' transactions began that still run here and may write."""
    with connection.cursor() as cursor:
        cursor.execute(INSTANT)
        now, oldest = cursor.fetchone()
        return now, oldest


def read_one_instant() -> None:
    """Let the transaction that has just begun see everything as it stands at one instant, and write nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute(f"SET LOCAL application_name = '{READER}'")

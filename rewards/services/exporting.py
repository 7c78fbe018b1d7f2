"""Codes of a batch go out, streamed: into a CSV file that is there whole or not at all, or row by row."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from rewards.errors import CodeBatchUnfinished
from rewards.models import Code, CodeBatch
from rewards.models.codes import SETTLED

IDS_AT_A_TIME = 200_000
ROWS_AT_A_TIME = 5_000
COLUMNS = ("code", "value", "campaign_id")
HEADER = ",".join(COLUMNS).encode() + b"\n"
COPY_OUT = """
COPY (SELECT code, value, campaign_id FROM rewards_code
      WHERE id > %s AND id <= %s AND batch_id = %s ORDER BY id) TO STDOUT (FORMAT csv)
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: how many rows below the header, and the SHA-256 of the whole file."""

    rows: int
    sha256: str


def export_batch(*, batch: CodeBatch, path: Path) -> Exported:
    """Write the codes of a settled batch to a file that only its owner may read. Raises CodeBatchUnfinished, OSError."""
    _check_settled(batch)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        exported = _write(batch, fresh)
        fresh.rename(path)
    finally:
        fresh.unlink(missing_ok=True)
    return exported


def rows_of_batch(*, batch: CodeBatch) -> Iterator[tuple[str, int, int]]:
    """The rows of the same file, one by one, for whoever may take long to read them.

    Some thousand at a time are a query of their own, so that no statement and no transaction waits for a slow reader.
    Raises CodeBatchUnfinished, before the first.
    """
    _check_settled(batch)
    return _rows(batch)


def _rows(batch: CodeBatch) -> Iterator[tuple[str, int, int]]:
    after, end = (batch.first_code_id or 1) - 1, batch.last_code_id or 0
    found = Code.objects.filter(brand_id=batch.brand_id, batch=batch, pk__lte=end).order_by("pk")
    while some := list(found.filter(pk__gt=after).values_list("pk", "code", "value")[:ROWS_AT_A_TIME]):
        yield from ((code, value, batch.campaign_id) for _, code, value in some)
        after = some[-1][0]


def _check_settled(batch: CodeBatch) -> None:
    if batch.state not in SETTLED:
        raise CodeBatchUnfinished


def _write(batch: CodeBatch, fresh: Path) -> Exported:
    digest, rows = hashlib.sha256(HEADER), 0
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(HEADER)
        first, end = batch.first_code_id or 1, batch.last_code_id or 0
        for after in range(first - 1, end, IDS_AT_A_TIME):
            last = min(after + IDS_AT_A_TIME, end)
            for block in _blocks(after, last, batch.pk):
                file.write(block)
                digest.update(block)
                rows += block.count(b"\n")
        file.flush()
        os.fsync(file.fileno())
    return Exported(rows, digest.hexdigest())


def _blocks(after: int, last: int, batch_id: int) -> Iterator[bytes]:
    parameters = [after, last, batch_id]
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(COPY_OUT, parameters) as copy:
        yield from map(bytes, copy)

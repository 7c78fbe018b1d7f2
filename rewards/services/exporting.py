"""Codes of a batch go out as CSV, streamed: the file is there whole or not at all."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from rewards.errors import CodeBatchUnfinished
from rewards.models import CodeBatch

IDS_AT_A_TIME = 200_000
HEADER = b"code,value,campaign_id\n"
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
    """Write the codes of a finished batch to a file that only its owner may read. Raises CodeBatchUnfinished, OSError."""
    if batch.finished_at is None or batch.first_code_id is None or batch.last_code_id is None:
        raise CodeBatchUnfinished
    fresh = path.with_name(f".{path.name}.part")
    digest, rows = hashlib.sha256(HEADER), 0
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(HEADER)
        for after in range(batch.first_code_id - 1, batch.last_code_id, IDS_AT_A_TIME):
            last = min(after + IDS_AT_A_TIME, batch.last_code_id)
            with connection.cursor() as cursor, cursor.copy(COPY_OUT, [after, last, batch.pk]) as copy:
                for block in copy:
                    file.write(block)
                    digest.update(block)
                    rows += bytes(block).count(b"\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    return Exported(rows, digest.hexdigest())

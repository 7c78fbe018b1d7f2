"""Cursors: where a page of a list ended."""

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta

from loyalty.errors import invalid_field

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FORM = re.compile("([0-9]{1,17}):([0-9]{1,18})")


def write_cursor(instant: datetime, last_id: int) -> str:
    """A cursor after the row of this instant and id."""
    microseconds = (instant - EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(f"{microseconds}:{last_id}".encode()).rstrip(b"=").decode()


def read_cursor(cursor: str) -> tuple[datetime, int]:
    """The instant and the id in a cursor. Raises InvalidRequest."""
    try:
        found = FORM.fullmatch(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode())
        if found is not None:
            return EPOCH + timedelta(microseconds=int(found[1])), int(found[2])
    except (binascii.Error, ValueError, OverflowError):
        pass
    raise invalid_field("cursor", "this is not a cursor that an answer gave")

"""Cursors: where a page of a list ended."""

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta

from loyalty.api.requests import Parameters
from loyalty.errors import invalid_field

PAGE = 100
HIGHEST_OFFSET = 2**31
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FORM = re.compile("([0-9]{1,17}):([0-9]{1,18})")


def read_limit(query: Parameters) -> int:
    """The limit that a list is asked for. Raises InvalidRequest."""
    return query.number("limit", default=PAGE, lowest=1, highest=PAGE)


def read_page(query: Parameters) -> tuple[int, int]:
    """The limit and the offset that a list is asked for. Raises InvalidRequest."""
    return read_limit(query), query.number("offset", default=0, lowest=0, highest=HIGHEST_OFFSET)


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

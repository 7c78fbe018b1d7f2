"""Cursors: where a page of a list ended."""

import base64
import binascii

from loyalty.errors import invalid_field


def write_cursor(last_id: int) -> str:
    """A cursor after the row of this id."""
    return base64.urlsafe_b64encode(f"before:{last_id}".encode()).rstrip(b"=").decode()


def read_cursor(cursor: str) -> int:
    """The id in a cursor. Raises InvalidRequest."""
    try:
        word, _, number = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(":")
    except (binascii.Error, UnicodeError, ValueError):
        word, number = "", ""
    if word != "before" or not number.isdecimal() or len(number) > 18:
        raise invalid_field("cursor", "this is not a cursor that an answer gave")
    return int(number)

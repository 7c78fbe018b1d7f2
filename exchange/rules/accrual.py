"""Accrual files: fixed width, one header, a detail for each credit, one trailer; the answer repeats each reference.

Every line is ASCII and ends with a line feed; numbers are filled with zeros from the left, words with blanks from the
right. Nothing of a file is believed before its counts and totals agree with its trailer.
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

VERSION = 1
MOST_RECORDS = 10_000
HIGHEST_TOTAL = 10**15 - 1
LONGEST_NUMBER = 32
INSTANT = "%Y%m%d%H%M%S"


class FileFault(StrEnum):
    """Why a file is refused as a whole."""

    EMPTY = "empty_file"
    FORMAT = "bad_format"
    TRUNCATED = "truncated"
    COUNT = "wrong_count"
    TOTAL = "wrong_total"
    DUPLICATE = "duplicate_file"
    UNKNOWN = "unknown_file"


class FileRefusedError(ValueError):
    """A file that is not taken, and nothing of it."""

    def __init__(self, fault: FileFault, detail: str = "") -> None:
        super().__init__(f"{fault.value}: {detail}" if detail else fault.value)
        self.fault = fault


class FileStatus(StrEnum):
    """What a partner says of a whole file."""

    TAKEN = "A"
    DUPLICATE = "D"
    FORMAT = "F"
    TOTALS = "T"


class RecordStatus(StrEnum):
    """What a partner says of one record."""

    ACCEPTED = "A"
    PARTLY = "P"
    MERGED = "M"
    REJECTED = "R"


@dataclass(frozen=True, slots=True)
class Header:
    """First line of an accrual file."""

    sender: str
    sequence: int
    made_at: datetime
    count: int
    total: int


@dataclass(frozen=True, slots=True)
class Accrual:
    """One credit that is asked for; `total` of a file is the sum of the miles."""

    line: int
    reference: str
    membership_number: str
    last_name: str
    first_name: str
    points: int
    miles: int


@dataclass(frozen=True, slots=True)
class AnswerHeader:
    """First line of an answer: `sequence` is its own, `answers` that of the accrual file."""

    sender: str
    sequence: int
    answers: int
    status: FileStatus
    made_at: datetime
    count: int
    total: int


@dataclass(frozen=True, slots=True)
class RecordAnswer:
    """What became of one record: the miles credited, why not, the number it was merged into."""

    line: int
    reference: str
    status: RecordStatus
    miles: int
    code: str
    merged_into: str


@dataclass(frozen=True, slots=True)
class AccrualFile:
    """An accrual file, read whole."""

    header: Header
    records: list[Accrual]


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """An answer file, read whole."""

    header: AnswerHeader
    records: list[RecordAnswer]


def _instant(raw: str) -> datetime:
    return datetime.strptime(raw, INSTANT).replace(tzinfo=UTC)


def _number(raw: str) -> int:
    if not (raw.isascii() and raw.isdecimal()):
        raise ValueError("no number")
    return int(raw)


Reader = Callable[[str], Any]
Layout = list[tuple[int, Reader]]  # the width of each field, and what reads it
HEADER: Layout = [(20, str.rstrip), (8, _number), (14, _instant), (8, _number), (15, _number)]
DETAIL: Layout = [
    (8, _number),
    (36, str.rstrip),
    (LONGEST_NUMBER, str.rstrip),
    (30, str.rstrip),
    (20, str.rstrip),
    (13, _number),
    (15, _number),
]
ANSWER_HEADER: Layout = [(20, str.rstrip), (8, _number), (8, _number), (1, FileStatus), *HEADER[2:]]
ANSWER_DETAIL: Layout = [
    (8, _number),
    (36, str.rstrip),
    (1, RecordStatus),
    (15, _number),
    (20, str.rstrip),
    (LONGEST_NUMBER, str.rstrip),
]
TRAILER: Layout = [(8, _number), (8, _number), (15, _number)]


def encode_accruals(sender: str, sequence: int, made_at: datetime, records: Sequence[Accrual]) -> bytes:
    """The file. Raises ValueError when something does not fit its field."""
    header = Header(sender, sequence, made_at, len(records), sum(record.miles for record in records))
    return _encode("A", header, HEADER, records, DETAIL)


def fits(record: Accrual) -> bool:
    """Whether a record fits its fields."""
    try:
        _line(astuple(record), DETAIL)
    except ValueError:
        return False
    return True


def encode_answer(header: AnswerHeader, records: Sequence[RecordAnswer]) -> bytes:
    """The answer. Raises ValueError when something does not fit its field."""
    return _encode("R", header, ANSWER_HEADER, records, ANSWER_DETAIL)


def decode_accruals(content: bytes) -> AccrualFile:
    """Read an accrual file. Raises FileRefusedError."""
    first, rows = _decode(content, "A", HEADER, DETAIL)
    return AccrualFile(Header(*first), [Accrual(*row) for row in rows])


def decode_answer(content: bytes) -> AnswerFile:
    """Read an answer file. Raises FileRefusedError."""
    first, rows = _decode(content, "R", ANSWER_HEADER, ANSWER_DETAIL)
    return AnswerFile(AnswerHeader(*first), [RecordAnswer(*row) for row in rows])


def plain(words: str, width: int) -> str:
    """A name in the letters that a file can hold: accents dropped, other scripts as question marks, cut to the field."""
    stripped = "".join(letter for letter in unicodedata.normalize("NFKD", words) if not unicodedata.combining(letter))
    return "".join(letter if " " <= letter <= "~" else "?" for letter in stripped).upper()[:width].strip()


def _encode(kind: str, header: Header | AnswerHeader, layout: Layout, records: Sequence[Any], detail: Layout) -> bytes:
    rows = [astuple(record) for record in records]
    lines = [f"{kind}H{VERSION:02}{_line(astuple(header), layout)}", *(f"{kind}D{_line(row, detail)}" for row in rows)]
    lines.append(f"{kind}T{_line((header.sequence, header.count, header.total), TRAILER)}")
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def _line(values: Sequence[object], layout: Layout) -> str:
    return "".join(_cell(value, width) for value, (width, _) in zip(values, layout, strict=True))


def _cell(value: object, width: int) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime(INSTANT)
    is_number = isinstance(value, int)
    text = f"{value:0{width}}" if is_number else str(value).ljust(width)
    if len(text) != width or not text.isascii() or not text.isprintable() or (is_number and text.startswith("-")):
        raise ValueError(f"does not fit into {width} characters")
    return text


def _decode(content: bytes, kind: str, header: Layout, detail: Layout) -> tuple[list[Any], list[list[Any]]]:
    if not content.strip():
        raise FileRefusedError(FileFault.EMPTY)
    try:
        lines = content.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise FileRefusedError(FileFault.FORMAT, f"byte {error.start} is not ASCII") from None
    if not all(line.isprintable() for line in lines):
        raise FileRefusedError(FileFault.FORMAT, "characters that cannot be printed")
    if lines.pop() or len(lines) < 2 or not lines[-1].startswith(f"{kind}T"):
        raise FileRefusedError(FileFault.TRUNCATED, "the trailer is missing")
    first = _cells(lines[0], f"{kind}H{VERSION:02}", header, 1)
    sequence, count, total = _cells(lines[-1], f"{kind}T", TRAILER, len(lines))
    rows = [_cells(line, f"{kind}D", detail, number) for number, line in enumerate(lines[1:-1], 2)]
    if not len(rows) == count == first[-2]:
        raise FileRefusedError(FileFault.COUNT, f"{len(rows)} records, told {first[-2]} and {count}")
    miles = sum(row[-1] if kind == "A" else row[3] for row in rows)
    if not miles == total == first[-1]:
        raise FileRefusedError(FileFault.TOTAL, f"{miles} miles, told {first[-1]} and {total}")
    if sequence != first[1] or len({row[1] for row in rows}) != len(rows):
        raise FileRefusedError(FileFault.FORMAT, "the sequences differ, or a reference comes twice")
    return first, rows


def _cells(line: str, prefix: str, layout: Layout, number: int) -> list[Any]:
    if not line.startswith(prefix) or len(line) != len(prefix) + sum(width for width, _ in layout):
        raise FileRefusedError(FileFault.FORMAT, f"line {number}")
    found, start = [], len(prefix)
    for width, read in layout:
        try:
            found.append(read(line[start : start + width]))
        except ValueError:
            raise FileRefusedError(FileFault.FORMAT, f"line {number}, column {start + 1}") from None
        start += width
    return found

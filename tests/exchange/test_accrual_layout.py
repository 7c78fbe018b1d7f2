"""The accrual file: its very bytes, and every way in which one is refused."""

from datetime import UTC, datetime

import pytest

from exchange.rules.accrual import (
    Accrual,
    AnswerHeader,
    FileFault,
    FileRefusedError,
    FileStatus,
    RecordAnswer,
    RecordStatus,
    decode_accruals,
    decode_answer,
    encode_accruals,
    encode_answer,
    fits,
    plain,
)

AT = datetime(2026, 11, 24, 21, 30, tzinfo=UTC)
FIRST = Accrual(1, "0c7e1f5a-0000-4000-8000-000000000001", "992000000000000", "DOE", "ANN", 100, 500)
SECOND = Accrual(2, "0c7e1f5a-0000-4000-8000-000000000002", "222000000000002", "", "", 7, 35)
BYTES = (
    b"AH01LOYALTY             0000000320261124213000" + b"00000002" + b"000000000000535\n"
    b"AD00000001" + b"0c7e1f5a-0000-4000-8000-000000000001" + b"992000000000000".ljust(32) + b"DOE".ljust(30) + b"ANN".ljust(20)
    + b"0000000000100" + b"000000000000500\n"
    b"AD00000002" + b"0c7e1f5a-0000-4000-8000-000000000002" + b"222000000000002".ljust(32) + b" " * 50
    + b"0000000000007" + b"000000000000035\n"
    b"AT00000003" + b"00000002" + b"000000000000535\n"
)  # fmt: skip
ANSWER = encode_answer(
    AnswerHeader("AIRLINE", 9, 3, FileStatus.TAKEN, AT, 2, 500),
    [
        RecordAnswer(1, FIRST.reference, RecordStatus.MERGED, 500, "", "222000000000002"),
        RecordAnswer(2, SECOND.reference, RecordStatus.REJECTED, 0, "CLOSED_ACCOUNT", ""),
    ],
)


def test_a_file_is_laid_out_as_agreed_and_read_back():
    assert encode_accruals("LOYALTY", 3, AT, [FIRST, SECOND]) == BYTES
    told = decode_accruals(BYTES)
    assert (told.header.sequence, told.header.made_at, told.records) == (3, AT, [FIRST, SECOND])


def test_an_answer_is_read_back():
    told = decode_answer(ANSWER)
    assert (told.header.sequence, told.header.answers, told.header.status) == (9, 3, FileStatus.TAKEN)
    assert [(one.status, one.miles, one.code, one.merged_into) for one in told.records] == [
        (RecordStatus.MERGED, 500, "", "222000000000002"),
        (RecordStatus.REJECTED, 0, "CLOSED_ACCOUNT", ""),
    ]


LINES = ANSWER.split(b"\n")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", FileFault.EMPTY),
        (b"\n \n", FileFault.EMPTY),
        (b"\n".join(LINES[:3]) + b"\n", FileFault.TRUNCATED),
        (ANSWER[:-1], FileFault.TRUNCATED),
        (ANSWER[:-20], FileFault.TRUNCATED),
        (b"\n".join([LINES[0], LINES[1], LINES[3], b""]), FileFault.COUNT),
        (ANSWER.replace(b"M000000000000500", b"M000000000000501"), FileFault.TOTAL),
        (ANSWER.replace(b"RT000000090000000200000000000050", b"RT000000090000000200000000000051"), FileFault.TOTAL),
        (ANSWER.replace(b"RT00000009", b"RT00000008"), FileFault.FORMAT),
        (ANSWER.replace(SECOND.reference.encode(), FIRST.reference.encode()), FileFault.FORMAT),
        (ANSWER.replace(b"M0000", b"X0000"), FileFault.FORMAT),
        (ANSWER.replace(b"CLOSED", b"CL\xc3\x96SE"), FileFault.FORMAT),
        (ANSWER.replace(b"RH01", b"RH02"), FileFault.FORMAT),
        (ANSWER.replace(b"CLOSED", b"CLO\0ED"), FileFault.FORMAT),
        (BYTES, FileFault.TRUNCATED),
        (ANSWER + ANSWER, FileFault.FORMAT),
    ],
)
def test_a_damaged_file_is_refused_whole(content: bytes, fault: FileFault):
    with pytest.raises(FileRefusedError) as refused:
        decode_answer(content)
    assert refused.value.fault is fault


@pytest.mark.parametrize("miles", [-1, 10**15])
def test_what_does_not_fit_its_field_is_not_written(miles: int):
    with pytest.raises(ValueError, match="does not fit"):
        encode_accruals("LOYALTY", 3, AT, [Accrual(1, FIRST.reference, "1", "", "", 1, miles)])


def test_a_name_may_begin_with_a_dash():
    record = Accrual(1, FIRST.reference, "1", "-", "-", 1, 1)
    assert fits(record)
    assert decode_accruals(encode_accruals("LOYALTY", 3, AT, [record])).records == [record]


@pytest.mark.parametrize(
    ("words", "told"), [("Müller-Lüdenscheidt", "MULLER-LUDENSCHEIDT"), ("王", "?"), ("a\nb", "A?B"), ("  Ann ", "ANN")]
)
def test_names_are_written_in_letters_that_a_file_holds(words: str, told: str):
    assert plain(words, 30) == told

"""What leaves the house as a table runs nothing in a spreadsheet."""

import csv
import io

import pytest

from loyalty.admin.spreadsheets import ROWS_AT_ONCE, cell, csv_lines, csv_response, neutral
from tests.conftest import NOON


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\uff1d"])
def test_what_could_be_a_formula_gets_an_apostrophe(first):
    assert neutral(f"{first}cmd|' /C calc'!A0") == f"'{first}cmd|' /C calc'!A0"


@pytest.mark.parametrize("text", ["", "Ann", "5 = 5", "a-b", "'=1", "ann@example.org"])
def test_other_text_stays_as_it_is(text):
    assert neutral(text) == text


def test_numbers_stay_numbers_and_instants_are_written_in_iso():
    cells = [cell(value) for value in (-5, 2.5, None, True, NOON, "-5")]

    assert cells == ["-5", "2.5", "", "True", "2026-06-01T12:00:00+00:00", "'-5"]


def test_a_table_comes_in_pieces_and_whole():
    rows = ([number, f"=row {number}"] for number in range(2 * ROWS_AT_ONCE + 1))

    pieces = list(csv_lines(["number", "+text"], rows))

    assert len(pieces) == 4
    table = list(csv.reader(io.StringIO("".join(pieces).removeprefix("\ufeff"))))
    assert table[:2] == [["number", "'+text"], ["0", "'=row 0"]]
    assert len(table) == 2 * ROWS_AT_ONCE + 2


def test_a_table_is_a_download_that_nobody_caches():
    answer = csv_response("audit", ["a"], [])

    assert answer.streaming
    assert answer["Content-Disposition"] == 'attachment; filename="audit.csv"'
    assert answer["Cache-Control"] == "no-store"

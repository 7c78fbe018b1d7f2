"""Lists that are read by key: every row once, in order, from either end, at a cost that is bounded."""

import base64
import json

import pytest

from loyalty.keyset import SCAN, Key, UnknownPlace, Window, estimated_count, read_window
from tests.conftest import make_brand
from users.models import Member

NEWEST = Key.of(["-created_at", "-pk"])


@pytest.fixture
def members(brand) -> list[Member]:
    """Twelve, of whom each three came at the same instant; newest first."""
    rows = Member.objects.bulk_create(Member(brand=brand, auth_id=f"m{number}") for number in range(12))
    for number, row in enumerate(rows):
        Member.objects.filter(pk=row.pk).update(created_at=f"2026-06-0{1 + number // 3}T12:00:00+00:00")
    return list(Member.objects.filter(brand=brand).order_by("-created_at", "-pk"))


def own(brand):
    return Member.objects.filter(brand=brand)


def walk(rows, **terms) -> list[Window]:
    """Every window of a list, from its beginning to its end."""
    windows = [read_window(rows, NEWEST, size=5, **terms)]
    while windows[-1].older is not None:
        windows.append(read_window(rows, NEWEST, size=5, older=windows[-1].older, **terms))
    return windows


def test_a_walk_meets_every_row_once_in_order(brand, members):
    windows = walk(own(brand))

    assert [len(window.rows) for window in windows] == [5, 5, 2]
    assert [row for window in windows for row in window.rows] == members


def test_the_way_back_shows_the_same_windows(brand, members):
    first, second, third = walk(own(brand))

    back = read_window(own(brand), NEWEST, size=5, newer=third.newer)
    again = read_window(own(brand), NEWEST, size=5, newer=back.newer)

    assert (first.newer, back.rows, again.rows) == (None, second.rows, first.rows)
    assert (back.older, again.older) == (second.older, first.older)
    assert again.newer is None


def test_what_comes_first_is_shown_as_a_whole_window(brand, members):
    window = read_window(own(brand), NEWEST, size=5, newer=NEWEST.place_of(members[2]))

    assert window == read_window(own(brand), NEWEST, size=5)


def test_rows_that_come_meanwhile_shift_no_window(brand, members):
    first = read_window(own(brand), NEWEST, size=5)
    Member.objects.create(brand=brand, auth_id="late")

    second = read_window(own(brand), NEWEST, size=5, older=first.older)

    assert second.rows == members[5:10]


def test_an_ascending_key_runs_the_other_way(brand, members):
    key = Key.of(["created_at", "pk"])

    first = read_window(own(brand), key, size=5)
    second = read_window(own(brand), key, size=5, older=first.older)

    assert first.rows + second.rows == members[::-1][:10]


def test_a_look_through_an_index_is_broken_off_and_goes_on(brand, members, monkeypatch):
    monkeypatch.setattr("loyalty.keyset.SCAN", 4)
    rare = own(brand).filter(auth_id__in=["m0", "m11"])

    windows = walk(rare, within=own(brand))

    assert [[row.auth_id for row in window.rows] for window in windows] == [["m11"], [], ["m0"], []]
    assert [window.searched_to for window in windows] == [NEWEST.place_of(members[n]) for n in (3, 7, 11)] + [None]
    back = read_window(rare, NEWEST, size=5, newer=windows[2].newer, within=own(brand))
    assert (back.rows, back.newer) == ([], NEWEST.place_of(members[7]))


def test_a_window_costs_the_same_wherever_it_stands(brand, members, django_assert_num_queries):
    with django_assert_num_queries(1):
        read_window(own(brand), NEWEST, size=5, older=NEWEST.place_of(members[5]))
    with django_assert_num_queries(2):
        read_window(own(brand), NEWEST, size=5, older=NEWEST.place_of(members[5]), within=own(brand))
    assert SCAN <= 10_000


def test_a_place_survives_its_way_through_an_address(brand, members):
    place = NEWEST.place_of(members[0])

    assert NEWEST.read(Member, NEWEST.written(place)) == place


def spelt(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "?",
        "abc",
        spelt("2026-06-01T12:00:00+00:00"),
        spelt("2026-06-01T12:00:00", "1"),
        spelt("2026-06-01T12:00:00+00:00", "1", "1"),
        spelt("yesterday", "1"),
        spelt("2026-06-01T12:00:00+00:00", str(2**63)),
        spelt("2026-06-01T12:00:00+00:00", "1\x00"),
        spelt("2026-06-01T12:00:00+00:00", 1),
        spelt(None, None),
    ],
)
def test_a_place_that_no_list_gave_out_is_refused(text):
    with pytest.raises(UnknownPlace):
        NEWEST.read(Member, text)


def test_a_key_runs_in_one_direction():
    with pytest.raises(ValueError, match="one direction"):
        Key.of(["-created_at", "pk"])


def test_an_estimate_counts_nothing(brand, members, django_assert_num_queries):
    with django_assert_num_queries(1) as queries:
        count = estimated_count(own(brand))

    assert count >= 1
    assert "COUNT" not in queries[0]["sql"]
    assert estimated_count(own(make_brand()).none()) == 0

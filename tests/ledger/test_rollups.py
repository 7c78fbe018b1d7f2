"""Rollups: exact up to their mark, whatever runs meanwhile, and provable from the rows."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, transaction

from ledger.models import DailyFlow, OpenLots, Tally, TallyMark
from ledger.services import rollups
from ledger.services.expiring import expire_due_accounts
from ledger.services.rollups import as_of, check_rollup, count_brand_up, count_up, rebuild_rollup
from ledger.services.tallying import LEDGER
from tests.conftest import NOON, make_brand, make_expiring_token, make_member, make_token
from tests.ledger.orders import DAY, move, undo
from tests.ledger.rolling import counted_to_now

FIRST = date(2026, 6, 1)


def count(brand) -> None:
    counted_to_now(LEDGER, brand)


def flows(brand, *types: str) -> dict:
    rows = DailyFlow.objects.filter(brand=brand, type__in=types) if types else DailyFlow.objects.filter(brand=brand)
    return {(row.day, row.type): (row.credited_points, row.debited_points) for row in rows if row.credits or row.debits}


def open_lots(brand) -> dict:
    return {row.day: row.points for row in OpenLots.objects.filter(brand=brand) if row.points}


def agrees(brand) -> bool:
    return check_rollup(LEDGER, brand.pk).differences == []


def test_points_are_summed_by_day_and_type(own_brand):
    token, member = make_token(own_brand), make_member(own_brand)
    for day, amount in enumerate((100, 20, -30)):
        move(member, token, amount, at=NOON + day * DAY)
    move(make_member(own_brand), token, 7, at=NOON + timedelta(hours=1))

    count(own_brand)

    assert flows(own_brand) == {
        (FIRST, "credit_points"): (107, 0),
        (FIRST + DAY, "credit_points"): (20, 0),
        (FIRST + 2 * DAY, "debit_points"): (0, 30),
    }
    assert DailyFlow.objects.get(brand=own_brand, day=FIRST).credits == 2
    assert agrees(own_brand)


def test_a_reversal_counts_on_its_own_day_and_leaves_the_day_of_its_original(own_brand):
    token, member = make_expiring_token(own_brand), make_member(own_brand)
    earned, burned = move(member, token, 100), move(member, token, -40)
    count(own_brand)
    undo(burned, 15, at=NOON + DAY, brand_id=own_brand.pk)
    undo(earned, 30, at=NOON + 2 * DAY, brand_id=own_brand.pk)

    count(own_brand)

    assert flows(own_brand) == {
        (FIRST, "credit_points"): (100, 0),
        (FIRST, "debit_points"): (0, 40),
        (FIRST + DAY, "reversal"): (15, 0),
        (FIRST + 2 * DAY, "reversal"): (0, 30),
    }
    assert open_lots(own_brand) == {FIRST: 45}
    assert agrees(own_brand)


def test_a_day_begins_and_ends_in_the_brands_time_zone_also_when_clocks_change(own_brand):
    """Zurich went to summer time on 29 March 2026 and back on 25 October: those days have 23 and 25 hours."""
    token, member = make_token(own_brand), make_member(own_brand)
    instants = {
        datetime(2026, 3, 28, 22, 59, 59, tzinfo=UTC): date(2026, 3, 28),
        datetime(2026, 3, 28, 23, 0, tzinfo=UTC): date(2026, 3, 29),
        datetime(2026, 3, 29, 21, 59, 59, tzinfo=UTC): date(2026, 3, 29),
        datetime(2026, 3, 29, 22, 0, tzinfo=UTC): date(2026, 3, 30),
        datetime(2026, 10, 24, 22, 0, tzinfo=UTC): date(2026, 10, 25),
        datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC): date(2026, 10, 25),
        datetime(2026, 10, 25, 23, 0, tzinfo=UTC): date(2026, 10, 26),
    }
    for instant in instants:
        move(member, token, 1, at=instant)

    count(own_brand)

    days = list(instants.values())
    assert {day: points for (day, _), (points, _) in flows(own_brand).items()} == {day: days.count(day) for day in days}
    assert all(instant.astimezone(own_brand.zone).date() == day for instant, day in instants.items())
    assert agrees(own_brand)


def test_another_time_zone_counts_all_days_afresh(own_brand):
    token, member = make_token(own_brand), make_member(own_brand)
    move(member, token, 5, at=datetime(2026, 6, 1, 22, 30, tzinfo=UTC))
    count(own_brand)
    before = flows(own_brand)
    own_brand.time_zone = "America/New_York"
    own_brand.save()

    count(own_brand)

    assert before == {(FIRST + DAY, "credit_points"): (5, 0)}
    assert flows(own_brand) == {(FIRST, "credit_points"): (5, 0)}
    assert agrees(own_brand)
    assert Tally.objects.get(brand=own_brand).count == 1


def test_what_is_left_of_lots_is_kept_by_the_day_that_opened_them(own_brand):
    token, member = make_expiring_token(own_brand, days=10), make_member(own_brand)
    for day, amount in enumerate((100, 50, -120, 10)):
        move(member, token, amount, at=NOON + day * DAY)
    count(own_brand)
    before = open_lots(own_brand)
    expire_due_accounts(clock=lambda: NOON + 11 * DAY)

    count(own_brand)

    assert before == {FIRST + DAY: 30, FIRST + 3 * DAY: 10}
    assert open_lots(own_brand) == {FIRST + 3 * DAY: 10}
    assert flows(own_brand, "expiry") == {(FIRST + 11 * DAY, "expiry"): (0, 30)}
    assert agrees(own_brand)


def test_a_row_that_commits_late_is_neither_missed_nor_counted_twice(own_brand):
    token, early, late = make_expiring_token(own_brand), make_member(own_brand), make_member(own_brand)
    posted, go_on = threading.Event(), threading.Event()

    def post_slowly() -> None:
        with transaction.atomic():
            move(early, token, 1)
            posted.set()
            go_on.wait(30)
        connection.close()

    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(post_slowly)
        posted.wait(30)
        move(late, token, 10)
        for _ in range(3):
            count_brand_up(LEDGER, own_brand.pk)
        meanwhile, held = flows(own_brand), agrees(own_brand)
        go_on.set()
        slow.result()
    count(own_brand)

    assert (meanwhile, held) == ({}, True)
    assert flows(own_brand) == {(FIRST, "credit_points"): (11, 0)}
    assert open_lots(own_brand) == {FIRST: 11}
    assert agrees(own_brand)


def test_rollups_stay_exact_while_others_post_and_count(own_brand):
    """Four post and reverse, two count and check: every check holds, and at the end nothing is missing."""
    token = make_expiring_token(own_brand)
    members, stop, faults = [make_member(own_brand) for _ in range(4)], threading.Event(), []

    def post_and_undo(member) -> None:
        for turn in range(25):
            earned = move(member, token, 10, at=NOON + turn * timedelta(hours=5))
            if turn % 3 == 0:
                undo(earned, 4, at=NOON + turn * timedelta(hours=5), brand_id=own_brand.pk)
            if turn % 4 == 0:
                move(member, token, -5, at=NOON + turn * timedelta(hours=5))
        connection.close()

    def count_and_check() -> None:
        while not stop.is_set():
            count_brand_up(LEDGER, own_brand.pk)
            faults.extend(check_rollup(LEDGER, own_brand.pk).differences)
        connection.close()

    with ThreadPoolExecutor(6) as threads:
        counting = [threads.submit(count_and_check) for _ in range(2)]
        posting = [threads.submit(post_and_undo, member) for member in members]
        for work in posting:
            work.result()
        stop.set()
        for work in counting:
            work.result()
    count(own_brand)

    assert faults == []
    told = flows(own_brand).values()
    assert (sum(plus for plus, _ in told), sum(minus for _, minus in told)) == (4 * 250, 4 * (9 * 4 + 7 * 5))
    assert sum(open_lots(own_brand).values()) == 4 * (250 - 36 - 35)
    assert agrees(own_brand)


def test_counting_in_small_steps_comes_to_the_same(own_brand, monkeypatch):
    token, member = make_expiring_token(own_brand), make_member(own_brand)
    for turn in range(20):
        move(member, token, 10 if turn % 3 else -5 if turn else 10, at=NOON + turn * timedelta(hours=5))
    count(own_brand)
    whole = (flows(own_brand), open_lots(own_brand), Tally.objects.filter(brand=own_brand).count())
    monkeypatch.setattr(rollups, "ROWS_AT_A_TIME", 7)

    rebuild_rollup(LEDGER, own_brand.pk)

    assert (flows(own_brand), open_lots(own_brand), Tally.objects.filter(brand=own_brand).count()) == whole


@pytest.mark.parametrize("table", [DailyFlow, OpenLots, Tally])
def test_a_check_names_what_differs_and_a_rebuild_mends_it(own_brand, table):
    token, member = make_expiring_token(own_brand), make_member(own_brand)
    move(member, token, 100)
    count(own_brand)
    value = {DailyFlow: "credited_points", OpenLots: "points", Tally: "count"}[table]
    table.objects.filter(brand=own_brand).update(**{value: 99})

    check = check_rollup(LEDGER, own_brand.pk)
    rebuild_rollup(LEDGER, own_brand.pk)

    assert [difference.table for difference in check.differences] == [table._meta.db_table]
    assert 99 in check.differences[0].stored
    assert agrees(own_brand)
    assert as_of(LEDGER, own_brand.pk) is not None


def test_a_missing_and_a_superfluous_sum_are_found(own_brand):
    token, member = make_token(own_brand), make_member(own_brand)
    move(member, token, 100)
    count(own_brand)
    DailyFlow.objects.filter(brand=own_brand).update(day=FIRST - DAY)

    keys = [difference.key for difference in check_rollup(LEDGER, own_brand.pk).differences]

    assert keys == [f"token_id {token.pk}, day {day}, type credit_points" for day in (FIRST - DAY, FIRST)]


def test_a_rebuild_waits_for_nobody(own_brand):
    """The rows up to the mark had settled once: a transaction that runs now can add none to them."""
    token, member = make_token(own_brand), make_member(own_brand)
    move(member, token, 100)
    count(own_brand)
    with ThreadPoolExecutor(1) as threads:
        running, go_on = threading.Event(), threading.Event()

        def idle() -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                running.set()
                go_on.wait(30)
            connection.close()

        slow = threads.submit(idle)
        running.wait(30)
        rebuild_rollup(LEDGER, own_brand.pk)
        rebuilt = flows(own_brand)
        go_on.set()
        slow.result()

    assert rebuilt == {(FIRST, "credit_points"): (100, 0)}


def test_two_that_count_at_once_do_not_wait_for_each_other(own_brand):
    token, member = make_token(own_brand), make_member(own_brand)
    move(member, token, 100)
    count(own_brand)

    def count_elsewhere() -> int:
        passed = count_brand_up(LEDGER, own_brand.pk)
        connection.close()
        return passed

    with transaction.atomic(), ThreadPoolExecutor(1) as threads:
        TallyMark.objects.select_for_update().get(brand=own_brand)
        passed = threads.submit(count_elsewhere).result(timeout=10)

    assert passed == 0


def test_a_brand_that_cannot_be_counted_holds_up_no_other(own_brand):
    """Its sum would pass what a column holds. The brand after it is counted all the same, and the error is told."""
    token, member, neighbour = make_token(own_brand), make_member(own_brand), make_brand()
    move(member, token, 100)
    count(own_brand)
    Tally.objects.filter(brand=own_brand).update(count=2**63 - 1)
    move(member, token, 5)
    move(make_member(neighbour), make_token(neighbour), 7)
    told, until = "", time.monotonic() + 20

    try:
        while not flows(neighbour) and time.monotonic() < until:
            with contextlib.suppress(ExceptionGroup):
                count_up(LEDGER)
        with pytest.raises(ExceptionGroup) as raised:
            count_up(LEDGER)
        told = str(raised.value.exceptions[0].__notes__)
    finally:
        rebuild_rollup(LEDGER, own_brand.pk)

    assert told == f"['brand {own_brand.pk}']"
    assert flows(neighbour) == {(FIRST, "credit_points"): (7, 0)}

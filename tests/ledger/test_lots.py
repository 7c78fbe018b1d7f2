"""Lots: soonest to lapse first, expiry on touch, and back where they came from."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ledger.errors import InsufficientBalance
from ledger.models import Transaction
from ledger.rules.expiry import ExpiryPolicy, ExpiryUnit
from ledger.rules.lots import OpenLot, absorb_debt, give_back, take
from ledger.selectors import balances_of
from ledger.services.expiring import expire_due_accounts
from tests.conftest import NOON, make_expiring_token, make_member
from tests.ledger.orders import DAY, account_of, lots_of, move, undo


@pytest.fixture
def fading(brand):
    return make_expiring_token(brand, days=10)


def test_a_debit_takes_the_soonest_to_lapse_then_the_oldest(member, fading):
    move(member, fading, 10, at=NOON, expires_at=NOON + 5 * DAY)
    move(member, fading, 10, at=NOON, expires_at=NOON + 2 * DAY)
    move(member, fading, 10, at=NOON, expires_at=NOON + 2 * DAY)

    move(member, fading, -15)

    assert lots_of(member, fading) == {1: 10, 2: 0, 3: 5}


def test_lapsed_points_cannot_be_spent_even_before_the_night_job(member, fading):
    move(member, fading, 10)

    with pytest.raises(InsufficientBalance):
        move(member, fading, -1, at=NOON + 10 * DAY)


def test_points_live_to_the_last_instant(member, fading):
    move(member, fading, 10)

    move(member, fading, -10, at=NOON + 10 * DAY - DAY / 86_400_000_000)

    assert account_of(member, fading).balance == 0


def test_a_touch_books_the_expiry_before_itself(member, fading):
    move(member, fading, 10)

    move(member, fading, 7, at=NOON + 11 * DAY)

    rows = Transaction.objects.filter(account=account_of(member, fading)).order_by("sequence")
    assert list(rows.values_list("type", "amount")) == [("credit_points", 10), ("expiry", -10), ("credit_points", 7)]


def test_a_read_leaves_lapsed_points_out(member, fading):
    move(member, fading, 10, at=NOON)
    move(member, fading, 5, at=NOON + DAY)

    (balance,) = balances_of(member, at=NOON + 10 * DAY)

    assert balance.points == 5
    assert account_of(member, fading).balance == 15


def test_the_night_job_expires_each_lot_once(brand, fading):
    members = [make_member(brand) for _ in range(3)]
    for member in members:
        move(member, fading, 10)

    first = expire_due_accounts(clock=lambda: NOON + 10 * DAY)
    second = expire_due_accounts(clock=lambda: NOON + 10 * DAY)

    assert (first, second) == (3, 0)
    assert all(account_of(member, fading).balance == 0 for member in members)


def test_points_credited_before_the_token_expired_are_taken_last(member, brand, fading):
    move(member, fading, 10, expires_at=None)
    move(member, fading, 10)

    move(member, fading, -12)

    assert lots_of(member, fading) == {2: 0}
    assert account_of(member, fading).next_expiry_at is None
    assert account_of(member, fading).balance == 8


def test_a_reversed_debit_returns_to_its_lots_the_last_taken_first(member, brand, fading):
    move(member, fading, 10, expires_at=NOON + 2 * DAY)
    move(member, fading, 10, expires_at=NOON + 5 * DAY)
    debit = move(member, fading, -15)

    undo(debit, 7, brand_id=brand.pk)

    assert lots_of(member, fading) == {1: 2, 2: 10}
    undo(debit, brand_id=brand.pk)
    assert lots_of(member, fading) == {1: 10, 2: 10}


def test_a_reversed_credit_takes_its_own_lot_first(member, brand, fading):
    move(member, fading, 10, expires_at=NOON + 2 * DAY)
    credit = move(member, fading, 10, expires_at=NOON + 5 * DAY)

    undo(credit, brand_id=brand.pk)

    assert lots_of(member, fading) == {1: 10, 2: 0}


def test_points_that_return_to_a_lapsed_lot_lapse_at_the_next_touch(member, brand, fading):
    move(member, fading, 10)
    debit = move(member, fading, -10)

    undo(debit, at=NOON + 11 * DAY, brand_id=brand.pk)

    (balance,) = balances_of(member, at=NOON + 11 * DAY)
    assert balance.points == 0
    assert expire_due_accounts(clock=lambda: NOON + 11 * DAY) == 1


def test_a_credit_first_pays_the_debt_and_only_the_rest_opens_a_lot(member, fading):
    move(member, fading, 1)
    account = account_of(member, fading)
    type(account).objects.filter(pk=account.pk).update(floor=-100)
    move(member, fading, -51)

    move(member, fading, 70)

    assert lots_of(member, fading) == {1: 0, 3: 20}
    assert account_of(member, fading).balance == 20


def lot(sequence: int, remaining: int, days: int) -> OpenLot:
    return OpenLot(sequence, remaining, NOON + days * DAY)


def test_what_lots_do_not_cover_comes_from_no_lot():
    assert take([lot(1, 5, 1)], 8) == [(1, -5)]


def test_giving_back_in_parts_equals_giving_back_at_once():
    original = [(1, -5), (2, -7)]  # and 3 from no lot
    parts = [give_back(original, 15, returned=done, amount=1) for done in range(15)]

    together = {1: 0, 2: 0}
    for part in parts:
        for sequence, amount in part:
            together[sequence] += amount

    assert together == {1: 5, 2: 7}
    assert parts[:3] == [[], [], []]


def test_a_debt_is_paid_before_lots_are_filled():
    assert absorb_debt([(2, 7), (1, 5)], 15, -4) == [(2, 6), (1, 5)]


@pytest.mark.parametrize(
    ("unit", "count", "credited", "lapses"),
    [
        (ExpiryUnit.NEVER, 0, NOON, None),
        (ExpiryUnit.DAYS, 1, NOON, NOON + DAY),
        (ExpiryUnit.MONTHS, 1, datetime(2026, 1, 31, 12, tzinfo=UTC), datetime(2026, 2, 28, 23, tzinfo=UTC)),
        (ExpiryUnit.MONTHS, 12, datetime(2026, 2, 28, 23, 30, tzinfo=UTC), datetime(2027, 3, 31, 22, tzinfo=UTC)),
        (ExpiryUnit.MONTHS, 1, datetime(2026, 11, 15, tzinfo=UTC), datetime(2026, 12, 31, 23, tzinfo=UTC)),
        (ExpiryUnit.MONTHS, 24, datetime(2026, 2, 28, tzinfo=UTC), datetime(2028, 2, 29, 23, tzinfo=UTC)),
    ],
)
def test_points_lapse_by_the_policy_and_the_calendar_of_the_brand(unit, count, credited, lapses):
    assert ExpiryPolicy(unit, count).lapses_at(credited, ZoneInfo("Europe/Zurich")) == lapses

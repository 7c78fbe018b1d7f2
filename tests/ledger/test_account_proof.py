"""The proof of one account, step by step: it finds what the proof of all finds, and tells where each check first breaks."""

import tracemalloc

import pytest
from django.db import connection

from ledger.models import Account, Transaction
from ledger.services.account_proof import CompactLots, prove_account, recomputed_hash
from ledger.services.proof import Check, prove
from tests.conftest import NOON, make_brand, make_expiring_token, make_member, make_token
from tests.ledger.orders import DAY, account_of, move, undo
from tests.ledger.test_proof import superuser


@pytest.fixture
def account(committed) -> Account:
    """An account with lots, a debit, reversals with a note, and points that lapsed."""
    brand = make_brand()
    token, member = make_expiring_token(brand), make_member(brand)
    first = move(member, token, 10)
    debit = move(member, token, -4)
    move(member, token, 10, at=NOON + DAY)
    undo(debit, 2, brand_id=brand.pk, at=NOON + DAY, reason="a mistake")
    undo(first, 1, brand_id=brand.pk, at=NOON + DAY)
    move(member, token, 5, at=NOON + 10 * DAY)
    return account_of(member, token)


def last(account: Account, **terms):
    account.refresh_from_db()
    *_, end = prove_account(account, **terms)
    return end


@pytest.mark.parametrize("rows_at_a_time", [1, 3, 1_000])
def test_a_sound_account_holds_however_it_is_cut(account, rows_at_a_time):
    end = last(account, rows_at_a_time=rows_at_a_time)

    assert (end.holds, end.finished, end.first) == (True, True, {})
    assert (end.rows, end.total, end.lots) == (account.sequence, account.sequence, 3)


def test_progress_is_told_chunk_by_chunk(account):
    account.refresh_from_db()

    told = [(step.rows, step.finished) for step in prove_account(account, rows_at_a_time=3)]

    assert told == [(0, False), (3, False), (6, False), (7, False), (7, True)]


def test_an_account_without_rows_holds(committed):
    brand = make_brand()
    row = Account.objects.create(brand=brand, member=make_member(brand), token=make_token(brand))

    assert (last(row).holds, last(row).rows) == (True, 0)


def test_what_is_posted_while_it_is_proved_is_proved_too(account):
    account.refresh_from_db()
    steps = prove_account(account, rows_at_a_time=3)
    next(steps)
    move(account.member, account.token, 7, at=NOON + 11 * DAY)

    *_, end = steps

    assert (end.holds, end.rows) == (True, account.sequence + 2)  # and what had lapsed


TAMPERED = [
    ("UPDATE ledger_transaction SET actor = 'staff:1' WHERE account_id = %s AND sequence = 3", Check.CHAIN, 3),
    ("UPDATE ledger_transaction SET amount = amount + 1 WHERE account_id = %s AND sequence = 2", Check.BALANCE, 2),
    ("DELETE FROM ledger_transaction WHERE account_id = %s AND sequence = 4", Check.CHAIN, 5),
    ("UPDATE ledger_account SET balance = balance + 1 WHERE id = %s", Check.BALANCE, 7),
    ("UPDATE ledger_account SET next_expiry_at = NULL WHERE id = %s", Check.LOTS, 7),
    ("UPDATE ledger_lot SET remaining = 0 WHERE account_id = %s AND sequence = 3", Check.LOTS, 3),
    ("DELETE FROM ledger_lot WHERE account_id = %s AND sequence = 1", Check.LOTS, 1),
    ("DELETE FROM ledger_lot WHERE account_id = %s AND sequence > 3", Check.LOTS, 7),
    ("UPDATE ledger_note SET text = 'on purpose' WHERE account_id = %s", Check.NOTES, 4),
    ("DELETE FROM ledger_note WHERE account_id = %s", Check.NOTES, 4),
]


@pytest.mark.parametrize(("tampering", "check", "sequence"), TAMPERED)
def test_what_was_tampered_with_is_found_where_it_first_breaks(account, tampering, check, sequence):
    with superuser() as cursor:
        cursor.execute(tampering, [account.pk])

    end = last(account, rows_at_a_time=2)

    assert end.first[check].sequence == sequence
    everywhere = prove(brand_id=account.brand_id).differences
    assert {(one.check, one.sequence, one.fault) for one in end.first.values()} <= {
        (one.check, one.sequence, one.fault) for one in everywhere
    }


def test_a_lot_that_no_row_opened_is_found(account):
    with superuser() as cursor:
        cursor.execute(
            "INSERT INTO ledger_lot (brand_id, account_id, sequence, amount, remaining, expires_at) "
            "VALUES (%s, %s, 2, 5, 5, %s)",
            [account.brand_id, account.pk, NOON + DAY],
        )

    assert last(account).first[Check.LOTS].sequence == 2


def test_more_that_was_reversed_than_posted_is_found(account):
    with superuser() as cursor:
        cursor.execute("UPDATE ledger_transaction SET amount = 9 WHERE account_id = %s AND sequence = 4", [account.pk])

    assert last(account).first[Check.REVERSALS].sequence == 2


def test_a_broken_account_keeps_one_fault_a_check_and_counts_the_rest(account):
    with superuser() as cursor:
        cursor.execute("UPDATE ledger_transaction SET actor = 'staff:1' WHERE account_id = %s", [account.pk])

    end = last(account)

    assert (end.first[Check.CHAIN].sequence, end.count[Check.CHAIN], len(end.first)) == (1, account.sequence, 1)


def test_no_transaction_stays_open_between_chunks(account):
    account.refresh_from_db()

    for _ in prove_account(account, rows_at_a_time=2):
        assert not connection.in_atomic_block
        assert connection.connection.info.transaction_status.name == "IDLE"


def test_the_hash_of_a_row_is_computed_anew(account):
    rows = list(Transaction.objects.filter(account=account).order_by("sequence"))
    assert [recomputed_hash(row) for row in rows] == [bytes(row.hash) for row in rows]

    with superuser() as cursor:
        cursor.execute("UPDATE ledger_transaction SET actor = 'staff:1' WHERE id = %s", [rows[2].pk])

    assert recomputed_hash(rows[2]) != bytes(rows[2].hash)


def test_a_million_lots_take_little_memory():
    lots = CompactLots()
    tracemalloc.start()
    for number in range(1, 1_000_000, 2):
        lots[number] = [5, 3, 10**15]
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert used < 30_000_000
    assert (len(lots), lots.get(1), lots.get(2), lots.get(10**9)) == (500_000, [5, 3, 10**15], None, None)
    assert next(iter(lots)) == 1

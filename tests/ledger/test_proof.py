"""verify_ledger: whatever a superuser does to the rows is found, and named by account and sequence."""

import json
import random
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection

from ledger.models import Account, Lot, Transaction
from ledger.services.proof import prove
from tests.conftest import NOON, make_brand, make_expiring_token, make_member, make_token
from tests.ledger.orders import DAY, account_of, move, undo

HASHED_COLUMNS = {
    "amount": "amount + 1",
    "balance_after": "balance_after + 1",
    "id": "nextval('ledger_transaction_id_seq')",
    "effective_at": "effective_at + interval '1 microsecond'",
    "recorded_at": "recorded_at - interval '1 day'",
    "reverses_id": "1",
    "expires_at": "now()",
    "type": "'expiry'",
    "counterpart": "'adjustment'",
    "reference_id": "'else'",
    "actor": "'staff:1'",
    "note_digest": "sha256('x')",
    "lots": "ARRAY[1, 1]::bigint[]",
    "explanation": """'{"rule": "else"}'::jsonb""",
    "previous_hash": "sha256('x')",
    "hash": "sha256('x')",
}


@contextmanager
def superuser():
    """Someone for whom no trigger fires and no foreign key is checked."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            yield cursor
        finally:
            cursor.execute("SET session_replication_role = origin")


@pytest.fixture
def history(committed):
    """Two members with a few rows each; the proof of it holds."""
    brand = make_brand()
    token, members = make_token(brand), [make_member(brand), make_member(brand)]
    for member in members:
        for amount in (100, -30, 5, -7, 50):
            move(member, token, amount)
    accounts = [account_of(member, token) for member in members]
    assert prove(brand_id=brand.pk).holds
    return brand, accounts


def found(brand) -> set[tuple[int, int]]:
    return {(difference.account_id, difference.sequence) for difference in prove(brand_id=brand.pk).differences}


@pytest.mark.parametrize("column", HASHED_COLUMNS)
def test_an_edit_of_any_column_is_found_where_it_was_made(history, column):
    brand, (account, _) = history

    with superuser() as cursor:
        cursor.execute(
            f"UPDATE ledger_transaction SET {column} = {HASHED_COLUMNS[column]} WHERE account_id = %s AND sequence = 3",
            [account.pk],
        )

    assert (account.pk, 3) in found(brand)


@pytest.mark.parametrize("sequence", [1, 3, 5])
def test_a_deletion_is_found(history, sequence):
    brand, (account, _) = history

    with superuser() as cursor:
        cursor.execute("DELETE FROM ledger_transaction WHERE account_id = %s AND sequence = %s", [account.pk, sequence])

    assert account.pk in {account_id for account_id, _ in found(brand)}
    assert (account.pk, sequence + 1 if sequence < 5 else sequence) in found(brand)


def test_an_insertion_is_found(history):
    brand, (account, _) = history

    with superuser() as cursor:
        columns = [field.column for field in Transaction._meta.concrete_fields]
        values = ", ".join({"id": "nextval('ledger_transaction_id_seq')", "sequence": "6"}.get(name, name) for name in columns)
        cursor.execute(
            f"INSERT INTO ledger_transaction ({', '.join(columns)}) SELECT {values} FROM ledger_transaction "
            "WHERE account_id = %s AND sequence = 5",
            [account.pk],
        )

    assert (account.pk, 6) in found(brand)


def test_a_swap_of_two_rows_is_found(history):
    brand, (account, _) = history

    with superuser() as cursor:
        for old, new in ((2, -2), (4, 2), (-2, 4)):
            cursor.execute("ALTER TABLE ledger_transaction DROP CONSTRAINT IF EXISTS transaction_sequence_positive")
            cursor.execute(
                "UPDATE ledger_transaction SET sequence = %s WHERE account_id = %s AND sequence = %s", [new, account.pk, old]
            )
        cursor.execute(
            "ALTER TABLE ledger_transaction ADD CONSTRAINT transaction_sequence_positive CHECK (sequence >= 1) NOT VALID"
        )

    assert (account.pk, 2) in found(brand)


def test_a_row_moved_to_another_account_is_found(history):
    brand, (giver, taker) = history

    with superuser() as cursor:
        cursor.execute(
            "UPDATE ledger_transaction SET account_id = %s, sequence = 6 WHERE account_id = %s AND sequence = 5",
            [taker.pk, giver.pk],
        )

    assert {(taker.pk, 6), (giver.pk, 5)} <= found(brand)


def test_a_row_of_no_account_or_brand_is_found(history):
    brand, (account, _) = history

    with superuser() as cursor:
        cursor.execute("UPDATE ledger_transaction SET account_id = 9000000000000 WHERE account_id = %s", [account.pk])

    assert (9000000000000, 1) in found(brand)


@pytest.mark.parametrize(
    "change", ["balance = balance + 1", "sequence = sequence + 1", "head = sha256('x')", "previous_head = sha256('x')"]
)
def test_an_account_that_is_not_as_its_rows_say_is_found(history, change):
    brand, (account, _) = history

    with superuser() as cursor:
        cursor.execute(f"UPDATE ledger_account SET {change} WHERE id = %s", [account.pk])

    assert account.pk in {account_id for account_id, _ in found(brand)}


def test_a_rechained_suffix_is_found_by_the_account(history):
    """A row is edited and hashed anew: the next row, or at the end the account, contradicts it."""
    brand, (account, _) = history

    with superuser() as cursor:
        cursor.execute(
            "UPDATE ledger_transaction SET actor = 'staff:1', hash = sha256('anew') WHERE account_id = %s AND sequence = 5",
            [account.pk],
        )

    assert account.pk in {account_id for account_id, _ in found(brand)}


@pytest.fixture
def fading_history(committed):
    brand = make_brand()
    token, member = make_expiring_token(brand), make_member(brand)
    move(member, token, 10)
    debit = move(member, token, -4)
    move(member, token, 10, at=NOON + DAY)
    undo(debit, 2, brand_id=brand.pk, at=NOON + DAY)
    move(member, token, 5, at=NOON + 10 * DAY)
    proof = prove(brand_id=brand.pk)
    assert proof.holds, proof.differences
    assert proof.lots == 3
    return brand, account_of(member, token)


@pytest.mark.parametrize(
    "change", ["remaining = remaining - 1", "amount = amount + 1", "expires_at = expires_at + interval '1 day'"]
)
def test_a_lot_that_is_not_as_its_rows_say_is_found(fading_history, change):
    brand, account = fading_history

    with superuser() as cursor:
        cursor.execute(f"UPDATE ledger_lot SET {change} WHERE account_id = %s AND sequence = 3", [account.pk])

    assert (account.pk, 3) in found(brand)


def test_a_sound_ledger_holds_whatever_the_last_bytes_of_its_lots(committed):
    """A debit of one point ends its lots in eight bytes of ff, as two nulls would."""
    brand = make_brand()
    token, member = make_expiring_token(brand), make_member(brand)
    move(member, token, 10)
    for _ in range(3):
        undo(move(member, token, -1), brand_id=brand.pk)
    half_a_span = NOON.replace(year=2000) + timedelta(microseconds=0xFFFFFFFF)
    move(member, make_token(brand), 5, expires_at=half_a_span + DAY * 20_000)

    proof = prove(brand_id=brand.pk)

    assert proof.holds, proof.differences


@pytest.mark.parametrize(
    "change", ["UPDATE ledger_note SET text = 'fraud'", "UPDATE ledger_note SET salt = sha256('x')", "DELETE FROM ledger_note"]
)
def test_a_note_that_is_not_the_one_posted_is_found(committed, change):
    brand = make_brand()
    token, member = make_token(brand), make_member(brand)
    move(member, token, 10, note="for her birthday")
    assert prove(brand_id=brand.pk).holds

    with superuser() as cursor:
        cursor.execute(f"{change} WHERE brand_id = %s", [brand.pk])

    assert found(brand) == {(account_of(member, token).pk, 1)}


def test_a_lot_that_is_gone_is_found(fading_history):
    brand, account = fading_history

    Lot.objects.filter(account=account, sequence=3).delete()

    assert (account.pk, 3) in found(brand)


@pytest.mark.parametrize("instant", [None, NOON + 400 * DAY])
def test_an_account_that_would_miss_an_expiry_is_found(fading_history, instant):
    brand, account = fading_history

    Account.objects.filter(pk=account.pk).update(next_expiry_at=instant)

    assert account.pk in {account_id for account_id, _ in found(brand)}


def test_another_brands_rows_are_left_alone(history):
    brand, (account, _) = history
    other = make_brand()

    with superuser() as cursor:
        cursor.execute("UPDATE ledger_transaction SET amount = 1 WHERE account_id = %s AND sequence = 1", [account.pk])

    assert prove(brand_id=other.pk).holds
    assert not prove(brand_id=brand.pk).holds


def test_the_command_names_the_place_and_exits_with_1(history, capsys):
    brand, (account, _) = history
    with superuser() as cursor:
        cursor.execute("UPDATE ledger_transaction SET amount = 1 WHERE account_id = %s AND sequence = 2", [account.pk])

    with pytest.raises(SystemExit) as stop:
        call_command("verify_ledger", "--brand", str(brand.pk), "--json")

    told = json.loads(capsys.readouterr().out)
    assert stop.value.code == 1
    assert not told["holds"]
    assert told["differences"][0]["account_id"] == account.pk
    assert told["differences"][0]["sequence"] == 2


def test_the_command_says_that_a_sound_ledger_holds(history, capsys):
    brand, _ = history

    call_command("verify_ledger", "--brand", str(brand.pk))

    assert "the ledger holds: 10 rows, 2 accounts, 0 lots; root " in capsys.readouterr().out


def test_the_root_changes_with_every_row(history):
    brand, _ = history
    before = prove(brand_id=brand.pk).root

    again = prove(brand_id=brand.pk).root
    move(make_member(brand), make_token(brand), 1)

    assert before == again != prove(brand_id=brand.pk).root


def mutate(cursor, account_ids: list[int], chance: random.Random) -> tuple[str, int]:
    """Change one random row; answers which column and whose."""
    account_id, sequence = chance.choice(account_ids), chance.randint(1, 5)
    column = chance.choice([name for name in HASHED_COLUMNS if name != "id"])
    if chance.random() < 0.2:
        cursor.execute("DELETE FROM ledger_transaction WHERE account_id = %s AND sequence = %s", [account_id, sequence])
    else:
        cursor.execute(
            f"UPDATE ledger_transaction SET {column} = {HASHED_COLUMNS[column]} WHERE account_id = %s AND sequence = %s",
            [account_id, sequence],
        )
    return column, account_id


@pytest.mark.parametrize("count", [25, pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(3_600)])])
def test_random_tampering_is_always_found(history, count):
    brand, accounts = history
    chance = random.Random(count)

    missed = []
    for _ in range(count):
        before = list(Transaction.objects.filter(brand=brand).order_by("pk").values())
        with superuser() as cursor:
            column, account_id = mutate(cursor, [account.pk for account in accounts], chance)
        if account_id not in {place for place, _ in found(brand)}:
            missed.append((column, account_id))
        restore(brand, before)

    assert missed == []


def restore(brand, rows: list[dict]) -> None:
    with superuser() as cursor:
        cursor.execute("DELETE FROM ledger_transaction WHERE brand_id = %s", [brand.pk])
        for row in rows:
            columns = [Transaction._meta.get_field(name).column for name in row]
            values = [json.dumps(value) if isinstance(value, dict) else value for value in row.values()]
            marks = ", ".join(["%s"] * len(columns))
            cursor.execute(f"INSERT INTO ledger_transaction ({', '.join(columns)}) VALUES ({marks})", values)

"""The database itself refuses what must never happen, whoever asks."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from ledger.models import Account, Lot, Note, Transaction
from tests.conftest import make_brand, make_expiring_token, make_member, make_token
from tests.ledger.orders import account_of, move, undo
from users.models.guards import AppendOnlyError

EVERY_COLUMN = [field.column for field in Transaction._meta.concrete_fields]


@pytest.fixture
def posted(member, token):
    return move(member, token, 100)


def refused(statement: str, parameters=()) -> str:
    with pytest.raises(DatabaseError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
    return str(error.value)


@pytest.mark.parametrize("column", EVERY_COLUMN)
def test_no_column_of_a_row_can_be_changed(posted, column):
    message = refused(f"UPDATE ledger_transaction SET {column} = {column} WHERE id = %s", [posted.id])

    assert "Cannot update" in message


def test_no_row_can_be_deleted(posted):
    assert "Cannot delete" in refused("DELETE FROM ledger_transaction WHERE id = %s", [posted.id])


def test_the_rows_cannot_be_truncated(posted):
    assert "Cannot truncate" in refused("TRUNCATE ledger_transaction CASCADE")


def test_a_note_can_be_erased_but_not_changed(member, token):
    move(member, token, 1, note="for her birthday")

    message = refused("UPDATE ledger_note SET text = 'else'")

    assert "Cannot update" in message
    assert Note.objects.filter(text="for her birthday").delete()[0] == 1


def test_the_orm_refuses_to_save_and_to_delete(posted):
    row = Transaction.objects.get(pk=posted.id)

    with pytest.raises(AppendOnlyError):
        row.save()
    with pytest.raises(AppendOnlyError):
        row.delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        Transaction.objects.filter(pk=posted.id).update(amount=1)


COPY_WITH = """
INSERT INTO ledger_transaction ({columns})
SELECT {values} FROM ledger_transaction WHERE id = %s
"""


def insert_like(posted, **changes) -> str:
    """Try to insert a copy of a row with changes, and say which constraint refuses it."""
    changes = {"id": "nextval('ledger_transaction_id_seq')", "sequence": "sequence + 1", "reference_id": "NULL"} | changes
    statement = COPY_WITH.format(
        columns=", ".join(EVERY_COLUMN), values=", ".join(changes.get(column, column) for column in EVERY_COLUMN)
    )
    with pytest.raises(IntegrityError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; {statement}", [posted.id])
    return error.value.__cause__.diag.constraint_name


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"amount": "0"}, "transaction_amount_nonzero"),
        ({"sequence": "0"}, "transaction_sequence_positive"),
        ({"sequence": "sequence"}, "transaction_sequence_once"),
        ({"hash": "'\\x00'::bytea"}, "transaction_hash_length"),
        ({"previous_hash": "'\\x00'::bytea"}, "transaction_hash_length"),
        ({"type": "'reversal'"}, "transaction_reversal_linked"),
        ({"account_id": "-1"}, "transaction_account_of_brand"),
        ({"reverses_id": "id"}, "transaction_reversal_bound"),
        ({"reverses_id": "id", "amount": "-101"}, "transaction_reversal_bound"),
        ({"reverses_id": "-5"}, "transaction_reversal_bound"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused(posted, changes, constraint):
    assert insert_like(posted, **changes) == constraint


def test_a_row_cannot_point_at_an_account_of_another_brand(posted):
    assert insert_like(posted, brand_id=str(make_brand().pk)) == "transaction_account_of_brand"


def test_a_reference_cannot_stand_twice(member, token):
    posted = move(member, token, 1, reference_id="once")

    assert insert_like(posted, reference_id="reference_id") == "transaction_reference_once"


def test_reversals_cannot_exceed_their_original_in_sum(posted, member):
    undo(posted, 60, brand_id=member.brand_id)

    assert insert_like(posted, reverses_id="id", amount="-41", sequence="99") == "transaction_reversal_bound"


def account_refuses(account: Account, **changes) -> str:
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        Account.objects.filter(pk=account.pk).update(**changes)
    return error.value.__cause__.diag.constraint_name


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"balance": -1}, "account_balance_above_floor"),
        ({"floor": 1}, "account_floor_not_positive"),
        ({"balance": 2**53}, "account_balance_limit"),
        ({"sequence": -1}, "account_sequence_not_negative"),
        ({"closed_at": "2026-01-01T00:00Z"}, "account_closed_is_empty"),
    ],
)
def test_an_account_that_breaks_a_rule_is_refused(posted, member, token, changes, constraint):
    assert account_refuses(account_of(member, token), **changes) == constraint


@pytest.mark.parametrize("owner", ["member", "token"])
def test_an_account_stands_within_one_brand(member, token, owner):
    other = make_brand()
    terms = {"brand": member.brand, "member": member, "token": token}
    terms |= {"member": make_member(other)} if owner == "member" else {"token": make_token(other)}

    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.create(**terms)


def test_a_lot_holds_between_nothing_and_what_it_opened_with(member):
    token = make_expiring_token(member.brand)
    move(member, token, 10)

    for remaining in (-1, 11):
        with pytest.raises(IntegrityError), transaction.atomic():
            Lot.objects.filter(account=account_of(member, token)).update(remaining=remaining)

"""Reversal: whole or in parts, at any time, never more than the original in sum."""

import pytest

from ledger.errors import InsufficientBalance, NotReversible, ReferenceAlreadyUsed, ReversalExceedsOriginal, TransactionNotFound
from ledger.models import Note, Transaction
from ledger.selectors import reversed_among
from tests.conftest import NOON, make_brand
from tests.ledger.orders import DAY, account_of, move, undo


def test_a_reversal_is_linked_and_undoes_the_whole(member, token, brand):
    credit = move(member, token, 100)

    reversal = undo(credit, brand_id=brand.pk)

    row = Transaction.objects.get(pk=reversal.id)
    assert (row.type, row.amount, row.reverses_id, row.counterpart) == ("reversal", -100, credit.id, "issuance")
    assert reversed_among(Transaction.objects.filter(pk=credit.id)) == {credit.id}


def test_parts_follow_parts_until_nothing_is_left(member, token, brand):
    move(member, token, 100)
    debit = move(member, token, -90)

    undo(debit, 30, brand_id=brand.pk)
    undo(debit, 20, brand_id=brand.pk, at=NOON + 4000 * DAY)
    undo(debit, brand_id=brand.pk)

    assert account_of(member, token).balance == 100
    with pytest.raises(ReversalExceedsOriginal):
        undo(debit, 1, brand_id=brand.pk)
    with pytest.raises(ReversalExceedsOriginal):
        undo(debit, brand_id=brand.pk)


def test_more_than_is_left_is_refused_whole(member, token, brand):
    credit = move(member, token, 100)

    with pytest.raises(ReversalExceedsOriginal):
        undo(credit, 101, brand_id=brand.pk)

    assert account_of(member, token).balance == 100


def test_a_credit_that_is_spent_cannot_be_taken_back(member, token, brand):
    credit = move(member, token, 100)
    move(member, token, -1)

    with pytest.raises(InsufficientBalance):
        undo(credit, brand_id=brand.pk)


def test_a_reversal_is_not_reversed(member, token, brand):
    reversal = undo(move(member, token, 100), 10, brand_id=brand.pk)

    with pytest.raises(NotReversible):
        undo(reversal, brand_id=brand.pk)


def test_another_brands_transaction_does_not_exist(member, token):
    credit = move(member, token, 100)

    with pytest.raises(TransactionNotFound):
        undo(credit, brand_id=make_brand().pk)


def test_the_reference_space_is_shared_with_transactions(member, token, brand):
    credit = move(member, token, 100, reference_id="order 1")

    with pytest.raises(ReferenceAlreadyUsed):
        undo(credit, 1, brand_id=brand.pk, reference_id="order 1")


def test_the_reason_is_kept_beside_the_chain(member, token, brand):
    reversal = undo(move(member, token, 100), brand_id=brand.pk, reason="Ann returned it")

    assert Note.objects.get(transaction_id=reversal.id).text == "Ann returned it"
    assert bytes(Transaction.objects.get(pk=reversal.id).note_digest) != b""

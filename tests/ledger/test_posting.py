"""Posting: points move whole, numbered, chained, and never below the floor."""

import pytest

from ledger.errors import InsufficientBalance, ReferenceAlreadyUsed
from ledger.models import Account, Counterpart, Transaction, TransactionType
from ledger.services import Holder, Posting, post
from ledger.services.proof import prove
from tests.conftest import NOON, make_member, make_token
from users.errors import UserNotFound


def order(member, token, amount, **terms):
    terms = {"type": TransactionType.CREDIT_POINTS, "counterpart": Counterpart.ISSUANCE, "at": NOON} | terms
    return Posting(account=Holder(member.brand_id, member.auth_id, token.pk), amount=amount, **terms)


def test_a_credit_makes_the_account_and_the_first_row(member, token):
    posted = post(order(member, token, 100))

    account = Account.objects.get(member=member, token=token)
    assert (account.balance, account.sequence, bytes(account.head)) == (100, 1, posted.hash)
    row = Transaction.objects.get(pk=posted.id)
    assert (row.sequence, row.amount, row.balance_after) == (1, 100, 100)


def test_a_debit_beyond_the_balance_is_refused_and_leaves_nothing(member, token):
    post(order(member, token, 100))

    with pytest.raises(InsufficientBalance):
        post(order(member, token, -101))

    assert Account.objects.get(member=member).balance == 100
    assert Transaction.objects.filter(brand=member.brand).count() == 1


def test_a_reference_is_used_once_in_a_brand(member, token):
    first = post(order(member, token, 100, reference_id="order 1"))

    with pytest.raises(ReferenceAlreadyUsed) as refusal:
        post(order(member, token, 5, reference_id="order 1"))

    assert refusal.value.transaction_id == first.id


def test_an_unknown_member_is_refused(member, token):
    member.auth_id = "nobody"

    with pytest.raises(UserNotFound):
        post(order(member, token, 1))


def test_what_was_posted_can_be_proved(own_brand):
    member, token = make_member(own_brand), make_token(own_brand)
    for amount in (100, -30, 7):
        post(order(member, token, amount))

    proof = prove(brand_id=member.brand_id)

    assert proof.holds, proof.differences
    assert proof.rows == 3

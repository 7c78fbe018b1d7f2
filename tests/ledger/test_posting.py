"""Posting: points move whole, numbered, chained, and never below the floor."""

import hashlib
import struct
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ledger.errors import AccountClosed, BalanceLimit, InsufficientBalance, ReferenceAlreadyUsed
from ledger.models import Account, Note, Transaction
from ledger.models.accounts import BALANCE_LIMIT
from ledger.services import Posted, post, post_many
from ledger.services.posting import open_account
from loyalty.errors import LoyaltyError
from tests.conftest import NOON, make_brand, make_member, make_token
from tests.ledger.orders import account_of, lots_of, move, order
from users.errors import UserNotFound


def test_a_credit_makes_the_account_and_the_first_row(member, token):
    posted = move(member, token, 100)

    account = account_of(member, token)
    assert (account.balance, account.sequence, bytes(account.head)) == (100, 1, posted.hash)
    row = Transaction.objects.get(pk=posted.id)
    assert (row.sequence, row.amount, row.balance_after) == (1, 100, 100)


def test_a_debit_beyond_the_balance_is_refused_and_leaves_nothing(member, token):
    move(member, token, 100)

    with pytest.raises(InsufficientBalance):
        move(member, token, -101)

    assert account_of(member, token).balance == 100
    assert Transaction.objects.filter(brand=member.brand).count() == 1


def test_a_floor_that_staff_set_lets_the_balance_fall_to_it(member, token):
    move(member, token, 10)
    Account.objects.filter(member=member).update(floor=-50)

    move(member, token, -60)

    with pytest.raises(InsufficientBalance):
        move(member, token, -1)
    assert account_of(member, token).balance == -50


def test_a_balance_stays_below_the_limit(member, token):
    move(member, token, BALANCE_LIMIT - 1)

    with pytest.raises(BalanceLimit):
        move(member, token, 1)


def test_a_reference_is_used_once_in_a_brand(member, token):
    first = move(member, token, 100, reference_id="order 1")

    with pytest.raises(ReferenceAlreadyUsed) as refusal:
        move(member, token, 5, reference_id="order 1")

    assert refusal.value.transaction_id == first.id


def test_another_brand_may_use_the_same_reference(member, token):
    move(member, token, 100, reference_id="order 1")
    other = make_brand()

    move(make_member(other), make_token(other), 100, reference_id="order 1")

    assert Transaction.objects.filter(reference_id="order 1").count() == 2


def test_an_unknown_member_is_refused(member, token):
    member.auth_id = "nobody"

    with pytest.raises(UserNotFound):
        move(member, token, 1)


def test_nothing_moves_on_a_closed_account(member, token):
    move(member, token, 1)
    Account.objects.filter(member=member).update(balance=0, closed_at=NOON)

    for closed in (order(member, token, 1), by_id(member, token, 1)):
        with pytest.raises(AccountClosed):
            post(closed)


def field(oid: int, value: bytes | None) -> bytes:
    return struct.pack("!I", oid) + (struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value)


def number(value: int | None) -> bytes:
    return field(20, None if value is None else struct.pack("!q", value))


def instant(value: datetime | None) -> bytes:
    epoch = datetime(2000, 1, 1, tzinfo=UTC)
    return field(1184, None if value is None else struct.pack("!q", (value - epoch) // timedelta(microseconds=1)))


def text(value: str | None) -> bytes:
    return field(25, None if value is None else value.encode())


def array(value: list[int] | None) -> bytes:
    if value is None:
        return field(1016, None)
    header = struct.pack("!iiIii", 1, 0, 20, len(value), 1)
    return field(1016, header + b"".join(struct.pack("!iq", 8, item) for item in value))


def test_the_hash_can_be_recomputed_from_the_fields_alone(member):
    token = make_token(member.brand, expiry_unit="days", expiry_count=3)
    explanation = {"rule": "welcome", "points": 5}
    move(member, token, 7)

    posted = move(member, token, 5, reference_id="Bestellung ü", explanation=explanation, note="thank you", actor="staff:9")

    row = Transaction.objects.get(pk=posted.id)
    fields = [number(value) for value in (row.brand_id, row.account_id, row.sequence, row.amount, row.balance_after, row.pk)]
    fields += [instant(row.effective_at), instant(row.recorded_at), number(None), instant(row.expires_at)]
    fields += [text("credit_points"), text("issuance"), text("Bestellung ü"), text("staff:9")]
    note = Note.objects.get(transaction=row)
    fields += [field(17, hashlib.sha256(bytes(note.salt) + note.text.encode()).digest()), array(row.lots)]
    fields += [field(3802, b"\x01" + b'{"rule": "welcome", "points": 5}')]
    first = Transaction.objects.get(account_id=row.account_id, sequence=1)
    record = struct.pack("!i", len(fields)) + b"".join(fields)
    assert bytes(row.hash) == hashlib.sha256(bytes(first.hash) + record).digest()
    assert bytes(row.previous_hash) == bytes(first.hash)


def by_id(member, token, amount, **terms):
    account = open_account(brand_id=member.brand_id, member_id=member.pk, token_id=token.pk)
    return replace(order(member, token, amount, **terms), account=account)


def test_a_batch_posts_what_it_can_and_says_why_not(brand, token):
    rich, poor = make_member(brand), make_member(brand)
    batch = [by_id(rich, token, 100, reference_id="a"), by_id(poor, token, -1), by_id(rich, token, -30)]
    batch += [by_id(rich, token, 1, reference_id="a"), by_id(poor, token, 5)]

    outcomes = post_many(batch)

    assert [isinstance(outcome, Posted) for outcome in outcomes] == [True, False, True, False, True]
    codes = [outcome.code for outcome in outcomes if isinstance(outcome, LoyaltyError)]
    assert codes == ["insufficient_balance", "reference_already_used"]
    assert (account_of(rich, token).balance, account_of(poor, token).balance) == (70, 5)


def test_a_batch_keeps_the_order_on_each_account(brand, token, member):
    batch = [by_id(member, token, amount) for amount in (5, -5, 3, -2, 4)]

    outcomes = post_many(batch)

    assert [outcome.balance_after for outcome in outcomes] == [5, 0, 3, 1, 5]
    assert [outcome.sequence for outcome in outcomes] == [1, 2, 3, 4, 5]


def test_a_batch_opens_lots_and_draws_on_them(brand, member):
    token = make_token(brand, expiry_unit="days", expiry_count=10)
    batch = [by_id(member, token, 100), by_id(member, token, 50), by_id(member, token, -120)]

    post_many(batch)

    assert lots_of(member, token) == {1: 0, 2: 30}


def test_one_posting_and_a_batch_write_the_same_row(brand, token):
    alone, batched = make_member(brand), make_member(brand)

    one = post(by_id(alone, token, 5, explanation={"rule": 1}))
    (many,) = post_many([by_id(batched, token, 5, explanation={"rule": 1})])

    names = ("amount", "type", "counterpart", "sequence", "balance_after", "explanation", "lots", "recorded_at")
    rows = [Transaction.objects.filter(pk=posted.id).values(*names).get() for posted in (one, many)]
    assert rows[0] == rows[1]

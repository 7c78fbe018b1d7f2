"""Reversals over HTTP: whole, in parts, never beyond the original."""

import pytest

from tests.api.conftest import anonymous, assert_refused
from tests.api.test_transactions import BAD_AMOUNTS, FIELDS, balance
from tests.clients import Partner
from tests.conftest import make_token


@pytest.fixture
def credit(partner, member, token) -> dict:
    return partner.credit(member.auth_id, 100, token.pk).json()["data"]


def reverse(partner, transaction, **fields):
    return partner.post(f"/transactions/{transaction['id']}/reversal", {"reversal": fields})


def status_of(partner, transaction) -> str:
    return partner.get(f"/transactions/{transaction['id']}").json()["data"]["status"]


def test_without_an_amount_all_of_a_credit_is_reversed(partner, member, token, credit):
    response = reverse(partner, credit)

    assert response.status_code == 202
    transaction = response.json()["data"]
    assert set(transaction) == FIELDS
    expected = {
        "loyalty_event_type": "reversal",
        "status": "success",
        "points_burned": "100",
        "points_credited": None,
        "reverses": credit["id"],
        "reference_id": None,
        "user": {"auth_id": member.auth_id, "email": member.email},
    }
    assert {name: transaction[name] for name in expected} == expected
    assert partner.get(f"/transactions/{transaction['id']}").json()["data"] == transaction
    assert status_of(partner, credit) == "reversed"
    assert balance(member, token) == 0


def test_a_reversed_debit_gives_the_points_back(partner, member, token, credit):
    debit = partner.debit(member.auth_id, 40, token.pk).json()["data"]

    transaction = reverse(partner, debit, reason="returned").json()["data"]

    assert (transaction["points_credited"], transaction["points_burned"]) == ("40", None)
    assert balance(member, token) == 100
    assert status_of(partner, debit) == "reversed"


def test_parts_follow_parts_until_nothing_is_left(partner, member, token, credit):
    assert reverse(partner, credit, amount=30).json()["data"]["points_burned"] == "30"
    assert reverse(partner, credit, amount="30").json()["data"]["points_burned"] == "30"
    assert status_of(partner, credit) == "success"
    assert_refused(reverse(partner, credit, amount=41), 400, "reversal_exceeds_original")

    rest = reverse(partner, credit, amount=None)

    assert rest.json()["data"]["points_burned"] == "40"
    assert status_of(partner, credit) == "reversed"
    assert_refused(reverse(partner, credit), 400, "reversal_exceeds_original")
    assert_refused(reverse(partner, credit, amount=1), 400, "reversal_exceeds_original")
    assert balance(member, token) == 0


def test_the_balance_after_a_debit_is_reversed_in_parts_is_whole_again(partner, member, token, credit):
    debit = partner.debit(member.auth_id, 100, token.pk).json()["data"]

    for amount in (1, 98, 1):
        reverse(partner, debit, amount=amount)

    assert balance(member, token) == 100
    assert status_of(partner, debit) == "reversed"


def test_more_than_the_original_is_refused(partner, credit):
    assert_refused(reverse(partner, credit, amount=101), 400, "reversal_exceeds_original")


def test_a_credit_that_is_spent_cannot_be_reversed(partner, member, token, credit):
    partner.debit(member.auth_id, 60, token.pk)

    assert_refused(reverse(partner, credit), 400, "insufficient_balance")
    assert reverse(partner, credit, amount=40).status_code == 202
    assert balance(member, token) == 0


def test_a_reversal_cannot_be_reversed(partner, credit):
    reversal = reverse(partner, credit).json()["data"]

    assert_refused(reverse(partner, reversal), 400, "not_reversible")


@pytest.mark.parametrize("amount", [value for value in BAD_AMOUNTS if value is not None], ids=lambda value: repr(value)[:20])
def test_an_amount_that_is_no_whole_number_in_range_is_refused(partner, credit, amount):
    assert_refused(reverse(partner, credit, amount=amount), 400, "invalid_amount", "reversal.amount")


def test_a_reference_is_kept_and_shared_with_transactions(partner, member, token, credit):
    partner.credit(member.auth_id, 1, token.pk, reference_id="order")

    refused = reverse(partner, credit, amount=1, reference_id="order")
    kept = reverse(partner, credit, amount=1, reference_id="refund").json()["data"]
    again = reverse(partner, credit, amount=1, reference_id="refund")
    as_credit = partner.credit(member.auth_id, 1, token.pk, reference_id="refund")

    assert kept["reference_id"] == "refund"
    for response in (refused, again, as_credit):
        assert_refused(response, 409, "reference_already_used")
    assert kept["id"] in again.json()["detail"]
    assert balance(member, token) == 100


def test_a_used_reference_is_told_even_when_nothing_is_left(partner, credit):
    reverse(partner, credit, reference_id="refund")

    assert_refused(reverse(partner, credit, reference_id="refund"), 409, "reference_already_used")


@pytest.mark.parametrize("reference", ["", "x" * 256, 5, "a\x00b"])
def test_a_malformed_reference_is_refused(partner, credit, reference):
    assert_refused(reverse(partner, credit, reference_id=reference), 400, "invalid_reference", "reversal.reference_id")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"colour": "red"}, "reversal.colour"),
        ({"reason": 5}, "reversal.reason"),
        ({"reason": "x" * 1_001}, "reversal.reason"),
        ({"reason": "\x00"}, "reversal.reason"),
        ({"token_id": 1}, "reversal.token_id"),
    ],
)
def test_a_reversal_of_another_shape_is_refused_naming_the_field(partner, credit, fields, field):
    assert_refused(reverse(partner, credit, **fields), 400, "invalid_request", field)


@pytest.mark.parametrize(("sent", "field"), [({}, "reversal"), ({"reversal": []}, "reversal"), ({"reversal": {}, "x": 1}, "x")])
def test_a_body_without_a_reversal_is_refused(partner, credit, sent, field):
    assert_refused(partner.post(f"/transactions/{credit['id']}/reversal", sent), 400, "invalid_request", field)


@pytest.mark.parametrize("reason", [None, "", "x" * 1_000, "ä\n"])
def test_a_reason_is_optional_free_text(partner, credit, reason):
    assert reverse(partner, credit, reason=reason).status_code == 202


@pytest.mark.parametrize("transaction_id", ["0", "999999999", "9" * 18])
def test_an_unknown_transaction_is_not_found(partner, transaction_id):
    assert_refused(reverse(partner, {"id": transaction_id}), 404, "transaction_not_found")


def test_a_transaction_of_another_brand_is_one_that_does_not_exist(partner, other_member):
    theirs = make_token(other_member.brand)
    other = Partner.of(other_member.brand).credit(other_member.auth_id, 1, theirs.pk).json()["data"]

    for fields in ({}, {"amount": 1}, {"amount": 5, "reference_id": "x"}):
        refused = reverse(partner, other, **fields)
        assert anonymous(refused) == anonymous(reverse(partner, {"id": "999999999"}, **fields))
    assert balance(other_member, theirs) == 1


def test_a_trailing_slash_is_optional(partner, credit):
    assert partner.post(f"/transactions/{credit['id']}/reversal/", {"reversal": {}}).status_code == 202


def test_a_reversal_is_replayed_by_its_idempotency_key(partner, member, token, credit):
    path = f"/transactions/{credit['id']}/reversal"

    first = partner.post(path, {"reversal": {"amount": 30}}, **{"Idempotency-Key": "undo"})
    again = partner.post(path, {"reversal": {"amount": 30}}, **{"Idempotency-Key": "undo"})

    assert again.content == first.content
    assert again["Idempotent-Replayed"] == "true"
    assert balance(member, token) == 70

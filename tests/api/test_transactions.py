"""Credits and debits over HTTP: amounts, ids, references, and what a transaction looks like."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from ledger.models import Account, Counterpart, Transaction, TransactionType
from ledger.models.tokens import TokenStatus, TokenType
from ledger.services import Holder, Posting, post
from tests.api.conftest import anonymous, assert_refused
from tests.conftest import make_expiring_token, make_member, make_token
from users.models import Email

HIGHEST = 9_999_999_999_999
FIELDS = {
    *("id", "loyalty_event_type", "status", "points_burned", "points_credited", "amount_received", "token", "reward_id"),
    *("code", "user", "reference_id", "tx_hash", "reverses", "inserted_at"),
}
BAD_AMOUNTS = [
    *(0, -1, 1.0, 1.5, True, False, None, [], {}, HIGHEST + 1, 2**63, 10**40),
    *(
        "",
        "0",
        "000",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1\n",
        "1.0",
        "1e2",
        "0x10",
        "1_000",
        "1,000",
        "١٢",
        "\uff11",
        "²",
        "\x00",
        "1\x00",
    ),
    *("abc", str(HIGHEST + 1), "9" * 5_000, "NaN", "Infinity", "true"),
]


def balance(member, token) -> int:
    return Account.objects.filter(member=member, token=token).values_list("balance", flat=True).first() or 0


def test_a_credit_is_answered_202_with_the_whole_transaction(partner, member, token):
    response = partner.credit(member.auth_id, 100, token.pk, reference_id="order 1")

    assert response.status_code == 202
    transaction = response.json()["data"]
    assert set(transaction) == FIELDS
    assert re.fullmatch("[0-9]+", transaction["id"])
    assert re.fullmatch("0x[0-9a-f]{64}", transaction["tx_hash"])
    assert abs(datetime.fromisoformat(transaction["inserted_at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert transaction["token"]["id"] == token.pk
    expected = {
        "loyalty_event_type": "credit_points",
        "status": "success",
        "points_credited": "100",
        "points_burned": None,
        "user": {"auth_id": member.auth_id, "email": member.email},
        "reference_id": "order 1",
    } | dict.fromkeys(["amount_received", "reward_id", "code", "reverses"])
    assert {name: transaction[name] for name in expected} == expected
    assert balance(member, token) == 100


def test_a_debit_takes_points_and_says_so(partner, member, token):
    partner.credit(member.auth_id, 100, token.pk)

    response = partner.debit(member.auth_id, 40, token.pk)

    assert response.status_code == 202
    transaction = response.json()["data"]
    assert (transaction["points_burned"], transaction["points_credited"]) == ("40", None)
    assert (transaction["loyalty_event_type"], transaction["reference_id"]) == ("debit_points", None)
    assert balance(member, token) == 60


def test_a_transaction_is_read_as_it_was_answered(partner, member, token):
    credited = partner.credit(member.auth_id, 100, token.pk, reference_id="x").json()
    debited = partner.debit(member.auth_id, 1, token.pk).json()

    for answer in (credited, debited):
        assert partner.get(f"/transactions/{answer['data']['id']}").json() == answer
        assert partner.get(f"/transactions/{answer['data']['id']}/").json() == answer


@pytest.mark.parametrize("amount", [1, "1", "007", 100, "100", HIGHEST, str(HIGHEST), "0" * 50 + "5"])
@pytest.mark.parametrize("as_text", [False, True])
def test_a_whole_amount_and_an_id_may_be_numbers_or_digits(partner, member, token, amount, as_text):
    response = partner.credit(member.auth_id, amount, str(token.pk) if as_text else token.pk)

    assert response.status_code == 202
    assert response.json()["data"]["points_credited"] == str(int(amount))
    assert balance(member, token) == int(amount)


@pytest.mark.parametrize("amount", BAD_AMOUNTS, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("type_", ["credit_points", "debit_points"])
def test_an_amount_that_is_no_whole_number_in_range_is_refused(partner, member, token, type_, amount):
    response = partner.move(type_, member.auth_id, amount, token.pk, key=None)

    assert_refused(response, 400, "invalid_amount", "transaction.amount")
    assert not Transaction.objects.filter(brand=member.brand).exists()


@pytest.mark.parametrize("number", ["1e2", "1E2", "1.0", "100e-2", "-0", "9" * 5_000, "1e400"])
def test_a_number_with_a_fraction_or_an_exponent_is_no_amount(partner, member, token, number):
    sent = f'"user_auth_id": "{member.auth_id}", "token_id": {token.pk}, "amount": {number}'

    response = partner.call("POST", "/transactions", raw=f'{{"transaction": {{"type": "credit_points", {sent}}}}}'.encode())

    assert_refused(response, 400, "invalid_amount")


def test_a_missing_amount_is_an_invalid_amount(partner, member, token):
    order = {"type": "credit_points", "user_auth_id": member.auth_id, "token_id": token.pk}

    assert_refused(partner.post("/transactions", {"transaction": order}), 400, "invalid_amount", "transaction.amount")


def test_a_debit_beyond_the_balance_is_refused(partner, member, token):
    partner.credit(member.auth_id, 100, token.pk)

    response = partner.debit(member.auth_id, 101, token.pk)

    assert_refused(response, 400, "insufficient_balance")
    assert response.json()["detail"] == "Insufficient balance"
    assert balance(member, token) == 100


def test_a_debit_where_nothing_was_ever_credited_is_refused(partner, member, token):
    assert_refused(partner.debit(member.auth_id, 1, token.pk), 400, "insufficient_balance")


def test_a_balance_stays_below_two_to_the_53(partner, member, token):
    holder = Holder(member.brand_id, member.auth_id, token.pk)
    fill = {"type": TransactionType.CREDIT_POINTS, "counterpart": Counterpart.ISSUANCE, "at": datetime.now(UTC)}
    post(Posting(account=holder, amount=2**53 - 11, **fill))

    last = partner.credit(member.auth_id, 10, token.pk)
    beyond = partner.credit(member.auth_id, 1, token.pk)

    assert last.status_code == 202
    assert_refused(beyond, 400, "balance_limit")
    assert partner.get(f"/users/{member.auth_id}/balances").json()["data"][0]["balance"] == 2**53 - 1


@pytest.mark.parametrize("auth_id", ["nobody", "", "x" * 5_000])
@pytest.mark.parametrize("type_", ["credit_points", "debit_points"])
def test_an_unknown_user_in_the_body_is_a_400(partner, token, type_, auth_id):
    assert_refused(partner.move(type_, auth_id, 1, token.pk, key=None), 400, "user_not_found")


@pytest.mark.parametrize("token_id", [0, 999_999_999, "999999999", 2**63, 10**30, "9" * 30, "9" * 5_000, 2**31])
@pytest.mark.parametrize("type_", ["credit_points", "debit_points"])
def test_an_unknown_token_in_the_body_is_a_400(partner, member, type_, token_id):
    assert_refused(partner.move(type_, member.auth_id, 1, token_id, key=None), 400, "token_not_found")


def test_a_token_id_of_thousands_of_digits_is_a_400(partner, member):
    sent = f'"user_auth_id": "{member.auth_id}", "amount": 1, "token_id": {"9" * 5_000}'

    response = partner.call("POST", "/transactions", raw=f'{{"transaction": {{"type": "credit_points", {sent}}}}}'.encode())

    assert response.status_code == 400


@pytest.mark.parametrize("token_id", [-1, 1.0, True, None, "", " 1", "-1", "1.0", "abc", "\u0661", "\x00", []])
def test_a_token_id_that_is_no_id_is_refused_naming_it(partner, member, token_id):
    assert_refused(partner.credit(member.auth_id, 1, token_id), 400, "invalid_request", "transaction.token_id")


def test_a_token_id_with_a_line_break_is_refused(partner, member, token):
    assert partner.credit(member.auth_id, 1, f"{token.pk}\n").status_code == 400


@pytest.mark.parametrize("terms", [{"status": TokenStatus.INACTIVE}, {"type": TokenType.MILES}, {"type": TokenType.ERC721}])
def test_a_token_that_is_not_active_points_is_not_found(partner, member, terms):
    token = make_token(member.brand, **terms)

    assert_refused(partner.credit(member.auth_id, 1, token.pk), 400, "token_not_found")


def test_users_and_tokens_of_another_brand_are_ones_that_do_not_exist(partner, member, token, other_member):
    theirs = make_token(other_member.brand)

    for mine, others in (
        ((other_member.auth_id, 1, token.pk), ("nobody", 1, token.pk)),
        ((member.auth_id, 1, theirs.pk), (member.auth_id, 1, 999_999_999)),
        ((other_member.auth_id, 1, theirs.pk), ("nobody", 1, 999_999_999)),
    ):
        assert anonymous(partner.credit(*mine)) == anonymous(partner.credit(*others))
    assert not Transaction.objects.filter(brand=other_member.brand).exists()


@pytest.mark.parametrize(
    "type_", ["nft_personalisation", "reversal", "expiry", "closure", "", "CREDIT_POINTS", "credit", "\x00"]
)
def test_an_unknown_type_is_refused(partner, member, token, type_):
    response = partner.move(type_, member.auth_id, 1, token.pk, key=None)

    assert_refused(response, 400, "unknown_type")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"type": None}, "transaction.type"),
        ({"type": 5}, "transaction.type"),
        ({"user_auth_id": None}, "transaction.user_auth_id"),
        ({"user_auth_id": 5}, "transaction.user_auth_id"),
        ({"user_auth_id": "\x00"}, "transaction.user_auth_id"),
        ({"colour": "red"}, "transaction.colour"),
        ({"id": 1}, "transaction.id"),
        ({"code": "123"}, "transaction.code"),
        ({"send_email": "true"}, "transaction.send_email"),
        ({"send_email": 1}, "transaction.send_email"),
        ({"send_email": None}, "transaction.send_email"),
    ],
)
@pytest.mark.parametrize("type_", ["credit_points", "debit_points"])
def test_a_transaction_of_another_shape_is_refused_naming_the_field(partner, member, token, type_, *, fields, field):
    order = {"type": type_, "user_auth_id": member.auth_id, "amount": 1, "token_id": token.pk} | fields

    assert_refused(partner.post("/transactions", {"transaction": order}), 400, "invalid_request", field)


@pytest.mark.parametrize("missing", ["type", "user_auth_id", "token_id"])
def test_a_missing_field_is_named(partner, member, token, missing):
    order = {"type": "credit_points", "user_auth_id": member.auth_id, "amount": 1, "token_id": token.pk}
    del order[missing]

    assert_refused(partner.post("/transactions", {"transaction": order}), 400, "invalid_request", f"transaction.{missing}")


@pytest.mark.parametrize(
    ("sent", "field"), [({}, "transaction"), ({"transaction": None}, "transaction"), ({"more": 1}, "more")]
)
def test_a_body_without_a_transaction_is_refused(partner, sent, field):
    assert_refused(partner.post("/transactions", sent), 400, "invalid_request", field)


@pytest.mark.parametrize("reference", ["", "x" * 256, 5, True, [], "a\x00b"])
@pytest.mark.parametrize("type_", ["credit_points", "debit_points"])
def test_a_malformed_reference_is_refused(partner, member, token, type_, reference):
    response = partner.move(type_, member.auth_id, 1, token.pk, key=None, reference_id=reference)

    assert_refused(response, 400, "invalid_reference", "transaction.reference_id")


@pytest.mark.parametrize("reference", ["x", "x" * 255, "ä" * 255, " ", "a/b?c", "名前", "0", "line\nbreak"])
def test_a_reference_of_1_to_255_characters_is_kept_as_sent(partner, member, token, reference):
    response = partner.credit(member.auth_id, 1, token.pk, reference_id=reference)

    assert response.json()["data"]["reference_id"] == reference


def test_a_reference_is_used_once_whatever_the_body_and_names_the_earlier_transaction(partner, member, token):
    other = make_member(member.brand)
    first = partner.credit(member.auth_id, 100, token.pk, reference_id="once").json()["data"]

    for response in (
        partner.credit(member.auth_id, 100, token.pk, reference_id="once"),
        partner.debit(member.auth_id, 1, token.pk, reference_id="once"),
        partner.credit(other.auth_id, 7, token.pk, reference_id="once"),
    ):
        assert_refused(response, 409, "reference_already_used")
        assert first["id"] in response.json()["detail"]
    assert balance(member, token) == 100
    assert balance(other, token) == 0


def test_a_used_reference_tells_the_earlier_transaction_id_to_programs(partner, member, token):
    first = partner.credit(member.auth_id, 100, token.pk, reference_id="once").json()["data"]

    problem = partner.credit(member.auth_id, 100, token.pk, reference_id="once").json()

    assert problem["transaction_id"] == first["id"]


def test_references_of_two_brands_do_not_meet(partner, member, token, other_member):
    from tests.clients import Partner

    theirs = make_token(other_member.brand)

    mine = partner.credit(member.auth_id, 1, token.pk, reference_id="same")
    others = Partner.of(other_member.brand).credit(other_member.auth_id, 1, theirs.pk, reference_id="same")

    assert (mine.status_code, others.status_code) == (202, 202)


def test_a_refused_transaction_does_not_use_up_its_reference(partner, member, token):
    partner.debit(member.auth_id, 1, token.pk, reference_id="kept free")

    assert partner.credit(member.auth_id, 1, token.pk, reference_id="kept free").status_code == 202


def test_a_credit_with_send_email_queues_a_notice_and_a_debit_does_not(partner, member, token):
    partner.credit(member.auth_id, 100, token.pk)
    partner.debit(member.auth_id, 1, token.pk, send_email=True)
    assert not Email.objects.filter(member=member).exists()

    partner.credit(member.auth_id, 30, token.pk, send_email=True)

    email = Email.objects.get(member=member)
    assert email.recipient == member.email
    assert (email.context["amount"], email.context["token"]) == (30, token.name)


def test_points_of_an_expiring_token_are_credited_and_debited(partner, member):
    token = make_expiring_token(member.brand)

    assert partner.credit(member.auth_id, 100, token.pk).status_code == 202
    assert partner.debit(member.auth_id, 60, token.pk).status_code == 202
    assert_refused(partner.debit(member.auth_id, 41, token.pk), 400, "insufficient_balance")


@pytest.mark.parametrize("transaction_id", ["0", "999999999", "9" * 18])
def test_an_unknown_transaction_is_not_found(partner, transaction_id):
    assert_refused(partner.get(f"/transactions/{transaction_id}"), 404, "transaction_not_found")


@pytest.mark.parametrize("transaction_id", ["abc", "1.0", "-1", "9" * 40, "%00"])
def test_what_is_no_id_is_not_found(partner, transaction_id):
    assert partner.get(f"/transactions/{transaction_id}").status_code == 404


def test_a_transaction_of_another_brand_is_one_that_does_not_exist(partner, other_member):
    from tests.clients import Partner

    theirs = make_token(other_member.brand)
    other = Partner.of(other_member.brand).credit(other_member.auth_id, 1, theirs.pk).json()["data"]

    assert anonymous(partner.get(f"/transactions/{other['id']}")) == anonymous(partner.get("/transactions/999999999"))

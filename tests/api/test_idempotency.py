"""Idempotency-Key over HTTP: one key, one effect, one answer, for ever."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction

from ledger.models import Account, Transaction
from loyalty.api.models import IdempotentRequest
from tests.api.conftest import assert_refused, at_once
from tests.api.test_transactions import balance
from tests.clients import Partner
from tests.conftest import make_member, make_token
from tests.waiting import wait_for_waiting
from users.models import Member

THREADS = 32
ME = {"user": {"email": "a@example.org", "auth_id": "anna", "metadata": {"a": 1, "b": ["ä", None]}}}


def keyed(partner, path, body=None, *, key="k", raw=None, **headers):
    return partner.call("POST", path, body, raw=raw, **{"Idempotency-Key": key}, **headers)


def order(member, token, amount, type_="credit_points", **fields):
    terms = {"type": type_, "user_auth_id": member.auth_id, "amount": amount, "token_id": token.pk}
    return {"transaction": terms | fields}


def assert_replays(first, again):
    assert again.status_code == first.status_code
    assert again.content == first.content
    assert again["Content-Type"] == first["Content-Type"]
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first


def test_the_same_request_again_is_answered_as_the_first_time(partner, member, token):
    first = keyed(partner, "/transactions", order(member, token, 100))
    again = keyed(partner, "/transactions", order(member, token, 100))

    assert_replays(first, again)
    assert again["X-Request-ID"] != first["X-Request-ID"]
    assert balance(member, token) == 100


@pytest.mark.parametrize("path", ["/users", "/users/{}/memberships"])
def test_every_post_is_replayed(partner, brand, path):
    member = make_member(brand)
    body = ME if path == "/users" else {"membership": {"brand_id": "etihad", "membership_number": "100200300400"}}

    first, again = (keyed(partner, path.format(member.auth_id), body) for _ in range(2))

    assert first.status_code == 201
    assert_replays(first, again)


def test_the_first_answer_comes_again_when_the_world_has_changed(partner, member):
    first = keyed(partner, "/users", ME)
    partner.call("PATCH", "/users/anna", {"user": {"email": "new@example.org"}})

    assert_replays(first, keyed(partner, "/users", ME))


@pytest.mark.parametrize(
    "spelling",
    [
        json.dumps(ME, indent=4),
        json.dumps(ME, sort_keys=True, ensure_ascii=False),
        json.dumps(ME).replace("anna", "\\u0061nn\\u0061"),
        '{"user":{"metadata":{"b":["ä",null],"a":1},"auth_id":"anna","email":"a@example.org"}}\n',
    ],
)
def test_another_spelling_of_the_same_value_replays(partner, spelling):
    first = keyed(partner, "/users", ME)

    assert_replays(first, keyed(partner, "/users", raw=spelling.encode()))


def test_a_trailing_slash_does_not_make_another_path(partner):
    assert_replays(keyed(partner, "/users", ME), keyed(partner, "/users/", ME))


@pytest.mark.parametrize(
    "other",
    [
        {"user": ME["user"] | {"email": "b@example.org"}},
        {"user": ME["user"] | {"metadata": {"a": "1", "b": ["ä", None]}}},
        {"user": ME["user"] | {"metadata": {"a": True, "b": ["ä", None]}}},
        {"user": ME["user"] | {"metadata": {"a": 1, "b": [None, "ä"]}}},
        {"user": ME["user"] | {"first_name": None}},
        {"user": {}},
        [],
    ],
)
def test_another_body_under_the_same_key_is_refused(partner, other):
    first = keyed(partner, "/users", ME)

    assert_refused(keyed(partner, "/users", other), 422, "idempotency_key_reused")
    assert_replays(first, keyed(partner, "/users", ME))


def test_large_numbers_that_differ_in_their_last_digit_are_other_bodies(partner):
    large = 123_456_789_012_345_678_901_234_567_890
    keyed(partner, "/users", {"user": {"email": "a@example.org", "metadata": {"a": large}}})

    other = keyed(partner, "/users", {"user": {"email": "a@example.org", "metadata": {"a": large + 1}}})

    assert_refused(other, 422, "idempotency_key_reused")


def test_another_path_under_the_same_key_is_refused(partner, member, token):
    first = partner.credit(member.auth_id, 10, token.pk).json()["data"]
    second = partner.credit(member.auth_id, 10, token.pk).json()["data"]
    keyed(partner, f"/transactions/{first['id']}/reversal", {"reversal": {}})

    for path in (f"/transactions/{second['id']}/reversal", "/transactions", "/users"):
        assert_refused(keyed(partner, path, {"reversal": {}}), 422, "idempotency_key_reused")


def test_a_refusal_of_the_business_is_stored(partner, member, token):
    first = keyed(partner, "/transactions", order(member, token, 5, "debit_points"))
    partner.credit(member.auth_id, 100, token.pk)

    again = keyed(partner, "/transactions", order(member, token, 5, "debit_points"))

    assert_refused(first, 400, "insufficient_balance")
    assert again.content == first.content
    assert again["Idempotent-Replayed"] == "true"
    assert balance(member, token) == 100


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/users", {"user": {"email": "a@example.org", "auth_id": "taken"}}, 400),
        ("/users/nobody/memberships", {"membership": {"brand_id": "etihad", "membership_number": "100200300400"}}, 404),
        ("/users/taken/memberships", {"membership": {"brand_id": "etihad", "membership_number": "1"}}, 400),
        ("/users/taken/memberships", {"membership": {"brand_id": "nowhere", "membership_number": "1"}}, 400),
        ("/transactions/999999999/reversal", {"reversal": {}}, 404),
        ("/transactions", {"transaction": {"type": "credit_points", "user_auth_id": "x", "amount": 1, "token_id": 1}}, 400),
    ],
)
def test_each_refusal_of_the_business_is_stored(partner, brand, path, body, status):
    make_member(brand, auth_id="taken")

    first, again = keyed(partner, path, body), keyed(partner, path, body)

    assert first.status_code == status
    assert_replays(first, again)


def test_a_replay_comes_before_the_rule_on_references(partner, member, token):
    body = order(member, token, 100, reference_id="order 1")
    first = keyed(partner, "/transactions", body)

    assert_replays(first, keyed(partner, "/transactions", body))
    assert_refused(keyed(partner, "/transactions", body, key="other"), 409, "reference_already_used")


@pytest.mark.parametrize(
    "fields",
    [
        {"amount": 0},
        {"amount": None},
        {"token_id": "x"},
        {"type": "gift"},
        {"reference_id": ""},
        {"colour": 1},
        {"user_auth_id": 5},
    ],
)
def test_a_refusal_of_the_shape_is_not_stored(partner, member, token, fields):
    wrong = {"transaction": order(member, token, 1)["transaction"] | fields}

    refused = [keyed(partner, "/transactions", wrong)]
    refused.append(keyed(partner, "/transactions", raw=b'{"transaction": '))

    assert [response.status_code for response in refused] == [400, 400]
    assert not IdempotentRequest.objects.filter(brand=member.brand).exists()
    assert keyed(partner, "/transactions", order(member, token, 1)).status_code == 202


def test_a_bad_email_is_not_stored(partner):
    assert keyed(partner, "/users", {"user": {"email": "nobody"}}).status_code == 400

    assert keyed(partner, "/users", ME).status_code == 201


def test_refusals_of_the_edge_are_not_stored(partner, brand, member, token):
    body = order(member, token, 1)
    read_only = Partner.of(brand, ["transactions:read"])

    statuses = [
        keyed(read_only, "/transactions", body).status_code,
        keyed(partner, "/transactions", raw=b" " * 262_145).status_code,
        keyed(partner, "/transactions", body, content_type="text/plain").status_code,
    ]

    assert statuses == [403, 413, 415]
    assert keyed(partner, "/transactions", body).status_code == 202


@pytest.mark.parametrize("key", ["", "x" * 256, "ä", "a\tb", "\x7f"])
def test_a_key_that_is_not_1_to_255_printable_characters_is_refused(partner, key):
    assert_refused(keyed(partner, "/users", ME, key=key), 400, "invalid_request", "Idempotency-Key")
    assert not Member.objects.filter(brand=partner.brand).exists()


@pytest.mark.parametrize("key", ["x", "x" * 255, "a b", "~!@#$%^&*()", "'\"\\"])
def test_a_key_of_1_to_255_printable_characters_is_taken(partner, key):
    first = keyed(partner, "/users", ME, key=key)

    assert_replays(first, keyed(partner, "/users", ME, key=key))


def test_keys_are_told_apart_by_case_and_belong_to_one_brand(partner, other_brand):
    other = Partner.of(other_brand)

    answers = [keyed(partner, "/users", ME, key="k"), keyed(other, "/users", ME, key="k")]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["data"]["id"] != answers[1].json()["data"]["id"]
    assert_refused(keyed(partner, "/users", ME, key="K"), 400, "auth_id_taken")


def test_all_keys_of_a_brand_share_one_space(partner, brand):
    first = keyed(partner, "/users", ME)

    assert_replays(first, keyed(Partner.of(brand), "/users", ME))


def test_an_erased_members_answer_is_gone_and_acts_no_more(partner, member, token):
    credit = order(member, token, 100)
    keyed(partner, "/transactions", credit, key="credit")
    keyed(partner, "/users", ME, key="user")
    partner.call("DELETE", f"/users/{member.auth_id}")
    partner.call("DELETE", "/users/anna")

    for path, body, key in (("/transactions", credit, "credit"), ("/users", ME, "user"), ("/users", {"user": {}}, "user")):
        assert_refused(keyed(partner, path, body, key=key), 410, "answer_erased")
    assert partner.get("/users/anna").status_code == 404
    assert not IdempotentRequest.objects.filter(brand=member.brand, body__isnull=False).exists()


def test_the_key_means_nothing_where_nothing_is_posted(partner, member):
    headers = {"Idempotency-Key": "k"}

    partner.call("PATCH", f"/users/{member.auth_id}", {"user": {"language": "it"}}, **headers)
    again = partner.call("PATCH", f"/users/{member.auth_id}", {"user": {"language": "fr"}}, **headers)

    assert again.json()["data"]["language"] == "fr"
    assert "Idempotent-Replayed" not in again


def test_32_threads_with_one_key_have_one_effect_and_equal_answers(own_brand):
    member, token, key = make_member(own_brand), make_token(own_brand), Partner.of(own_brand).key

    answers = at_once(lambda _: keyed(Partner(key), "/transactions", order(member, token, 100)), range(THREADS))

    assert {(answer.status_code, answer.content) for answer in answers} == {(202, answers[0].content)}
    assert sum("Idempotent-Replayed" not in answer for answer in answers) == 1
    assert balance(member, token) == 100
    assert Transaction.objects.filter(brand=own_brand).count() == 1


def test_32_threads_with_one_key_and_bodies_of_their_own_have_one_effect(own_brand):
    member, token, key = make_member(own_brand), make_token(own_brand), Partner.of(own_brand).key

    answers = at_once(lambda n: keyed(Partner(key), "/transactions", order(member, token, n + 1)), range(THREADS))

    assert Counter(answer.status_code for answer in answers) == {202: 1, 422: THREADS - 1}
    assert Transaction.objects.filter(brand=own_brand).count() == 1


def test_32_threads_that_are_refused_under_one_key_are_refused_alike(own_brand):
    member, token, key = make_member(own_brand), make_token(own_brand), Partner.of(own_brand).key

    answers = at_once(lambda _: keyed(Partner(key), "/transactions", order(member, token, 1, "debit_points")), range(THREADS))

    assert {(answer.status_code, answer.content) for answer in answers} == {(400, answers[0].content)}
    assert answers[0].json()["code"] == "insufficient_balance"


def test_32_threads_with_one_auth_id_make_one_user(own_brand):
    key = Partner.of(own_brand).key

    answers = at_once(lambda n: keyed(Partner(key), "/users", ME, key=f"key {n}"), range(THREADS))

    assert Counter(answer.json().get("code") for answer in answers) == {None: 1, "auth_id_taken": THREADS - 1}


def test_32_threads_with_one_reference_have_one_effect(own_brand):
    member, token, key = make_member(own_brand), make_token(own_brand), Partner.of(own_brand).key
    body = order(member, token, 100, reference_id="once")

    answers = at_once(lambda n: keyed(Partner(key), "/transactions", body, key=f"key {n}"), range(THREADS))

    assert Counter(answer.json().get("code") for answer in answers) == {None: 1, "reference_already_used": THREADS - 1}
    assert balance(member, token) == 100


def patient(key, body):
    """Post in a thread that waits longer for locks than others do."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '30s'")
        return keyed(Partner(key), "/transactions", body)
    finally:
        connections.close_all()


def test_while_the_first_still_runs_the_second_is_told_so(own_brand):
    member, token, partner = make_member(own_brand), make_token(own_brand), Partner.of(own_brand)
    partner.credit(member.auth_id, 100, token.pk)
    body = order(member, token, 40, "debit_points")

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Account.objects.select_for_update().get(member=member)
            first = pool.submit(patient, partner.key, body)
            wait_for_waiting()
            (second,) = at_once(lambda _: keyed(Partner(partner.key), "/transactions", body), [1])
        first = first.result()

    assert_refused(second, 409, "request_in_progress")
    assert int(second["Retry-After"]) >= 1
    assert first.status_code == 202
    assert_replays(first, keyed(partner, "/transactions", body))
    assert balance(member, token) == 60


def test_a_request_that_gave_up_leaves_its_key_free(own_brand):
    member, token, partner = make_member(own_brand), make_token(own_brand), Partner.of(own_brand)
    partner.credit(member.auth_id, 100, token.pk)
    body = order(member, token, 40, "debit_points")

    with transaction.atomic():
        Account.objects.select_for_update().get(member=member)
        (refused,) = at_once(lambda _: keyed(Partner(partner.key), "/transactions", body), [1])

    assert_refused(refused, 503, "service_unavailable")
    assert int(refused["Retry-After"]) >= 1
    assert keyed(partner, "/transactions", body).status_code == 202
    assert balance(member, token) == 60

"""Limits over HTTP: sizes, media types, rates, and the headers that every answer carries."""

import json
import time

import pytest

from tests.api.conftest import assert_refused, stranger, wait_until
from tests.api.contract import LIMITS
from tests.clients import Partner, own_address
from tests.conftest import make_key
from users.models import ApiKey

MOST = 262_144
WRITING = [
    ("POST", "/users"),
    ("PUT", "/users/nobody"),
    ("PATCH", "/users/nobody"),
    *[(method, "/users/nobody/memberships") for method in ("POST", "PUT", "PATCH")],
    *[(method, "/users/nobody/memberships/etihad") for method in ("PUT", "PATCH")],
    ("POST", "/transactions"),
    ("POST", "/transactions/1/reversal"),
    ("POST", "/codes"),
    ("POST", "/nfts"),
    ("POST", "/nfts/1/personalisation"),
    ("PUT", "/rewards/nothing"),
    ("PATCH", "/rewards/nothing"),
]


def user_of(size: int) -> bytes:
    """A body of exactly so many bytes."""
    raw = json.dumps({"user": {"email": "a@example.org", "first_name": ""}}).encode()
    return raw.replace(b'""', b'"' + b"x" * (size - len(raw)) + b'"')


def slow_key(brand, *, rate: int, burst: int) -> str:
    key = make_key(brand)
    ApiKey.objects.filter(public=key.split("_")[2]).update(rate_per_second=rate, burst=burst)
    return key


def test_a_body_of_262144_bytes_is_taken(partner):
    assert partner.call("POST", "/users", raw=user_of(MOST)).status_code == 201


@pytest.mark.parametrize("size", [MOST + 1, 1_048_577, 3_000_000])
@pytest.mark.parametrize(("method", "path"), WRITING)
def test_a_larger_body_is_refused(partner, method, path, size):
    assert_refused(partner.call(method, path, raw=b" " * size), 413, "body_too_large")


def test_a_refusal_for_size_tells_the_limit(partner):
    assert "262144" in partner.call("POST", "/users", raw=b" " * 300_000).json()["detail"]


@pytest.mark.parametrize(
    "kind",
    [
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "json", "application/xml"),
        *("application/json; charset=latin-1", "application/json; charset=utf-16", "text/json", "application/jsonp"),
    ],
)
@pytest.mark.parametrize(("method", "path"), WRITING)
def test_a_body_that_is_not_json_in_utf_8_is_refused(partner, method, path, kind):
    assert_refused(
        partner.call(method, path, {"user": {"email": "a@example.org"}}, content_type=kind), 415, "unsupported_media_type"
    )


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip"])
def test_a_packed_body_is_refused(partner, coding):
    answer = partner.call("POST", "/users", {"user": {"email": "a@example.org"}}, **{"Content-Encoding": coding})

    assert_refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind",
    [
        *("application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"),
        *('application/json; charset="utf-8"', "application/json; charset=utf8", "application/json;"),
    ],
)
def test_json_is_known_in_every_spelling(partner, kind):
    assert partner.call("POST", "/users", {"user": {"email": "a@example.org"}}, content_type=kind).status_code == 201


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_reading_and_erasing_need_no_media_type(partner, member, kind):
    assert partner.call("GET", f"/users/{member.auth_id}", content_type=kind).status_code == 200
    assert partner.call("DELETE", f"/users/{member.auth_id}", content_type=kind).status_code == 204


def test_every_answer_carries_the_limits_and_the_id_of_the_request(partner, brand, member, token):
    key = {"Idempotency-Key": "k"}
    answers = {
        200: partner.get(f"/users/{member.auth_id}"),
        201: partner.post("/users", {"user": {"email": "a@example.org", "auth_id": "x"}}, **key),
        202: partner.credit(member.auth_id, 1, token.pk, reference_id="once"),
        204: partner.call("DELETE", "/users/x"),
        400: partner.post("/users", {}),
        401: stranger(None).get("/users"),
        403: Partner.of(brand, []).get("/users"),
        404: partner.get("/users/nobody"),
        405: partner.call("DELETE", "/users"),
        409: partner.credit(member.auth_id, 1, token.pk, reference_id="once"),
        410: partner.post("/users", {"user": {"email": "a@example.org", "auth_id": "x"}}, **key),
        413: partner.call("POST", "/users", raw=b" " * 300_000),
        415: partner.call("POST", "/users", {}, content_type="text/plain"),
    }

    for status, response in answers.items():
        assert response.status_code == status
        assert response["X-Request-ID"]
        assert all(response[name].isdecimal() for name in LIMITS)


@pytest.mark.parametrize("path", ["/nothing", "", "/users/a/b/c/d", "/transactions/abc"])
def test_an_unknown_path_carries_the_limits_too(partner, path):
    response = partner.get(path)

    assert response.status_code == 404
    assert all(response.get(name, "").isdecimal() for name in LIMITS)


@pytest.mark.parametrize("sent", ["a", "x" * 128, "0f9c-11", "a/b=c~", "!"])
def test_the_id_of_a_request_is_taken_over(partner, sent):
    response = partner.get("/users/nobody", **{"X-Request-ID": sent})

    assert response["X-Request-ID"] == sent
    assert response.json()["request_id"] == sent


@pytest.mark.parametrize("sent", [None, "", "a b", "x" * 129, "ä", "a\tb"])
def test_the_id_of_a_request_is_made_when_there_is_no_good_one(partner, sent):
    headers = {} if sent is None else {"X-Request-ID": sent}

    made = [partner.get("/users", **headers)["X-Request-ID"] for _ in range(2)]

    assert made[0] != made[1]
    assert sent not in made
    assert all(len(one) == 32 for one in made)


def test_a_key_without_a_limit_of_its_own_may_send_2000_at_once(partner):
    assert partner.get("/users")["RateLimit-Limit"] == "2000"


def test_a_key_that_goes_too_fast_is_held_back_and_told_for_how_long(brand):
    caller = stranger(slow_key(brand, rate=1, burst=3))

    answers = [caller.get("/users") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert {answer["RateLimit-Limit"] for answer in answers} == {"3"}
    assert_refused(answers[3], 429, "rate_limited")
    assert int(answers[3]["Retry-After"]) == 1
    assert 1 <= int(answers[3]["RateLimit-Reset"]) <= 3


def test_who_waited_as_told_may_go_on(brand):
    caller = stranger(slow_key(brand, rate=1, burst=1))
    assert caller.get("/users").status_code == 200
    refused = caller.get("/users")

    time.sleep(int(refused["Retry-After"]))

    assert refused.status_code == 429
    assert caller.get("/users").status_code == 200


def test_keys_of_two_databases_on_one_redis_have_buckets_of_their_own(brand):
    """The same number in both, as in two installations that share a Redis."""
    here = slow_key(brand, rate=1, burst=1)
    assert [stranger(here).get("/users").status_code for _ in range(2)] == [200, 429]
    number = ApiKey.objects.get(public=here.split("_")[2]).pk
    ApiKey.objects.all().delete()

    there = slow_key(brand, rate=1, burst=1)
    ApiKey.objects.filter(public=there.split("_")[2]).update(id=number)

    assert stranger(there).get("/users").status_code == 200


def test_the_limit_is_per_key(brand):
    fast, slow = stranger(make_key(brand)), stranger(slow_key(brand, rate=1, burst=1))
    slow.get("/users")

    assert slow.get("/users").status_code == 429
    assert fast.get("/users").status_code == 200


def test_refusals_count_against_the_limit(brand):
    caller = stranger(slow_key(brand, rate=1, burst=2))

    statuses = [caller.get("/users/nobody").status_code for _ in range(3)]

    assert statuses == [404, 404, 429]


def test_a_changed_limit_holds_within_seconds(brand):
    key = make_key(brand)
    caller = stranger(key)
    assert caller.get("/users")["RateLimit-Limit"] == "2000"

    ApiKey.objects.filter(public=key.split("_")[2]).update(rate_per_second=5, burst=7)

    assert wait_until(lambda: caller.get("/users")["RateLimit-Limit"] == "7", seconds=6)


def test_whoever_has_no_valid_key_is_held_to_the_limit_of_the_address(brand):
    caller = Partner(None, client=own_address())

    answers = [caller.get("/users") for _ in range(75)]

    statuses = [answer.status_code for answer in answers]
    assert statuses[:50] == [401] * 50
    assert 429 in statuses
    held = answers[statuses.index(429)]
    assert_refused(held, 429, "rate_limited")
    assert int(held["Retry-After"]) >= 1
    assert held["RateLimit-Limit"] == "50"


def test_guessed_keys_share_the_limit_of_the_address_and_a_valid_key_passes(brand):
    client = own_address()
    guesses = [Partner(f"guess {number}", client=client).get("/users").status_code for number in range(75)]

    assert 429 in guesses
    assert Partner(make_key(brand), client=client).get("/users").status_code == 200
    assert stranger(None).get("/users").status_code == 401

"""API keys over HTTP: who may, what for, and until when."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.api.conftest import assert_refused, revoked_key, stranger, wait_until
from tests.clients import Partner
from tests.conftest import make_brand, make_key
from users.models import ApiKey, Scope
from users.services.keys import revoke_api_key


def altered(key: str, part: int) -> str:
    """The key with one character of one part changed."""
    parts = key.split("_")
    parts[part] = ("A" if parts[part][0] != "A" else "B") + parts[part][1:]
    return "_".join(parts)


@pytest.mark.parametrize("key", [None, ""])
def test_a_missing_key_is_told_so(db, key):
    response = stranger(key).get("/users")

    assert_refused(response, 401, "missing_api_key")
    assert response.json()["detail"] == "Missing x-api-key header"
    assert response["WWW-Authenticate"]


@pytest.mark.parametrize(
    "key", ["x", "lp_live_", "lp_test_a_b_c", "_" * 4, "Ä" * 9, " ", "x" * 9_000, "lp_test_aaaaaaaa_b_000000"]
)
def test_a_key_that_never_was_is_invalid(db, key):
    response = stranger(key).get("/users")

    assert_refused(response, 401, "invalid_api_key")
    assert response.json()["detail"] == "Invalid API Key"


@pytest.mark.parametrize("part", range(5))
def test_a_key_with_one_character_changed_is_invalid(brand, part):
    assert_refused(stranger(altered(make_key(brand), part)).get("/users"), 401, "invalid_api_key")


def test_a_secret_of_another_key_is_invalid_though_the_check_sum_is_right(brand):
    from users.services.keys import _check

    first, second = make_key(brand).split("_"), make_key(brand).split("_")
    body = "_".join([*first[:3], second[3]])

    assert_refused(stranger(f"{body}_{_check(body)}").get("/users"), 401, "invalid_api_key")


def test_an_expired_key_is_invalid(brand):
    key = make_key(brand, expires_at=timezone.now() - timedelta(seconds=1))

    assert_refused(stranger(key).get("/users"), 401, "invalid_api_key")


def test_a_revoked_key_is_invalid(brand):
    assert_refused(stranger(revoked_key(brand)).get("/users"), 401, "invalid_api_key")


def test_a_key_that_expires_while_it_is_in_use_is_refused_at_once(brand):
    caller = stranger(make_key(brand, expires_at=timezone.now() + timedelta(seconds=1)))
    assert caller.get("/users").status_code == 200

    time.sleep(1.1)

    assert_refused(caller.get("/users"), 401, "invalid_api_key")


def test_a_key_revoked_while_it_is_in_use_is_refused_within_five_seconds(brand):
    caller = stranger(make_key(brand))
    assert caller.get("/users").status_code == 200

    assert revoke_api_key(public=caller.key.split("_")[2], at=timezone.now())

    assert wait_until(lambda: caller.get("/users").status_code == 401, seconds=5.0)


def test_several_keys_are_valid_at_once_and_revoking_one_leaves_the_others(brand):
    first, second = stranger(make_key(brand)), stranger(make_key(brand))

    revoke_api_key(public=first.key.split("_")[2], at=timezone.now())

    assert_refused(first.get("/users"), 401, "invalid_api_key")
    assert second.get("/users").status_code == 200


@pytest.mark.parametrize(("sandbox", "beginning"), [(False, "lp_live_"), (True, "lp_test_")])
def test_keys_tell_a_sandbox_from_a_live_brand(db, sandbox, beginning):
    key = make_key(make_brand(sandbox=sandbox))

    assert key.startswith(beginning)
    assert stranger(key).get("/users").status_code == 200


def test_the_secret_of_a_key_is_not_kept(brand):
    key = make_key(brand)

    stored = ApiKey.objects.get(public=key.split("_")[2])

    assert key.split("_")[3].encode() not in bytes(stored.digest)
    assert len(stored.digest) == 32


@pytest.mark.parametrize("scope", Scope.values)
def test_a_key_does_what_its_scope_says_and_nothing_else(brand, member, scope):
    caller = Partner.of(brand, [scope])

    answers = {
        "users:read": [caller.get(f"/users/{member.auth_id}")],
        "users:write": [caller.post("/users", {"user": {"email": "a@example.org"}})],
        "transactions:read": [caller.get("/transactions")],
        "transactions:write": [caller.credit("x", 1, 1), caller.redeem("x", "1")],
        "codes:read": [caller.get("/codes/1"), caller.get("/campaigns")],
        "codes:write": [caller.issue(1)],
        "rewards:read": [caller.get("/rewards/1"), caller.get("/reward_types")],
        "rewards:write": [caller.call(method, "/rewards/1", {}) for method in ("PUT", "PATCH")],
        "nfts:read": [caller.get("/nfts")],
        "nfts:write": [caller.post("/nfts", {}), caller.post("/nfts/1/personalisation", {})],
    }

    assert set(answers) == set(Scope.values)
    for needed, response in ((needed, response) for needed, responses in answers.items() for response in responses):
        if needed == scope:
            assert response.status_code != 403
        else:
            assert_refused(response, 403, "scope_missing")
            assert needed in response.json()["detail"]


def test_the_key_is_judged_before_the_body_and_the_scope_before_existence(brand):
    assert_refused(stranger("x").call("POST", "/users", raw=b"{"), 401, "invalid_api_key")
    assert_refused(Partner.of(brand, []).call("POST", "/users", raw=b"x" * 300_000), 403, "scope_missing")
    assert_refused(Partner.of(brand, []).get("/users/nobody"), 403, "scope_missing")


def test_a_use_of_the_key_is_noted(brand):
    caller = Partner.of(brand)

    caller.get("/users")

    assert ApiKey.objects.get(public=caller.key.split("_")[2]).last_used_at is not None

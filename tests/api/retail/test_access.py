"""Access: tokens for client credentials in OAuth's own form, and what a token opens."""

import base64
import time
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from oauth2_provider.models import get_access_token_model

from loyalty.api.retail.base import RetailView
from tests.api.conftest import assert_refused
from tests.api.retail.conftest import stranger
from tests.clients import RetailClient
from tests.conftest import make_brand
from users.models import OAuthClient, RetailScope
from users.services import oauth_tokens
from users.services.oauth import create_oauth_client, revoke_oauth_client, rotate_client_secret
from users.services.oauth_tokens import forget_expired_tokens

SCOPES = ["catalogue:read", "earnings:write"]
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def known(brand) -> tuple[OAuthClient, str]:
    return create_oauth_client(brand_id=brand.pk, name="Till 7", scopes=SCOPES)


def form(**terms: str) -> bytes:
    return urlencode({"grant_type": "client_credentials"} | terms).encode()


def basic(client_id: str, secret: str, scheme: str = "Basic") -> dict[str, str]:
    return {"Authorization": f"{scheme} {base64.b64encode(f'{client_id}:{secret}'.encode()).decode()}"}


def assert_oauth_refused(response, status: int, error: str) -> None:
    assert (response.status_code, response["Content-Type"]) == (status, "application/json")
    told = response.json()
    assert set(told) == {"error", "error_description"}
    assert told["error"] == error
    assert told["error_description"]


def forget_known() -> None:
    """As if the seconds for which a token is remembered were over."""
    oauth_tokens._known.clear()


# --- getting a token ---


@pytest.mark.parametrize("way", ["json", "form", "form with charset", "basic", "basic in lower case"])
def test_a_client_gets_a_token_by_json_by_form_and_by_basic(known, way):
    client, secret = known
    both = {"client_id": client.client_id, "client_secret": secret}

    match way:
        case "json":
            answer = stranger().ask_token(**both)
        case "form" | "form with charset":
            kind = FORM if way == "form" else f"{FORM}; charset=UTF-8"
            answer = stranger().call("POST", "/oauth/token", raw=form(**both), content_type=kind)
        case _:
            header = basic(client.client_id, secret, "Basic" if way == "basic" else "basic")
            answer = stranger().call("POST", "/oauth/token", raw=form(), content_type=FORM, **header)

    told = answer.json()
    assert answer.status_code == 200
    assert set(told) == {"access_token", "token_type", "expires_in", "scope"}
    assert (told["token_type"], told["expires_in"], sorted(told["scope"].split())) == ("Bearer", 3600, SCOPES)
    assert (answer["Cache-Control"], answer["Pragma"]) == ("no-store", "no-cache")
    assert RetailClient(told["access_token"]).get("/languages").status_code == 200


def test_a_trailing_slash_is_optional(known):
    client, secret = known

    for path in ("/oauth/token", "/oauth/token/"):
        body = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": secret}
        assert stranger().post(path, body).status_code == 200


def test_a_token_may_be_narrowed_and_has_never_more_than_its_client(known):
    client, secret = known

    narrowed = stranger().ask_token(client.client_id, secret, scope="catalogue:read")
    more = stranger().ask_token(client.client_id, secret, scope="catalogue:read vouchers:write")

    assert narrowed.json()["scope"] == "catalogue:read"
    assert_oauth_refused(more, 400, "invalid_scope")


def test_of_a_token_no_more_than_a_digest_is_kept(known):
    client, secret = known
    token = stranger().ask_token(client.client_id, secret).json()["access_token"]

    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(t)::text FROM oauth2_provider_accesstoken t WHERE application_id = %s", [client.pk])
        ((row,),) = cursor.fetchall()

    assert token not in row


@pytest.mark.parametrize(
    "told",
    [
        {"client_secret": "wrong"},
        {"client_secret": ""},
        {"client_id": "nobody"},
        {"client_id": ""},
        {"client_id": "\x00"},
        {"client_id": "x" * 10_000},
        {"client_id": "https://example.org/client.json"},
    ],
    ids=str,
)
def test_wrong_credentials_are_an_invalid_client(known, told):
    client, secret = known

    answer = stranger().ask_token(**({"client_id": client.client_id, "client_secret": secret} | told))

    assert_oauth_refused(answer, 401, "invalid_client")
    assert answer["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !!!", "Basic " + base64.b64encode(b"no colon").decode(), "Bearer abc", "Basic \xff", "Digest x"]
)
def test_a_malformed_header_is_an_invalid_client(db, header):
    answer = stranger().call("POST", "/oauth/token", raw=form(), content_type=FORM, Authorization=header)

    assert_oauth_refused(answer, 401, "invalid_client")


def test_a_wrong_basic_header_is_an_invalid_client(known):
    answer = stranger().call("POST", "/oauth/token", raw=form(), content_type=FORM, **basic(known[0].client_id, "wrong"))

    assert_oauth_refused(answer, 401, "invalid_client")


def test_who_proves_itself_in_two_ways_or_under_two_names_is_refused(known):
    client, secret = known
    header = basic(client.client_id, secret)

    twice = stranger().call("POST", "/oauth/token", raw=form(client_secret=secret), content_type=FORM, **header)
    other = stranger().call("POST", "/oauth/token", raw=form(client_id="other"), content_type=FORM, **header)
    same = stranger().call("POST", "/oauth/token", raw=form(client_id=client.client_id), content_type=FORM, **header)

    assert_oauth_refused(twice, 400, "invalid_request")
    assert_oauth_refused(other, 400, "invalid_request")
    assert same.status_code == 200


@pytest.mark.parametrize("kind", ["password", "authorization_code", "refresh_token", "implicit", "x"])
def test_there_is_one_grant_type(known, kind):
    answer = stranger().ask_token(known[0].client_id, known[1], grant_type=kind)

    assert_oauth_refused(answer, 400, "unsupported_grant_type")


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"client_id=a", FORM),
        (b"grant_type=", FORM),
        (b"grant_type=client_credentials&grant_type=client_credentials", FORM),
        (b"grant_type=client_credentials&client_id=a&client_id=a", FORM),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"\xff", "application/json"),
        (b'{"grant_type": 1}', "application/json"),
        (b'{"grant_type": "client_credentials", "client_id": ["a"]}', "application/json"),
        (b'{"grant_type": null}', "application/json"),
        (b'{"grant_type": "client_credentials", "client_id": "\\ud800"}', "application/json"),
    ],
)
def test_a_malformed_request_is_told_so_in_oauth_s_own_form(db, raw, kind):
    assert_oauth_refused(stranger().call("POST", "/oauth/token", raw=raw, content_type=kind), 400, "invalid_request")


@pytest.mark.parametrize("query", ["grant_type=client_credentials", "a=%GG", "client_secret=a"])
def test_nothing_is_asked_for_in_the_address(db, query):
    assert_oauth_refused(
        stranger().call("POST", f"/oauth/token?{query}", raw=form(), content_type=FORM), 400, "invalid_request"
    )


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "", "application/json; charset=latin-1"])
def test_other_kinds_of_bodies_are_problems(db, kind):
    answer = stranger().call("POST", "/oauth/token", raw=b"x", content_type=kind)

    assert_refused(answer, 415, "unsupported_media_type")


def test_too_large_a_body_is_a_problem(db):
    assert_refused(stranger().call("POST", "/oauth/token", raw=b"a" * 262_145, content_type=FORM), 413, "body_too_large")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_token_is_posted_for(db, method):
    answer = stranger().call(method, "/oauth/token")

    assert_refused(answer, 405, "method_not_allowed")
    assert answer["Allow"] == "POST"


def test_a_revoked_client_gets_no_token_and_a_new_secret_takes_the_place_of_the_old(known):
    client, secret = known
    terms = {"brand_id": client.brand_id, "client_pk": client.pk, "at": timezone.now()}

    newer = rotate_client_secret(**terms)
    answers = [stranger().ask_token(client.client_id, one) for one in (secret, newer)]
    revoke_oauth_client(**terms)

    assert [answer.status_code for answer in answers] == [401, 200]
    assert_oauth_refused(stranger().ask_token(client.client_id, newer), 401, "invalid_client")


def test_guesses_are_held_to_the_limit_of_an_address_and_clients_to_their_own(known):
    client, secret = known
    guesser = stranger()

    answers = [guesser.ask_token(client.client_id, "guess") for _ in range(150)]

    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert int(refused[0]["Retry-After"]) >= 1
    assert_refused(refused[0], 429, "rate_limited")
    assert guesser.ask_token(client.client_id, secret)["RateLimit-Limit"] == "2000"


def test_junk_is_held_to_the_limit_of_an_address(db):
    guesser = stranger()

    answers = {guesser.call("POST", "/oauth/token", raw=b"{").status_code for _ in range(150)}

    assert answers == {400, 429}


# --- what a token opens ---


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "abc"])
def test_without_a_token_nothing_is_answered(db, header):
    answer = stranger().get("/languages", **({} if header is None else {"Authorization": header}))

    assert_refused(answer, 401, "missing_token")
    assert answer["WWW-Authenticate"] == 'Bearer realm="loyalty"'


@pytest.mark.parametrize("token", ["x", "x" * 30, "x" * 100_000, "ü", "a b", "\x7f"])
def test_a_token_that_nobody_gave_out_is_invalid(db, token):
    answer = stranger().get("/languages", Authorization=f"Bearer {token}")

    assert_refused(answer, 401, "invalid_token")
    assert 'error="invalid_token"' in answer["WWW-Authenticate"]


def test_an_api_key_opens_nothing_here(brand):
    from tests.conftest import make_key

    answer = stranger().get("/languages", **{"X-API-KEY": make_key(brand)})

    assert_refused(answer, 401, "missing_token")


def test_a_token_without_the_scope_is_forbidden_and_told_which(brand):
    till = RetailClient.of(brand, ["earnings:write"])

    answer = till.get("/languages")

    assert_refused(answer, 403, "scope_missing")
    assert "catalogue:read" in answer.json()["detail"]
    assert 'error="insufficient_scope", scope="catalogue:read"' in answer["WWW-Authenticate"]


def test_the_scheme_is_read_in_any_case(till):
    assert till.get("/languages", Authorization=f"bearer {till.token}").status_code == 200


def test_the_hot_path_asks_the_database_nothing(till, monkeypatch):
    till.get("/languages")
    seen = []
    monkeypatch.setattr(RetailView, "check_scope", lambda self, request, scopes: seen.append(len(queries.captured_queries)))

    with CaptureQueriesContext(connection) as queries:
        till.get("/languages")

    assert seen == [0]


def test_a_revoked_client_is_refused_within_five_seconds(own_brand):
    till = RetailClient.of(own_brand)
    assert till.get("/languages").status_code == 200

    revoke_oauth_client(brand_id=own_brand.pk, client_pk=OAuthClient.objects.get(brand=own_brand).pk, at=timezone.now())
    since = time.monotonic()
    while till.get("/languages").status_code == 200:
        assert time.monotonic() - since < 5
        time.sleep(0.2)

    assert till.get("/languages").status_code == 401


def test_a_token_ends_with_its_hour(brand):
    till = RetailClient.of(brand)

    with time_machine.travel(timezone.now() + timedelta(seconds=3601)):
        forget_known()
        assert_refused(till.get("/languages"), 401, "invalid_token")


def test_a_scope_that_a_client_lost_is_lost_to_its_tokens(brand):
    till = RetailClient.of(brand, SCOPES)
    OAuthClient.objects.filter(brand=brand).update(scopes=["earnings:write"])
    forget_known()

    assert_refused(till.get("/languages"), 403, "scope_missing")


def test_last_use_is_kept_to_the_minute(known):
    client, secret = known
    token = stranger().ask_token(client.client_id, secret).json()["access_token"]
    client.refresh_from_db()
    first = client.last_used_at
    assert first is not None

    till = RetailClient(token)
    till.get("/languages")
    client.refresh_from_db()
    assert client.last_used_at == first

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        forget_known()
        till.get("/languages")
    client.refresh_from_db()
    assert client.last_used_at > first


def test_expired_tokens_are_forgotten_and_live_ones_are_not(known):
    client, secret = known
    live = stranger().ask_token(client.client_id, secret).json()["access_token"]
    tokens, now = get_access_token_model().objects, timezone.now()
    for number in range(3):
        tokens.create(application=client, token=f"old {client.pk} {number}", expires=now - timedelta(seconds=1), scope="")

    gone = forget_expired_tokens(at=now)

    assert gone >= 3
    assert tokens.filter(application=client).count() == 1
    assert RetailClient(live).get("/languages").status_code == 200


def test_a_client_is_held_to_its_own_rate(brand):
    till = RetailClient.of(brand)
    OAuthClient.objects.filter(brand=brand).update(rate_per_second=5, burst=7)
    forget_known()

    answers = [till.get("/languages") for _ in range(30)]

    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert_refused(refused[0], 429, "rate_limited")
    assert answers[0]["RateLimit-Limit"] == "7"


def test_two_clients_of_a_brand_have_rates_of_their_own(brand):
    slow, quick = RetailClient.of(brand, SCOPES), RetailClient.of(brand, SCOPES)
    OAuthClient.objects.filter(pk=OAuthClient.objects.filter(brand=brand).earliest("pk").pk).update(rate_per_second=1, burst=1)
    forget_known()

    assert {slow.get("/languages").status_code for _ in range(40)} == {200, 429}
    assert {quick.get("/languages").status_code for _ in range(40)} == {200}


def test_a_token_speaks_for_its_own_brand_alone(till):
    other = make_brand(languages=["it"])

    assert [row["code"] for row in RetailClient.of(other).get("/languages").json()["data"]] == ["it"]
    assert [row["code"] for row in till.get("/languages").json()["data"]] == ["en", "fr", "de", "it"]


def test_every_scope_can_be_given(brand):
    _, secret = create_oauth_client(brand_id=brand.pk, name="Till", scopes=RetailScope.values)
    client = OAuthClient.objects.get(brand=brand)

    assert stranger().ask_token(client.client_id, secret).json()["scope"].split() == RetailScope.values

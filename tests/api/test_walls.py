"""The walls: every route, with what is one's own, another brand's or nobody's, under every kind of key."""

from datetime import timedelta

import pytest
from django.utils import timezone

from loyalty.api.partner.urls import urlpatterns
from tests.api.conftest import anonymous, assert_refused, revoked_key, stranger
from tests.clients import Partner
from tests.conftest import make_brand, make_key, make_member, make_token
from users.models.keys import READ_SCOPES

USER = {"user": {"email": "a@example.org"}}
MEMBERSHIP = {"membership": {"brand_id": "etihad", "membership_number": "100200300400"}}
REVERSAL = {"reversal": {"amount": 1}}
AT = "users/<str:auth_id>/memberships/<str:target>"
# Each route and method: what it is sent. {auth_id} and {transaction_id} are filled in.
TABLE = {
    ("users", "GET"): None,
    ("users", "POST"): USER,
    ("users/<str:auth_id>", "GET"): None,
    ("users/<str:auth_id>", "PUT"): USER,
    ("users/<str:auth_id>", "PATCH"): USER,
    ("users/<str:auth_id>", "DELETE"): None,
    ("users/<str:auth_id>/balances", "GET"): None,
    ("users/<str:auth_id>/memberships", "GET"): None,
    ("users/<str:auth_id>/memberships", "POST"): MEMBERSHIP,
    ("users/<str:auth_id>/memberships", "PUT"): MEMBERSHIP,
    ("users/<str:auth_id>/memberships", "PATCH"): MEMBERSHIP,
    (AT, "GET"): None,
    (AT, "PUT"): MEMBERSHIP,
    (AT, "PATCH"): MEMBERSHIP,
    (AT, "DELETE"): None,
    ("transactions", "GET"): None,
    ("transactions", "POST"): "credit",
    ("transactions/<id:transaction_id>", "GET"): None,
    ("transactions/<id:transaction_id>/reversal", "POST"): REVERSAL,
}
ROWS = list(TABLE)
WITHOUT_AN_ID = {("users", "GET"), ("users", "POST")}


class Things:
    """A brand's member with a membership and a credit."""

    def __init__(self, brand):
        self.brand = brand
        self.member, self.token = make_member(brand), make_token(brand)
        caller = Partner.of(brand)
        caller.post(f"/users/{self.member.auth_id}/memberships", MEMBERSHIP)
        credit = caller.credit(self.member.auth_id, 100, self.token.pk).json()["data"]
        self.names = {"auth_id": self.member.auth_id, "transaction_id": credit["id"], "token_id": self.token.pk}

    def state(self) -> list:
        """All that the brand's own system can see."""
        caller = Partner.of(self.brand)
        tails = ("", "/balances", "/memberships")
        answers = [caller.get(f"/users/{self.member.auth_id}{tail}").json() for tail in tails]
        return [*answers, caller.get("/transactions").json(), caller.get("/users").json()]


NOBODYS = {"auth_id": "nobody", "transaction_id": "999999999", "token_id": 999_999_999}


def ask(caller: Partner, row: tuple[str, str], names: dict):
    """Call a route of the table on somebody's things."""
    (route, method), sent = row, TABLE[row]
    path = "/" + route.replace("<str:auth_id>", names["auth_id"]).replace("<str:target>", "etihad")
    path = path.replace("<id:transaction_id>", names["transaction_id"])
    if sent == "credit":
        order = {"type": "credit_points", "user_auth_id": names["auth_id"], "amount": 1, "token_id": names["token_id"]}
        sent = {"transaction": order}
    if row == ("transactions", "GET"):
        path += f"?user_auth_id={names['auth_id']}&token_id={names['token_id']}"
    return caller.call(method, path, sent)


@pytest.fixture
def own(db) -> Things:
    return Things(make_brand())


@pytest.fixture
def others(db) -> Things:
    return Things(make_brand())


def test_every_route_and_method_of_the_api_stands_in_the_table():
    routes = {
        (str(pattern.pattern), method.upper())
        for pattern in urlpatterns
        for method in ("get", "post", "put", "patch", "delete")
        if hasattr(pattern.callback.cls, method)
    }

    assert routes == set(TABLE)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_with_a_full_key_ones_own_is_served(own, row):
    assert 200 <= ask(Partner.of(own.brand), row, own.names).status_code < 300


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("scopes", ["full", "read-only", "none"])
def test_what_is_another_brands_is_answered_as_what_does_not_exist(own, others, row, scopes):
    caller = Partner.of(own.brand, **{} if scopes == "full" else {"scopes": READ_SCOPES if scopes == "read-only" else []})
    before = others.state()

    theirs, nobodys = ask(caller, row, others.names), ask(caller, row, NOBODYS)

    if row not in WITHOUT_AN_ID:
        assert anonymous(theirs) == anonymous(nobodys)
        assert scopes != "full" or row == ("transactions", "GET") or 400 <= theirs.status_code < 500
    assert others.member.email not in theirs.content.decode()
    assert others.state() == before


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_read_only_key_reads_and_changes_nothing(own, row):
    before = own.state()

    response = ask(Partner.of(own.brand, READ_SCOPES), row, own.names)

    if row[1] == "GET":
        assert response.status_code == 200
        assert response.content == ask(Partner.of(own.brand), row, own.names).content
    else:
        assert_refused(response, 403, "scope_missing")
    assert own.state() == before


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_key_without_scopes_gets_nothing_and_learns_nothing(own, others, row):
    caller = Partner.of(own.brand, [])
    before = own.state()

    answers = [ask(caller, row, names) for names in (own.names, others.names, NOBODYS)]

    for response in answers:
        assert_refused(response, 403, "scope_missing")
    assert len({str(anonymous(response)) for response in answers}) == 1
    assert own.state() == before


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("kind", ["expired", "revoked", "missing"])
def test_without_a_valid_key_nobody_gets_or_learns_anything(own, others, row, kind):
    keys = {
        "expired": lambda: make_key(own.brand, expires_at=timezone.now() - timedelta(days=1)),
        "revoked": lambda: revoked_key(own.brand),
        "missing": lambda: None,
    }
    caller, before = stranger(keys[kind]()), own.state()

    answers = [ask(caller, row, names) for names in (own.names, others.names, NOBODYS)]

    for response in answers:
        assert_refused(response, 401, "missing_api_key" if kind == "missing" else "invalid_api_key")
    assert len({str(anonymous(response)) for response in answers}) == 1
    assert own.state() == before

"""Users over HTTP: created, read, replaced, changed."""

import uuid

import pytest

from tests.api.conftest import anonymous, assert_refused
from tests.clients import Partner
from tests.conftest import make_member
from users.models import Member

FIELDS = {"id", "email", "auth_id", "first_name", "second_name", "language", "country_ISO", "metadata"}
WHOLE = {
    "email": "john_doe@email.com",
    "auth_id": "john",
    "first_name": "John",
    "second_name": "Doe",
    "language": "en",
    "country_ISO": "usa",
    "metadata": {"opts_newsletter": True, "nested": {"list": [1, "two", None]}},
}
OPTIONAL = sorted(set(WHOLE) - {"email", "auth_id"})


def create(partner: Partner, **fields):
    return partner.post("/users", {"user": {"email": "a@example.org"} | fields})


def test_a_user_is_created_as_told_and_shown_under_data_and_user(partner):
    response = partner.post("/users", {"user": WHOLE})

    assert response.status_code == 201
    answer = response.json()
    assert set(answer) == {"data", "user"}
    assert answer["data"] == answer["user"]
    assert answer["data"] == WHOLE | {"id": answer["data"]["id"]}
    assert partner.get("/users/john").json() == answer


def test_only_the_email_is_mandatory_and_the_rest_is_null(partner):
    user = create(partner).json()["data"]

    assert set(user) == FIELDS
    assert {name: user[name] for name in OPTIONAL} == dict.fromkeys(OPTIONAL)


@pytest.mark.parametrize("given", [{}, {"auth_id": ""}, {"auth_id": None}])
def test_a_user_without_an_auth_id_gets_a_uuid_4(partner, given):
    user = create(partner, **given).json()["data"]

    assert uuid.UUID(user["auth_id"]).version == 4
    assert user["id"] != user["auth_id"]


def test_the_id_in_a_body_is_known_and_ignored(partner):
    user = create(partner, id="mine").json()["data"]

    assert user["id"] != "mine"


def test_the_id_is_a_short_string_of_ours(partner, member):
    user = partner.get(f"/users/{member.auth_id}").json()["data"]

    assert user["id"] == member.public_id
    assert 0 < len(user["id"]) < 20


@pytest.mark.parametrize(
    "email", ["", "a", "a@", "@b.org", "a b@example.org", "a@b@example.org", "a\n@example.org", 5, [], True]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_bad_email_is_refused(partner, member, method, email):
    path = "/users" if method == "POST" else f"/users/{member.auth_id}"

    response = partner.call(method, path, {"user": {"email": email}})

    assert_refused(response, 400, "invalid_request")
    assert "email" in response.json()["detail"]


@pytest.mark.parametrize("user", [{}, {"email": None}])
def test_a_user_without_an_email_is_refused(partner, user):
    response = partner.post("/users", {"user": user})

    assert_refused(response, 400, "invalid_request")
    assert "email" in response.json()["detail"]


def test_a_refused_email_names_the_same_field_on_every_operation(partner, member):
    fields = [
        partner.call(method, path, {"user": {"email": email}}).json()["errors"][0]["field"]
        for method, path in (("POST", "/users"), ("PUT", f"/users/{member.auth_id}"), ("PATCH", f"/users/{member.auth_id}"))
        for email in ("nobody", None, 7)
    ]

    assert set(fields) == {"user.email"}


def test_two_users_may_share_an_email(partner):
    first, second = create(partner).json()["data"], create(partner).json()["data"]

    assert first["email"] == second["email"]
    assert first["id"] != second["id"]


def test_an_auth_id_is_taken_once_in_a_brand(partner, member):
    response = create(partner, auth_id=member.auth_id)

    assert_refused(response, 400, "auth_id_taken")


def test_two_brands_may_use_the_same_auth_id(partner, other_member):
    assert create(partner, auth_id=other_member.auth_id).status_code == 201


@pytest.mark.parametrize("auth_id", ["a", "x" * 255, "ä ö", "名前", "a%b?c#d&e=f+g", "..", "a@b.c", "'; drop table"])
def test_an_auth_id_of_printable_characters_is_kept_and_found(partner, auth_id):
    from urllib.parse import quote

    created = create(partner, auth_id=auth_id)

    assert created.json()["data"]["auth_id"] == auth_id
    assert partner.get(f"/users/{quote(auth_id, safe='')}").json() == created.json()


@pytest.mark.parametrize("auth_id", ["a/b", "x" * 256, "a\nb", "a\x00b", "\x7f", "a\u200bb", 5, ["a"], True])
def test_an_auth_id_that_cannot_be_one_is_refused(partner, auth_id):
    response = create(partner, auth_id=auth_id)

    assert_refused(response, 400, "invalid_request")
    assert "auth_id" in response.json()["detail"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"user": {"email": "a@example.org", "shoe_size": 46}}, "user.shoe_size"),
        ({"user": {"email": "a@example.org"}, "more": 1}, "more"),
        ({"user": {"email": "a@example.org", "country_iso": "usa"}}, "user.country_iso"),
        ({"user": {"email": "a@example.org", "memberships": []}}, "user.memberships"),
        ({}, "user"),
        ({"data": {"email": "a@example.org"}}, "data"),
        ({"user": None}, "user"),
        ({"user": []}, "user"),
        ({"user": {"email": "a@example.org", "first_name": 5}}, "user.first_name"),
        ({"user": {"email": "a@example.org", "metadata": []}}, "user.metadata"),
        ({"user": {"email": "a@example.org", "metadata": "x"}}, "user.metadata"),
        ({"user": {"email": "a@example.org", "second_name": "a\x00b"}}, "user.second_name"),
        ({"user": {"email": "a@example.org", "metadata": {"a": {"b": ["\x00"]}}}}, "user.metadata.a.b.0"),
    ],
)
def test_a_body_of_another_shape_is_refused_naming_the_field(partner, member, method, body, field):
    path = "/users" if method == "POST" else f"/users/{member.auth_id}"

    assert_refused(partner.call(method, path, body), 400, "invalid_request", field)


def test_a_zero_character_in_a_key_of_the_metadata_is_refused(partner):
    assert_refused(create(partner, metadata={"a\x00": 1}), 400, "invalid_request")


@pytest.mark.parametrize("raw", [b"{", b"[]", b"null", b'"user"', b"\xff\xfe", b'{"user": {"email": "\xe4@b.org"}}', b"{}{}"])
def test_a_body_that_is_no_json_object_is_refused(partner, raw):
    assert_refused(partner.call("POST", "/users", raw=raw), 400, "invalid_request")


@pytest.mark.parametrize("depth", [100, 500, 900, 5_000, 50_000])
def test_metadata_nested_without_end_is_kept_or_refused_but_never_breaks(partner, depth):
    raw = b'{"user": {"email": "a@example.org", "metadata": {"a": ' + b"[" * depth + b"]" * depth + b"}}}"

    assert partner.call("POST", "/users", raw=raw).status_code in {201, 400}


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "9" * 400, "9" * 5_000, "0.1", "1E-400", "123456789012345678901234567890"]
)
def test_metadata_with_strange_numbers_is_kept_or_refused_but_never_breaks(partner, number):
    raw = b'{"user": {"email": "a@example.org", "metadata": {"a": ' + number.encode() + b"}}}"

    assert partner.call("POST", "/users", raw=raw).status_code in {201, 400}


def test_half_a_surrogate_pair_is_refused(partner):
    raw = rb'{"user": {"email": "a@example.org", "first_name": "\ud800"}}'

    assert_refused(partner.call("POST", "/users", raw=raw), 400, "invalid_request")


def test_put_replaces_and_sets_absent_fields_to_null(partner):
    partner.post("/users", {"user": WHOLE})

    response = partner.call("PUT", "/users/john", {"user": {"email": "new@example.org", "language": "it"}})

    assert response.status_code == 200
    user = response.json()["data"]
    assert {name: user[name] for name in WHOLE} == dict.fromkeys(WHOLE) | {
        "email": "new@example.org",
        "auth_id": "john",
        "language": "it",
    }
    assert partner.get("/users/john").json() == response.json()


def test_patch_leaves_absent_fields_and_empties_null_ones(partner):
    partner.post("/users", {"user": WHOLE})

    response = partner.call("PATCH", "/users/john", {"user": {"language": "it", "first_name": None}})

    assert response.status_code == 200
    user = response.json()["user"]
    assert {name: user[name] for name in WHOLE} == WHOLE | {"language": "it", "first_name": None}


def test_an_empty_patch_changes_nothing(partner):
    before = partner.post("/users", {"user": WHOLE}).json()

    assert partner.call("PATCH", "/users/john", {"user": {}}).json() == before


@pytest.mark.parametrize("user", [{"language": "it"}, {"email": None}, {}])
def test_put_needs_the_email(partner, member, user):
    response = partner.call("PUT", f"/users/{member.auth_id}", {"user": user})

    assert_refused(response, 400, "invalid_request")
    assert "email" in response.json()["detail"]


def test_patch_takes_no_empty_email(partner, member):
    assert_refused(partner.call("PATCH", f"/users/{member.auth_id}", {"user": {"email": None}}), 400, "invalid_request")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_the_auth_id_cannot_change(partner, member, method):
    body = {"user": {"email": "a@example.org", "auth_id": "another"}}

    response = partner.call(method, f"/users/{member.auth_id}", body)

    assert_refused(response, 400, "invalid_request")
    assert "auth_id" in response.json()["detail"]
    assert Member.objects.get(pk=member.pk).email == member.email


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_the_same_auth_id_in_the_body_is_no_change(partner, member, method):
    body = {"user": {"email": "a@example.org", "auth_id": member.auth_id}}

    assert partner.call(method, f"/users/{member.auth_id}", body).json()["data"]["auth_id"] == member.auth_id


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_an_unknown_user_is_not_found(partner, method):
    body = {"user": {"email": "a@example.org"}} if method in {"PUT", "PATCH"} else None

    assert_refused(partner.call(method, "/users/nobody", body), 404, "user_not_found")


@pytest.mark.parametrize(
    "path", ["/users/%00", "/users/a%00b/balances", "/users/%00/memberships", "/users/%00/memberships/etihad"]
)
def test_a_zero_character_in_a_path_names_no_user(partner, path):
    assert partner.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/users/%ff", "/users/" + "x" * 1_000, "/users/%ed%a0%80"])
def test_a_path_that_can_be_no_auth_id_names_no_user(partner, path):
    assert_refused(partner.get(path), 404, "user_not_found")


def test_a_trailing_slash_is_optional(partner, member):
    for path in ("/users", f"/users/{member.auth_id}", f"/users/{member.auth_id}/balances"):
        assert partner.get(path).json() == partner.get(f"{path}/").json()
    assert partner.post("/users/", {"user": {"email": "a@example.org"}}).status_code == 201


def test_a_user_of_another_brand_is_one_that_does_not_exist(partner, other_member):
    for method, body in (("GET", None), ("PUT", {"user": {"email": "a@b.org"}}), ("PATCH", {"user": {}}), ("DELETE", None)):
        theirs = partner.call(method, f"/users/{other_member.auth_id}", body)
        nobodys = partner.call(method, "/users/nobody", body)
        assert anonymous(theirs) == anonymous(nobodys)
    assert Member.objects.get(pk=other_member.pk).auth_id == other_member.auth_id


def test_balances_show_each_active_token_of_the_brand_zero_included(partner, member, token, other_member):
    from ledger.models.tokens import TokenStatus, TokenType
    from tests.conftest import make_token

    second = make_token(member.brand, name="Stars", symbol="STA", onramp="0.0100", countries=["CHE"], metadata={"a": 1})
    make_token(member.brand, status=TokenStatus.INACTIVE)
    make_token(member.brand, type=TokenType.MILES)
    make_token(other_member.brand)
    partner.credit(member.auth_id, 100, token.pk)

    entries = partner.get(f"/users/{member.auth_id}/balances").json()["data"]

    assert [(entry["balance"], entry["token"]["id"]) for entry in entries] == [(100, token.pk), (0, second.pk)]
    assert entries[1]["token"] == {
        "id": second.pk,
        "address": second.address,
        "name": "Stars",
        "symbol": "STA",
        "type": "erc20",
        "countries": ["CHE"],
        "onramp": "0.01",
        "offramp": None,
        "status": "active",
        "metadata": {"a": 1},
    }
    assert type(entries[0]["balance"]) is int


def test_balances_of_a_member_without_tokens_are_an_empty_list(partner, member):
    assert partner.get(f"/users/{member.auth_id}/balances").json() == {"data": []}


def test_head_answers_as_get_without_a_body(partner, member):
    response = partner.client.head(f"/api/admin/users/{member.auth_id}", headers={"X-API-KEY": partner.key})

    assert response.status_code == 200
    assert response.content == b""


def test_members_are_told_apart_by_case(partner, member):
    make_member(member.brand, auth_id="Anna")

    assert partner.get("/users/anna").status_code == 404

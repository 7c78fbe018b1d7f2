"""Lists over HTTP: pages, cursors, filters, and parameters that are refused."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

import pytest

from tests.api.conftest import assert_refused
from tests.clients import Partner
from tests.conftest import make_member, make_token
from users.models import Member

MARCH = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def users(partner, **query) -> dict:
    response = partner.get(f"/users?{urlencode(query)}")
    assert response.status_code == 200, response.content
    return response.json()["data"]


def transactions(partner, **query) -> dict:
    response = partner.get(f"/transactions?{urlencode(query, doseq=True)}")
    assert response.status_code == 200, response.content
    return response.json()["data"]


def ids(page: dict) -> list[str]:
    return [row["id"] for row in page["transactions"]]


@pytest.fixture
def three(brand) -> list[Member]:
    """Three members who registered a day apart."""
    return [make_member(brand, email=f"M{day}_%@Example.org", created_at=MARCH + timedelta(days=day)) for day in range(3)]


@pytest.fixture
def moved(partner, member, token) -> list[str]:
    """Five transactions, oldest first: three credits, a debit, the reversal of the first credit."""
    rows = [partner.credit(member.auth_id, amount, token.pk).json()["data"]["id"] for amount in (100, 20, 3)]
    rows.append(partner.debit(member.auth_id, 1, token.pk).json()["data"]["id"])
    rows.append(partner.post(f"/transactions/{rows[0]}/reversal", {"reversal": {}}).json()["data"]["id"])
    return rows


def test_users_are_listed_newest_first_with_the_total(partner, three):
    page = users(partner)

    assert [user["auth_id"] for user in page["users"]] == [member.auth_id for member in reversed(three)]
    assert (page["offset"], page["limit"], page["total_count"]) == (0, 100, 3)
    assert page["users"][0] == partner.get(f"/users/{three[2].auth_id}").json()["data"]


def test_users_are_paged_by_limit_and_offset(partner, three):
    page = users(partner, limit=2, offset=1)

    assert [user["auth_id"] for user in page["users"]] == [three[1].auth_id, three[0].auth_id]
    assert (page["offset"], page["limit"], page["total_count"]) == (1, 2, 3)
    assert users(partner, offset=3)["users"] == []


@pytest.mark.parametrize("path", ["/users", "/transactions"])
@pytest.mark.parametrize("limit", [101, 1_000, 10**30])
def test_a_limit_above_the_maximum_is_read_as_the_maximum(partner, path, limit):
    assert partner.get(f"{path}?limit={limit}").json()["data"]["limit"] == 100


@pytest.mark.parametrize("path", ["/users", "/transactions"])
@pytest.mark.parametrize("offset", [0, 10**6, 2**31, 2**63, 10**30])
def test_an_offset_beyond_the_end_is_an_empty_page(partner, path, offset):
    assert partner.get(f"{path}?offset={offset}").status_code == 200


@pytest.mark.parametrize("path", ["/users", "/transactions"])
@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *[("limit", value) for value in ("0", "-1", "", "a", "1.0", "1e1", " 1", "+1", "%D9%A1", "%00", "9" * 101)],
        *[("offset", value) for value in ("-1", "", "a", "1.0", "+1", "%00")],
        *[
            ("from_time", value)
            for value in ("", "yesterday", "2026-13-01", "2026-02-30T00:00:00Z", "1", "%00", "2026-06-01T25:00")
        ],
        *[("to_time", value) for value in ("", "now", "2026-06-01T00:00:00+99:00", "0001-01-01T00:00:00%2B14:00")],
        *[(name, "1") for name in ("Limit", "page", "user", "limit%5B%5D", "%C3%A4", "x")],
    ],
)
def test_a_malformed_or_unknown_parameter_is_refused_naming_it(partner, path, parameter, value):
    response = partner.get(f"{path}?{parameter}={value}")

    assert_refused(response, 400, "invalid_request")
    assert response.json()["errors"][0]["field"]


@pytest.mark.parametrize(
    ("path", "parameter", "value"),
    [
        *[("/users", name, "1") for name in ("cursor", "types", "token_id", "status", "user_auth_id")],
        ("/users", "email_like", "%00"),
        *[("/transactions", "types", value) for value in ("earned", "", "credit_points,", "CREDIT_POINTS", "%00")],
        ("/transactions", "types%5B%5D", "earned"),
        *[("/transactions", "status", value) for value in ("done", "", "SUCCESS", "success,failed", "%00")],
        *[("/transactions", "token_id", value) for value in ("", "a", "-1", "1.0", "%D9%A1", "1%0A", "%00")],
        *[
            ("/transactions", "cursor", value)
            for value in ("", "a", "%00", "YmVmb3JlOi0x", "YWZ0ZXI6MQ", "%C3%A4", "=" * 9, "9" * 9_000)
        ],
        ("/transactions", "user_auth_id", "%00"),
        ("/transactions", "email_like", "a"),
    ],
)
def test_a_parameter_that_this_list_does_not_take_is_refused(partner, path, parameter, value):
    response = partner.get(f"{path}?{parameter}={value}")

    assert_refused(response, 400, "invalid_request")
    assert response.json()["errors"][0]["field"] in {parameter, parameter.replace("%5B%5D", "[]"), "types"}


def test_email_like_finds_a_part_in_any_case_and_takes_wildcards_literally(partner, three):
    assert users(partner, email_like="m1_%@EXAMPLE")["total_count"] == 1
    assert users(partner, email_like="_%@example.org")["total_count"] == 3
    assert users(partner, email_like="m%1")["total_count"] == 0
    assert users(partner, email_like="\\")["total_count"] == 0
    assert users(partner, email_like="")["total_count"] == 3


def test_users_by_time_include_the_beginning_and_not_the_end(partner, three):
    first, second, third = (member.created_at for member in three)

    page = users(partner, from_time=first.isoformat(), to_time=third.isoformat())

    assert [user["auth_id"] for user in page["users"]] == [three[1].auth_id, three[0].auth_id]
    assert page["total_count"] == 2
    assert users(partner, from_time=(second + timedelta(microseconds=1)).isoformat())["total_count"] == 1


@pytest.mark.parametrize(
    "spelling",
    [
        *("2026-03-02T12:00:00", "2026-03-02T12:00:00Z", "2026-03-02T12:00", "2026-03-02 12:00:00"),
        *("2026-03-02T13:00:00%2B01:00", "2026-03-02T13:00:00+01:00", "2026-03-02T12:00:00.000000Z", "20260302T120000Z"),
    ],
)
def test_a_time_without_a_zone_is_utc_and_zones_are_understood(partner, three, spelling):
    page = partner.get(f"/users?from_time={spelling.replace(' ', '%20')}").json()["data"]

    assert page["total_count"] == 2


def test_a_date_alone_is_its_midnight(partner, three):
    assert users(partner, from_time="2026-03-02")["total_count"] == 2


def test_a_list_holds_nothing_of_another_brand(partner, other_member):
    theirs = make_token(other_member.brand)
    Partner.of(other_member.brand).credit(other_member.auth_id, 1, theirs.pk)

    assert users(partner) == {"users": [], "offset": 0, "limit": 100, "total_count": 0}
    for query in ({}, {"user_auth_id": other_member.auth_id}, {"token_id": theirs.pk}, {"user_auth_id": "nobody"}):
        assert transactions(partner, **query) == {
            "transactions": [],
            "total_tx_count": 0,
            "limit": 100,
            "offset": 0,
            "next_cursor": None,
        }


def test_transactions_are_listed_newest_first_as_they_are_read(partner, moved):
    page = transactions(partner)

    assert ids(page) == list(reversed(moved))
    assert (page["total_tx_count"], page["limit"], page["offset"], page["next_cursor"]) == (5, 100, 0, None)
    for row in page["transactions"]:
        assert partner.get(f"/transactions/{row['id']}").json()["data"] == row


def test_transactions_are_paged_by_limit_and_offset(partner, moved):
    page = transactions(partner, limit=2, offset=1)

    assert ids(page) == [moved[3], moved[2]]
    assert (page["total_tx_count"], page["limit"], page["offset"]) == (5, 2, 1)


@pytest.mark.parametrize("of_member", [False, True])
def test_cursors_lead_through_all_pages_and_new_rows_do_not_disturb(partner, member, token, moved, of_member):
    terms = {"user_auth_id": member.auth_id} if of_member else {}
    page = transactions(partner, limit=2, **terms)
    seen = ids(page)
    partner.credit(member.auth_id, 1, token.pk)

    while page["next_cursor"] is not None:
        page = transactions(partner, limit=2, cursor=page["next_cursor"], **terms)
        seen += ids(page)

    assert seen == list(reversed(moved))


def test_a_cursor_and_an_offset_do_not_go_together(partner, moved):
    cursor = transactions(partner, limit=1)["next_cursor"]

    assert_refused(partner.get(f"/transactions?cursor={cursor}&offset=0"), 400, "invalid_request", "cursor")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("types=debit_points", [3]),
        ("types=debit_points,reversal", [4, 3]),
        ("types=debit_points&types=reversal", [4, 3]),
        ("types[]=debit_points&types[]=reversal", [4, 3]),
        ("types%5B%5D=debit_points&types=reversal", [4, 3]),
        ("types=debit_points,%20reversal", [4, 3]),
        ("types=exchange", []),
        ("status=reversed", [0]),
        ("status=success", [4, 3, 2, 1]),
        ("status=pending", []),
        ("status=failed", []),
        ("types=credit_points&status=success", [2, 1]),
        ("limit=1&types=credit_points", [2]),
    ],
)
@pytest.mark.parametrize("of_member", [False, True])
def test_transactions_are_filtered_by_type_and_status(partner, member, moved, query, *, found, of_member):
    narrowing = f"&user_auth_id={member.auth_id}" if of_member else ""

    page = partner.get(f"/transactions?{query}{narrowing}").json()["data"]

    assert ids(page) == [moved[index] for index in found]
    assert page["total_tx_count"] == (3 if query.startswith("limit") else len(found))


def test_transactions_are_filtered_by_user_and_token(partner, member, token, moved):
    other, second = make_member(member.brand), make_token(member.brand, name="Stars")
    own = partner.credit(other.auth_id, 1, token.pk).json()["data"]["id"]
    stars = partner.credit(member.auth_id, 1, second.pk).json()["data"]["id"]

    assert ids(transactions(partner, user_auth_id=other.auth_id)) == [own]
    assert ids(transactions(partner, token_id=second.pk)) == [stars]
    assert ids(transactions(partner, token_id=token.pk)) == [own, *reversed(moved)]
    assert ids(transactions(partner, user_auth_id=member.auth_id, token_id=second.pk)) == [stars]
    assert ids(transactions(partner, user_auth_id=member.auth_id)) == [stars, *reversed(moved)]
    for terms, total in (({}, 7), ({"token_id": second.pk}, 1), ({"user_auth_id": member.auth_id}, 6)):
        assert transactions(partner, **terms)["total_tx_count"] == total


@pytest.mark.parametrize("token_id", ["999999999", "9" * 19, "9" * 500])
def test_a_token_that_does_not_exist_lists_nothing(partner, moved, token_id):
    assert transactions(partner, token_id=token_id)["transactions"] == []


def test_transactions_by_time_include_the_beginning_and_not_the_end(partner, moved):
    instants = [row["inserted_at"] for row in reversed(transactions(partner)["transactions"])]

    page = transactions(partner, from_time=instants[1], to_time=instants[3])

    assert ids(page) == [moved[2], moved[1]]
    assert page["total_tx_count"] == 2


def test_an_auth_id_with_strange_characters_is_found_in_a_query(partner, brand, token):
    member = make_member(brand, auth_id="a&b=c+d ä,")
    partner.credit(member.auth_id, 1, token.pk)

    assert partner.get(f"/transactions?user_auth_id={quote(member.auth_id)}").json()["data"]["total_tx_count"] == 1


def test_a_trailing_slash_before_the_query_is_optional(partner, moved):
    assert partner.get("/transactions/?limit=1").json() == partner.get("/transactions?limit=1").json()
    assert partner.get("/users/?limit=1").json() == partner.get("/users?limit=1").json()

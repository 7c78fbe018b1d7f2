"""Segments of the Retail API: made, listed, filled and emptied; promotions tied to them."""

import pytest

from loyalty.api.models import IdempotentRequest
from rewards.models import Programme, Promotion, PromotionSegment
from tests.api.conftest import assert_refused
from tests.clients import Partner, RetailClient
from tests.conftest import make_brand, make_member, make_token
from tests.segments import by_hand, by_rule, earn_in, inside, judge, put
from users.models import Member, RetailScope, Segment
from users.services.segments import MOST_AT_ONCE

NOWHERE = 10**17


@pytest.fixture
def till(brand) -> RetailClient:
    return RetailClient.of(brand)


@pytest.fixture
def segment(brand) -> Segment:
    return by_hand(brand)


def add(till: RetailClient, segment: Segment, *member_ids: str, **terms):
    return till.post(f"/segments/{segment.pk}/members", {"member_ids": list(member_ids)}, **terms)


def names(rows) -> list[str]:
    return [row["name"] for row in rows]


# --- segments ---


def test_a_segment_is_made_and_listed(till, brand):
    made = till.post("/segments", {"name": "VIP", "description": "Invited"})

    assert made.status_code == 201
    told = made.json()["data"]
    assert told == {
        "id": Segment.objects.get(brand=brand).pk,
        "name": "VIP",
        "description": "Invited",
        "kind": "hand",
        "members_count": 0,
    }
    assert till.get("/segments").json() == {"data": [told], "next_cursor": None}


def test_a_name_twice_is_refused(till):
    till.post("/segments", {"name": "VIP"})

    assert_refused(till.post("/segments", {"name": " VIP "}), 409, "segment_name_taken", "name")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": 5}, "name"),
        ({"name": "a", "kind": "rule"}, "kind"),
        ({"name": "a", "description": "x" * 2_001}, "description"),
    ],
)
def test_what_is_no_segment_is_refused_by_name(till, body, field):
    assert_refused(till.post("/segments", body), 400, "invalid_request", field)


def test_segments_are_listed_page_by_page(till, brand):
    for number in range(5):
        by_hand(brand, f"Segment {number}")
    by_hand(make_brand(), "Foreign")

    first = till.get("/segments?limit=2").json()
    second = till.get(f"/segments?limit=2&cursor={first['next_cursor']}").json()
    third = till.get(f"/segments?limit=2&cursor={second['next_cursor']}").json()

    assert names([*first["data"], *second["data"], *third["data"]]) == [f"Segment {number}" for number in range(5)]
    assert third["next_cursor"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "cursor=x", "offset=1"])
def test_a_bad_page_is_refused(till, segment, query):
    field = query.partition("=")[0]

    assert_refused(till.get(f"/segments?{query}"), 400, "invalid_request", field)
    assert_refused(till.get(f"/segments/{segment.pk}/members?{query}"), 400, "invalid_request", field)


def test_a_repetition_makes_no_second_segment(till, brand):
    first, again = (till.post("/segments", {"name": "VIP"}, key="k1") for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true"
    assert Segment.objects.filter(brand=brand).count() == 1


# --- members ---


def test_members_are_added_and_answered_one_by_one(till, brand, segment):
    one, two = make_member(brand), make_member(brand)
    stranger = make_member(make_brand())
    put(segment, two)

    answer = add(till, segment, one.auth_id, two.auth_id, "nobody", one.auth_id, stranger.auth_id)

    assert answer.status_code == 200
    assert answer.json() == {
        "data": [
            {"member_id": one.auth_id, "status": "added"},
            {"member_id": two.auth_id, "status": "already_member"},
            {"member_id": "nobody", "status": "not_found"},
            {"member_id": one.auth_id, "status": "already_member"},
            {"member_id": stranger.auth_id, "status": "not_found"},
        ]
    }
    assert inside(segment) == {one.pk, two.pk}


def test_members_are_listed_page_by_page(till, brand, segment):
    members = [make_member(brand) for _ in range(3)]
    put(segment, *members)

    first = till.get(f"/segments/{segment.pk}/members?limit=2").json()
    second = till.get(f"/segments/{segment.pk}/members?limit=2&cursor={first['next_cursor']}").json()

    assert [row["member_id"] for row in first["data"] + second["data"]] == [member.auth_id for member in members]
    assert set(first["data"][0]) == {"member_id", "added_at"}
    assert second["next_cursor"] is None


def test_a_thousand_ids_of_full_length_pass(till, segment):
    ids = [f"{number:0255}" for number in range(MOST_AT_ONCE)]

    answer = add(till, segment, *ids)

    assert answer.status_code == 200
    assert {row["status"] for row in answer.json()["data"]} == {"not_found"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "member_ids"),
        ({"member_ids": []}, "member_ids"),
        ({"member_ids": ["x"] * 1_001}, "member_ids"),
        ({"member_ids": "x"}, "member_ids"),
        ({"member_ids": ["x"], "segment": 1}, "segment"),
    ],
)
def test_what_are_no_members_is_refused_by_name(till, segment, body, field):
    assert_refused(till.post(f"/segments/{segment.pk}/members", body), 400, "invalid_request", field)


@pytest.mark.parametrize("id_", [1, "", "x" * 256, None])
def test_what_is_no_id_is_refused(till, segment, id_):
    assert_refused(till.post(f"/segments/{segment.pk}/members", {"member_ids": [id_]}), 400, "invalid_request")


def test_a_body_beyond_a_megabyte_is_refused(till, segment):
    answer = till.call("POST", f"/segments/{segment.pk}/members", raw=b" " * 1_048_577)

    assert_refused(answer, 413, "body_too_large")


def test_a_repetition_answers_the_first_time_and_what_is_kept_names_nobody(till, brand, segment):
    member = make_member(brand)

    first = add(till, segment, member.auth_id, "nobody", key="k1")
    till.call("DELETE", f"/segments/{segment.pk}/members/{member.auth_id}")
    again = add(till, segment, member.auth_id, "nobody", key="k1")

    assert (again.json(), again["Idempotent-Replayed"]) == (first.json(), "true")
    assert inside(segment) == set()
    kept = IdempotentRequest.objects.get(brand=brand, key="k1")
    assert member.auth_id.encode() not in bytes(kept.body)
    assert_refused(add(till, segment, "else", key="k1"), 422, "idempotency_key_reused")


def test_removing_is_idempotent(till, brand, segment):
    member = make_member(brand)
    put(segment, member)
    path = f"/segments/{segment.pk}/members/{member.auth_id}"

    assert [till.call("DELETE", path).status_code for _ in range(2)] == [204, 204]
    assert inside(segment) == set()


def test_who_or_what_is_unknown_is_not_found(till, brand, segment, member):
    foreign = by_hand(make_brand())
    stranger = make_member(make_brand())

    for pk in (foreign.pk, NOWHERE):
        assert_refused(till.get(f"/segments/{pk}/members"), 404, "segment_not_found")
        assert_refused(till.post(f"/segments/{pk}/members", {"member_ids": ["x"]}), 404, "segment_not_found")
        assert_refused(till.call("DELETE", f"/segments/{pk}/members/{member.auth_id}"), 404, "segment_not_found")
    for name in (stranger.auth_id, "nobody"):
        assert_refused(till.call("DELETE", f"/segments/{segment.pk}/members/{name}"), 404, "member_not_found")


def test_a_segment_by_rule_is_read_and_refuses_hands(till, brand):
    member = Member.objects.create(brand=brand, auth_id="a", metadata={"tags": ["vip"]})
    segment = by_rule(brand)
    judge(segment)

    assert till.get("/segments").json()["data"][0] | {"id": 0} == {
        "id": 0,
        "name": "By rule",
        "description": "",
        "kind": "rule",
        "members_count": 1,
    }
    assert [row["member_id"] for row in till.get(f"/segments/{segment.pk}/members").json()["data"]] == [member.auth_id]
    assert_refused(add(till, segment, "a"), 409, "segment_by_rule")
    assert_refused(till.call("DELETE", f"/segments/{segment.pk}/members/a"), 409, "segment_by_rule")


def test_an_erased_member_is_listed_no_more(till, brand, segment, member):
    put(segment, member)

    Partner.of(brand).call("DELETE", f"/users/{member.auth_id}")

    assert till.get(f"/segments/{segment.pk}/members").json()["data"] == []
    assert till.get("/segments").json()["data"][0]["members_count"] == 0


def test_each_operation_needs_its_scope(brand, segment):
    reader = RetailClient.of(brand, [RetailScope.SEGMENTS_READ])
    writer = RetailClient.of(brand, [RetailScope.SEGMENTS_WRITE])
    members = f"/segments/{segment.pk}/members"

    assert [reader.get(path).status_code for path in ("/segments", members)] == [200, 200]
    assert [writer.get(path).status_code for path in ("/segments", members)] == [403, 403]
    assert reader.post("/segments", {"name": "x"}).status_code == 403
    assert reader.post(members, {"member_ids": ["x"]}).status_code == 403
    assert reader.call("DELETE", f"{members}/x").status_code == 403
    assert writer.call("PUT", f"/promotions/1/segments/{segment.pk}").status_code == 403


# --- promotions ---


@pytest.fixture
def promotion(brand) -> Promotion:
    token = make_token(brand)
    earn_in(token)
    return Promotion.objects.create(brand=brand, name="Double", token=token, draft={})


def ties(promotion: Promotion) -> set[int]:
    return set(PromotionSegment.objects.filter(promotion=promotion).values_list("segment_id", flat=True))


def test_a_promotion_is_tied_and_untied(till, brand, promotion, segment):
    path, other = f"/promotions/{promotion.pk}/segments/{segment.pk}", by_hand(brand, "Other")
    before = Programme.objects.get(brand=brand).revision

    answers = [till.call("PUT", path) for _ in range(2)]
    till.call("PUT", f"/promotions/{promotion.pk}/segments/{other.pk}")
    assert [answer.status_code for answer in answers] == [204, 204]
    assert ties(promotion) == {segment.pk, other.pk}
    answers = [till.call("DELETE", path) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 204]
    assert ties(promotion) == {other.pk}
    assert Programme.objects.get(brand=brand).revision == before + 3


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_only_what_the_brand_has_is_tied(till, promotion, segment, method):
    foreign = make_brand()
    theirs = Promotion.objects.create(brand=foreign, name="Double", token=make_token(foreign), draft={})

    for pk in (theirs.pk, NOWHERE):
        assert_refused(till.call(method, f"/promotions/{pk}/segments/{segment.pk}"), 404, "promotion_not_found")
    for pk in (by_hand(foreign).pk, NOWHERE):
        assert_refused(till.call(method, f"/promotions/{promotion.pk}/segments/{pk}"), 404, "segment_not_found")

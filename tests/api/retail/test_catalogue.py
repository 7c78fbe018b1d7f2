"""Languages, categories and gifts, as the gift shop reads them."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from rewards.models import Category, CategoryText, Fulfilment, RewardType, RewardTypeSegment, RewardTypeText
from tests.api.conftest import assert_refused
from tests.api.programme import make_pool, make_reward_type
from tests.api.retail.conftest import make_segment
from tests.clients import RetailClient
from tests.conftest import make_brand, make_member, make_token
from users.models import SegmentMember


def make_category(brand, code: str, parent: Category | None = None, **terms) -> Category:
    return Category.objects.create(brand=brand, code=code, parent=parent, **({"name": code.capitalize()} | terms))


def tie(gift: RewardType, segment) -> None:
    RewardTypeSegment.objects.create(brand=gift.brand, reward_type=gift, segment=segment)


def names(answer) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [gift["name"] for gift in answer.json()["data"]]


# --- languages ---


def test_languages_are_told_by_their_own_names_the_default_first(till):
    assert till.get("/languages").json() == {
        "data": [
            {"code": "en", "name": "English", "default": True},
            {"code": "fr", "name": "Français", "default": False},
            {"code": "de", "name": "Deutsch", "default": False},
            {"code": "it", "name": "Italiano", "default": False},
        ]
    }


def test_a_language_that_nobody_has_heard_of_goes_by_its_code(db):
    till = RetailClient.of(make_brand(languages=["xx"]))

    assert till.get("/languages").json()["data"] == [{"code": "xx", "name": "xx", "default": True}]


# --- categories ---


def test_categories_are_a_tree_in_the_language_that_is_asked_for(till, brand):
    food = make_category(brand, "food")
    coffee = make_category(brand, "coffee", food)
    make_category(brand, "travel")
    CategoryText.objects.create(brand=brand, category=coffee, language="de", name="Kaffee")

    assert till.get("/categories?language=de").json() == {
        "data": [
            {"code": "food", "name": "Food", "children": [{"code": "coffee", "name": "Kaffee", "children": []}]},
            {"code": "travel", "name": "Travel", "children": []},
        ]
    }
    assert till.get("/categories").json()["data"][0]["children"][0]["name"] == "Coffee"


def test_what_is_not_active_is_left_out_with_all_that_stands_in_it(till, brand):
    closed = make_category(brand, "closed", active=False)
    make_category(brand, "within", make_category(brand, "under", closed))
    make_category(brand, "open")

    assert [shelf["code"] for shelf in till.get("/categories").json()["data"]] == ["open"]


def test_a_new_brand_has_no_categories(till):
    assert till.get("/categories").json() == {"data": []}


@pytest.mark.parametrize("path", ["/categories", "/gifts"])
@pytest.mark.parametrize("language", ["es", "", "EN", "de-CH", "x" * 500])
def test_a_language_that_the_brand_does_not_speak_is_refused(till, path, language):
    assert_refused(till.get(f"{path}?language={language}"), 400, "unknown_language", "language")


@pytest.mark.parametrize("path", ["/languages", "/categories", "/gifts", "/gifts/1"])
def test_an_unknown_parameter_is_refused(till, path):
    assert_refused(till.get(f"{path}?shoe=1"), 400, "invalid_request", "shoe")


# --- gifts ---


def test_a_gift_is_told_with_all_that_it_is(till, brand, token):
    category = make_category(brand, "mugs")
    until = timezone.now().replace(microsecond=0) + timedelta(days=30)
    gift = make_reward_type(
        brand,
        token,
        name="A red mug",
        sku="MUG-RED",
        description="Holds 300 ml.",
        category=category,
        price=450,
        value="12.5",
        stock=50,
        fulfilment=Fulfilment.PHYSICAL,
        images=["https://www.example.org/mug.jpg"],
        valid_until=until,
    )

    told = till.get(f"/gifts/{gift.pk}").json()["data"]

    gift.refresh_from_db()
    assert told == {
        "id": gift.pk,
        "sku": "MUG-RED",
        "name": "A red mug",
        "description": "Holds 300 ml.",
        "category": {"code": "mugs", "name": "Mugs"},
        "points": 450,
        "value": "12.50",
        "currency": "EUR",
        "images": ["https://www.example.org/mug.jpg"],
        "stock": "available",
        "delivery": "physical",
        "valid_from": None,
        "valid_until": until.isoformat().replace("+00:00", "Z"),
        "segments": [],
        "updated_at": gift.updated_at.isoformat().replace("+00:00", "Z"),
    }
    assert till.get("/gifts").json() == {"data": [told], "next_cursor": None}


def test_what_a_gift_lacks_is_null(till, brand, token):
    make_reward_type(brand, token)

    (told,) = till.get("/gifts").json()["data"]

    lacking = ("sku", "category", "value", "valid_from", "valid_until")
    assert {name: told[name] for name in lacking} == dict.fromkeys(lacking)
    assert (told["images"], told["description"]) == ([], "")


@pytest.mark.parametrize(
    ("stock", "handed_out", "state"),
    [(None, 5, "available"), (11, 0, "available"), (10, 0, "low"), (12, 3, "low"), (1, 0, "low"), (3, 3, "sold_out")],
)
def test_stock_is_told_in_a_word(till, token, stock, handed_out, state):
    make_reward_type(token.brand, token, stock=stock, handed_out=handed_out)

    assert till.get("/gifts").json()["data"][0]["stock"] == state


def test_delivery_is_told_in_a_word(till, brand, token):
    make_reward_type(brand, token, fulfilment=Fulfilment.GENERATED)
    make_pool(brand, token, ["A", "B"])
    make_reward_type(brand, token, fulfilment=Fulfilment.PHYSICAL)

    assert [gift["delivery"] for gift in till.get("/gifts").json()["data"]] == ["voucher", "code", "physical"]


def test_what_is_over_switched_off_or_not_begun_is_not_in_the_feed(till, brand, token):
    now, day = timezone.now(), timedelta(days=1)
    hidden = [
        make_reward_type(brand, token, name="over", valid_until=now),
        make_reward_type(brand, token, name="off", active=False),
        make_reward_type(brand, token, name="to come", valid_from=now + day),
    ]
    make_reward_type(brand, token, name="now", valid_from=now - day, valid_until=now + day)

    assert names(till.get("/gifts")) == ["now"]
    for gift in hidden:
        assert_refused(till.get(f"/gifts/{gift.pk}"), 404, "gift_not_found")


def test_texts_come_in_the_language_that_is_asked_for_and_else_as_they_are(till, brand, token):
    category = make_category(brand, "mugs")
    CategoryText.objects.create(brand=brand, category=category, language="de", name="Tassen")
    gift = make_reward_type(brand, token, name="Mug", description="Red.", category=category)
    RewardTypeText.objects.create(brand=brand, reward_type=gift, language="de", name="Tasse", description="Rot.")
    RewardTypeText.objects.create(brand=brand, reward_type=gift, language="it", name="Tazza")

    def told(query: str) -> tuple:
        one = till.get(f"/gifts/{gift.pk}{query}").json()["data"]
        assert till.get(f"/gifts{query}").json()["data"] == [one]
        return one["name"], one["description"], one["category"]["name"]

    assert told("?language=de") == ("Tasse", "Rot.", "Tassen")
    assert told("?language=it") == ("Tazza", "Red.", "Mugs")
    assert told("?language=fr") == told("") == ("Mug", "Red.", "Mugs")


def test_a_category_includes_those_that_stand_in_it(till, brand, token):
    food = make_category(brand, "food")
    coffee = make_category(brand, "coffee", food)
    make_reward_type(brand, token, name="bread", category=food)
    make_reward_type(brand, token, name="espresso", category=make_category(brand, "espresso", coffee))
    make_reward_type(brand, token, name="flight", category=make_category(brand, "travel"))
    make_reward_type(brand, token, name="anything")

    assert names(till.get("/gifts?category=food")) == ["bread", "espresso"]
    assert names(till.get("/gifts?category=coffee")) == ["espresso"]
    assert_refused(till.get("/gifts?category=shoes"), 400, "category_not_found", "category")


def test_a_gift_for_a_segment_shows_only_with_a_member_in_it(till, brand, token, member):
    vip = make_segment(brand, "vip", member)
    other = make_segment(brand, "other")
    make_reward_type(brand, token, name="for all")
    gift = make_reward_type(brand, token, name="for some")
    tie(gift, vip)
    tie(gift, other)
    outside = make_member(brand)

    assert names(till.get("/gifts")) == ["for all"]
    assert names(till.get(f"/gifts?member_id={outside.auth_id}")) == ["for all"]
    assert names(till.get(f"/gifts?member_id={member.auth_id}")) == ["for all", "for some"]
    assert till.get(f"/gifts/{gift.pk}?member_id={member.auth_id}").json()["data"]["segments"] == [vip.pk, other.pk]
    for query in ("", f"?member_id={outside.auth_id}"):
        assert_refused(till.get(f"/gifts/{gift.pk}{query}"), 404, "gift_not_found")


@pytest.mark.parametrize("member_id", ["nobody", "", "%00", "x" * 500])
def test_an_unknown_member_in_the_query_is_refused(till, brand, token, member_id):
    gift = make_reward_type(brand, token)
    code = "invalid_request" if member_id == "%00" else "member_not_found"

    assert_refused(till.get(f"/gifts?member_id={member_id}"), 400, code, "member_id")
    assert_refused(till.get(f"/gifts/{gift.pk}?member_id={member_id}"), 400, code, "member_id")


def test_updated_since_tells_what_has_changed(till, brand, token):
    gifts = [make_reward_type(brand, token, name=name) for name in ("a", "b", "c")]
    since = max(RewardType.objects.filter(brand=brand).values_list("updated_at", flat=True)) + timedelta(microseconds=1)
    told = since.isoformat().replace("+", "%2B")
    assert names(till.get(f"/gifts?updated_since={told}")) == []

    RewardType.objects.filter(pk=gifts[1].pk).update(price=7)
    RewardTypeText.objects.create(brand=brand, reward_type=gifts[2], language="de", name="c auf Deutsch")

    assert names(till.get(f"/gifts?updated_since={told}")) == ["b", "c"]


def test_what_came_on_offer_by_time_alone_has_changed_too(till, brand, token):
    now = timezone.now()
    past = now - timedelta(days=60)
    make_reward_type(brand, token, name="begun", valid_from=now - timedelta(seconds=30), updated_at=past)
    make_reward_type(brand, token, name="older", valid_from=now - timedelta(days=30), updated_at=past)
    since = (now - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    assert names(till.get(f"/gifts?updated_since={since}")) == ["begun"]


def test_what_a_member_came_to_see_by_joining_a_segment_has_changed_for_them(till, brand, token, member):
    vip, gift = make_segment(brand, "vip"), make_reward_type(brand, token, name="for some")
    tie(gift, vip)
    since = (timezone.now() + timedelta(seconds=1)).isoformat().replace("+", "%2B")
    asked = f"/gifts?member_id={member.auth_id}&updated_since={since}"
    assert names(till.get(asked)) == []

    SegmentMember.objects.create(brand=brand, segment=vip, member=member, added_at=timezone.now() + timedelta(seconds=2))

    assert names(till.get(asked)) == ["for some"]


@pytest.mark.parametrize("value", ["yesterday", "", "2026-13-01T00:00:00Z", "1"])
def test_a_bad_time_is_refused(till, value):
    assert_refused(till.get(f"/gifts?updated_since={value}"), 400, "invalid_request", "updated_since")


def test_gifts_are_paged_and_none_is_told_twice_or_left_out(till, brand, token):
    for number in range(7):
        make_reward_type(brand, token, name=str(number))

    seen, query = [], "?limit=3"
    for _ in range(3):
        page = till.get(f"/gifts{query}").json()
        seen += [gift["name"] for gift in page["data"]]
        query = f"?limit=3&cursor={page['next_cursor']}"

    assert seen == ["0", "1", "2", "3", "4", "5", "6"]
    assert page["next_cursor"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "limit=1.5", "cursor=x", "cursor=", "offset=1"])
def test_a_bad_page_is_refused(till, query):
    assert_refused(till.get(f"/gifts?{query}"), 400, "invalid_request", query.partition("=")[0])


def test_more_than_100_is_read_as_100(till, brand, token):
    for _ in range(101):
        make_reward_type(brand, token)

    page = till.get("/gifts?limit=1000").json()

    assert len(page["data"]) == 100
    assert page["next_cursor"]


def test_as_many_questions_are_asked_whatever_the_number_of_gifts(till, brand, token, member):
    vip, category = make_segment(brand, "vip", member), make_category(brand, "mugs")

    def asked(count: int) -> int:
        for _ in range(count):
            tie(make_reward_type(brand, token, category=category), vip)
        with CaptureQueriesContext(connection) as queries:
            till.get(f"/gifts?member_id={member.auth_id}&language=de&category=mugs")
        return len(queries)

    till.get("/gifts")
    assert asked(2) == asked(40) <= 12


# --- ETags ---


@pytest.mark.parametrize("one", [False, True])
def test_what_the_caller_has_already_is_not_sent_again(till, brand, token, one):
    gift = make_reward_type(brand, token)
    path = f"/gifts/{gift.pk}" if one else "/gifts"

    first = till.get(path)
    again = till.get(path, **{"If-None-Match": first["ETag"]})
    listed = till.get(path, **{"If-None-Match": f'"other", W/{first["ETag"]}'})
    any_ = till.get(path, **{"If-None-Match": "*"})
    other = till.get(path, **{"If-None-Match": '"other"'})

    assert first["ETag"].startswith('"')
    for answer in (again, listed, any_):
        assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", first["ETag"])
        assert "RateLimit-Limit" in answer
        assert "X-Request-ID" in answer
    assert (other.status_code, other.content) == (200, first.content)


def test_any_change_makes_another_etag(till, brand, token):
    gift = make_reward_type(brand, token)
    before = till.get("/gifts")["ETag"]

    RewardType.objects.filter(pk=gift.pk).update(price=7)
    answer = till.get("/gifts", **{"If-None-Match": before})

    assert answer.status_code == 200
    assert answer["ETag"] != before
    assert till.get("/gifts?language=de")["ETag"]


def test_a_malformed_if_none_match_is_as_good_as_none(till, brand, token):
    for header in ("x", '"', "W/", ""):
        assert till.get("/gifts", **{"If-None-Match": header}).status_code == 200


# --- walls ---


def test_another_brand_s_gifts_categories_and_members_are_as_good_as_none(till, brand):
    other = make_brand()
    token, member = make_token(other), make_member(other)
    gift = make_reward_type(other, token, category=make_category(other, "theirs"))

    assert till.get("/gifts").json()["data"] == []
    assert till.get("/categories").json()["data"] == []
    assert_refused(till.get(f"/gifts/{gift.pk}"), 404, "gift_not_found")
    assert_refused(till.get("/gifts?category=theirs"), 400, "category_not_found")
    assert_refused(till.get(f"/gifts?member_id={member.auth_id}"), 400, "member_not_found")

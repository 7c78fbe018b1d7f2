"""Pages of promotions: drafted in a form that anyone can fill in, published in versions that stay."""

import pytest
from django.test import Client
from django.urls import reverse

from rewards.models import Promotion, PromotionSegment, PromotionVersion
from rewards.services.promotions import move_promotion
from tests.api.retail.baskets import DOUBLE_COFFEE, FIFTY, basket, line, make_programme, publish
from tests.clients import RetailClient
from tests.conftest import make_brand, make_token
from tests.loyalty.backoffice.promoting import do, form_of, someone
from tests.loyalty.desk import fill, make_staff, page_of, signed_in, words
from tests.rewards.conftest import again
from tests.segments import by_hand
from users.models import AuditEntry

COFFEE = {"kind": "multiplier", "factor": "2", "categories": "coffee\n\n tea \ncoffee"}


@pytest.fixture
def client(brand) -> Client:
    return someone(brand)


@pytest.fixture
def points(brand):
    return make_programme(brand)


# --- the draft ---


def test_a_promotion_is_drafted_in_fields_that_anyone_can_fill_in(client, brand, points):
    told = COFFEE | {
        "minimum_amount": "10.00",
        "stores": "zurich",
        "weekdays": ["1", "5"],
        "from_time": "22:00",
        "to_time": "02:00",
        "starts_at": "2026-06-01T00:00",
        "ends_at": "2026-07-01T00:00",
        "priority": "3",
        "exclusive": "on",
        "member_times": "2",
        "member_period": "week",
        "budget_points": "1000",
    }

    fill(client, Promotion, None, form_of(points, **told))

    made = Promotion.objects.get(brand=brand)
    assert (made.state, made.version, made.budget_points) == ("draft", None, 1_000)
    assert made.draft == {
        "gain": {"kind": "multiplier", "factor": "2"},
        "categories": ["coffee", "tea"],
        "minimum_amount": "10.00",
        "stores": ["zurich"],
        "weekdays": [1, 5],
        "from_time": "22:00",
        "to_time": "02:00",
        "starts_at": "2026-05-31T22:00:00Z",
        "ends_at": "2026-06-30T22:00:00Z",
        "priority": 3,
        "exclusive": True,
        "member_times": 2,
        "member_period": "week",
    }


def test_what_is_kept_is_shown_and_stays_when_only_the_name_is_changed(client, brand, points):
    fill(client, Promotion, None, form_of(points, **COFFEE, starts_at="2026-06-01T08:30", from_time="09:00", to_time="12:00"))
    made = Promotion.objects.get(brand=brand)
    form = client.get(page_of(Promotion, "change", made.pk)).context["adminform"].form

    sent = {field.html_name: field.value() for field in form if field.value() is not None}
    sent |= {"starts_at": "2026-06-01T08:30", "from_time": "09:00", "to_time": "12:00", "name": "Tea week"}
    fill(client, Promotion, made, {name: value for name, value in sent.items() if value is not False})

    assert (again(made).name, again(made).draft) == ("Tea week", made.draft)
    changed = AuditEntry.objects.filter(brand=brand, kind="change").get()
    assert (changed.before, changed.after) == ({"name": "Coffee week"}, {"name": "Tea week"})


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "multiplier"}, "factor"),
        ({"kind": "multiplier", "factor": "1"}, "factor"),
        ({"points": ""}, "points"),
        ({"points": "0"}, "points"),
        ({"kind": "per_amount"}, "each"),
        ({"kind": "per_amount", "each": "0"}, "each"),
        ({"minimum_amount": "1.001"}, "minimum_amount"),
        ({"minimum_quantity": "0"}, "minimum_quantity"),
        ({"minimum_amount": "-1"}, "minimum_amount"),
        ({"from_time": "10:00"}, "to_time"),
        ({"from_time": "25:00"}, "from_time"),
        ({"starts_at": "2026-06-02T00:00", "ends_at": "2026-06-01T00:00"}, "ends_at"),
        ({"starts_at": "soon"}, "starts_at"),
        ({"priority": "1001"}, "priority"),
        ({"weekdays": ["8"]}, "weekdays"),
        ({"skus": "x" * 101}, "skus"),
        ({"skus": "\n".join(map(str, range(1_001)))}, "skus"),
        ({"budget_points": "-1"}, "budget_points"),
        ({"name": ""}, "name"),
    ],
)
def test_what_a_promotion_cannot_be_is_told_at_its_field(client, brand, points, fields, field):
    page = fill(client, Promotion, None, form_of(points, **fields))

    assert page.status_code == 200
    assert field in page.context["adminform"].form.errors
    assert not Promotion.objects.filter(brand=brand).exists()


def test_a_name_is_used_once_in_a_brand(client, brand, points):
    fill(client, Promotion, None, form_of(points))

    page = fill(client, Promotion, None, form_of(points))

    assert page.status_code == 200
    assert Promotion.objects.filter(brand=brand).count() == 1


def test_a_budget_is_never_less_than_what_was_given(client, brand, points, member):
    promotion = publish(brand, FIFTY, budget=100)
    RetailClient.of(brand).post("/earnings", basket(member.auth_id, line(1, "60.00")))

    page = fill(client, Promotion, promotion, form_of(points, budget_points="49"))

    assert "Not less than what it has given: 50." in words(page)


def test_a_token_or_a_segment_of_another_brand_is_taken_by_nobody(client, brand, points):
    other = make_brand()
    fill(client, Promotion, None, form_of(make_token(other)))
    house = signed_in(make_staff(username="house", is_superuser=True))
    segment = by_hand(other)
    table = {"ties-TOTAL_FORMS": 1, "ties-INITIAL_FORMS": 0, "ties-0-segment": segment.pk}

    told = [
        words(fill(house, Promotion, None, form_of(make_token(other), brand=brand.pk))),
        words(fill(house, Promotion, None, form_of(points, brand=brand.pk) | table)),
    ]

    assert ["This token is of another brand." in told[0], "This segment is of another brand." in told[1]] == [True, True]
    assert not Promotion.objects.filter(brand=brand).exists()


def test_segments_stand_under_the_promotion_each_once(client, brand, points):
    segment = by_hand(brand)
    once = {"ties-TOTAL_FORMS": 1, "ties-INITIAL_FORMS": 0, "ties-0-segment": segment.pk}
    twice = {"ties-TOTAL_FORMS": 2, "ties-INITIAL_FORMS": 0, "ties-0-segment": segment.pk, "ties-1-segment": segment.pk}

    page = fill(client, Promotion, None, form_of(points) | twice)
    fill(client, Promotion, None, form_of(points) | once)

    assert "This segment stands here twice." in words(page)
    assert PromotionSegment.objects.get(brand=brand).segment == segment
    assert segment.name in words(client.get(page_of(Promotion, "changelist")))


# --- publishing ---


def test_publishing_says_what_changes_and_makes_a_version(client, brand, points):
    promotion = publish(brand, FIFTY)
    fill(client, Promotion, promotion, form_of(points, points=80))
    asked = words(client.get(reverse("admin:rewards_promotion_publish", args=[promotion.pk])))

    do(client, "publish", promotion)

    assert "50 points for a basket → 80 points for a basket" in asked
    assert "50.00 EUR → -" in asked
    assert "What was earned stays as it was" in asked
    assert again(promotion).version.number == 2
    assert [version.terms["gain"]["points"] for version in promotion.versions.order_by("number")] == [50, 80]
    entry = AuditEntry.objects.filter(brand=brand, kind="action").get()
    assert (entry.before["version"], entry.after["version"]) == (1, 2)
    assert (entry.before["terms"]["gain"]["points"], entry.after["terms"]["gain"]["points"]) == (50, 80)
    assert "Campaign manager of" in words(client.get(page_of(Promotion, "change", promotion.pk)))


def test_a_draft_that_nobody_looked_at_is_not_published(client, brand, points):
    promotion = publish(brand, FIFTY)
    fill(client, Promotion, promotion, form_of(points, points=80))
    seen = client.get(reverse("admin:rewards_promotion_publish", args=[promotion.pk])).context["form"].initial["seen"]
    fill(client, Promotion, promotion, form_of(points, points=90))

    page = do(client, "publish", promotion, seen=seen)

    assert "The draft was changed meanwhile" in words(page)
    assert PromotionVersion.objects.filter(promotion=promotion).count() == 1


def test_a_promotion_is_paused_resumed_and_ended_and_each_move_is_written_down(client, brand, points):
    promotion = publish(brand, FIFTY)

    states = [do(client, name, promotion) and again(promotion).state for name in ("pause", "resume", "end", "resume")]

    assert states == ["paused", "running", "ended", "ended"]
    entries = AuditEntry.objects.filter(brand=brand, kind="action").order_by("pk")
    assert [(entry.before["state"], entry.after["state"]) for entry in entries] == [
        ("running", "paused"),
        ("paused", "running"),
        ("running", "ended"),
    ]


def test_what_has_ended_is_read_and_copied_and_no_more_changed(client, brand, points):
    promotion = publish(brand, FIFTY, segment=by_hand(brand))
    move_promotion(brand_id=brand.pk, promotion_id=promotion.pk, to="ended")

    page = client.get(page_of(Promotion, "change", promotion.pk))
    do(client, "copy", promotion, name="Again")

    assert "It has ended for good" in words(page)
    copy = Promotion.objects.get(brand=brand, name="Again")
    assert (copy.state, copy.draft, copy.ties.count()) == ("draft", promotion.draft, 1)
    assert "50 points for a basket" in words(page)


def test_a_name_that_is_taken_is_told_at_the_copys_name(client, brand, points):
    promotion = publish(brand, FIFTY)

    page = do(client, "copy", promotion, name=promotion.name)

    assert "name" in page.context["form"].errors


@pytest.mark.parametrize(
    ("terms", "standing"),
    [
        ({"starts_at": "2090-01-01T00:00:00Z"}, "Not begun"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, "Over"),
        ({}, "Running"),
    ],
)
def test_the_list_tells_where_each_stands_and_how_much_of_its_budget_is_used(client, brand, points, terms, standing):
    publish(brand, FIFTY | terms, budget=1_000)

    told = words(client.get(page_of(Promotion, "changelist")))

    assert standing in told
    assert "0 of 1,000" in told
    assert "everybody" in told


def test_who_only_looks_reads_the_terms_in_words(brand, points):
    promotion = publish(brand, DOUBLE_COFFEE)

    page = client_page = someone(brand, "Service agent").get(page_of(Promotion, "change", promotion.pk))

    assert page.status_code == 200
    assert "2 times the points" in words(client_page)
    assert 'name="factor"' not in page.content.decode()


# --- whose ---


@pytest.mark.parametrize(
    ("role", "statuses"),
    [("Campaign manager", [200, 200, 200]), ("Service agent", [200, 403, 403]), ("Finance", [200, 403, 403])],
)
def test_who_looks_may_try_and_who_manages_campaigns_may_publish(brand, points, role, statuses):
    promotion = publish(brand, FIFTY)
    Promotion.objects.filter(pk=promotion.pk).update(draft=DOUBLE_COFFEE)
    client = someone(brand, role)

    got = [
        client.get(reverse(f"admin:rewards_promotion_{name}", args=[promotion.pk])).status_code
        for name in ("try", "publish", "copy")
    ]

    assert got == statuses

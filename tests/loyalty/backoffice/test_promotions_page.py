"""Pages of promotions: drafted in a form, tried out, published in versions that stay; the programme, and what was earned."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ledger.models import Transaction
from rewards.models import BaseRate, Earning, Programme, Promotion, PromotionSegment, PromotionVersion
from rewards.rules.baskets import MOST_LINES
from rewards.services.promotions import move_promotion
from rewards.services.trying import try_promotion
from tests.api.retail.baskets import DOUBLE_COFFEE, FIFTY, basket, line, make_programme, publish
from tests.clients import RetailClient
from tests.conftest import make_brand, make_member, make_token
from tests.loyalty.desk import fill, make_staff, page_of, signed_in, words
from tests.rewards.conftest import again
from tests.segments import by_hand, put
from users.models import AuditEntry

COFFEE = {"kind": "multiplier", "factor": "2", "categories": "coffee\n\n tea \ncoffee"}


def someone(brand, role: str = "Campaign manager") -> Client:
    staff = make_staff(username=f"{role} of {brand.pk}", brand=brand)
    staff.groups.add(Group.objects.get(name=role))
    return signed_in(staff)


@pytest.fixture
def client(brand) -> Client:
    return someone(brand)


@pytest.fixture
def points(brand):
    return make_programme(brand)


def form_of(token, **fields) -> dict[str, object]:
    form = {"name": "Coffee week", "token": token.pk, "kind": "fixed", "points": 50, "priority": 0, "member_period": "all"}
    return form | fields


def do(client: Client, verb: str, promotion: Promotion, **fields):
    """Look at a verb's page, and send what it shows."""
    path = reverse(f"admin:rewards_promotion_{verb}", args=[promotion.pk])
    page = client.get(path)
    form = page.context["form"].initial if page.status_code == 200 and "form" in page.context else {}
    return client.post(path, dict(form) | fields, follow=True)


def attempt(client: Client, promotion: Promotion, *lines, part: str = "", **fields):
    """Try a basket: a line is product, category, quantity and amount."""
    columns = list(zip(*lines, strict=True)) or [[], [], [], []]
    names = ("sku", "category", "quantity", "amount")
    form = {f"try-lines-{name}": list(column) for name, column in zip(names, columns, strict=True)}
    form |= {f"try-{name}": value for name, value in fields.items()}
    return client.post(reverse("admin:rewards_promotion_try", args=[promotion.pk]) + part, form)


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


# --- trying ---


def test_a_basket_is_tried_with_the_draft_in_the_place_of_its_version_and_nothing_is_posted(client, brand, points, member):
    promotion = publish(brand, DOUBLE_COFFEE)
    fill(client, Promotion, promotion, form_of(points, kind="multiplier", factor="3", categories="coffee"))

    page = attempt(client, promotion, ("beans", "coffee", "1", "8.00"), ("bread", "", "2", "4.00"), member=member.auth_id)

    told = words(page)
    assert "It would earn 28 points: 12 points for what is paid, 16 points from promotions." in told
    assert "3 times the points, counted on 8.00 EUR" in told
    assert "(the draft)" in told
    assert not Transaction.objects.filter(brand=brand).exists()
    assert not Earning.objects.filter(brand=brand).exists()


def test_the_panel_is_told_the_outcome_alone(client, brand, points):
    promotion = publish(brand, FIFTY)

    page = attempt(client, promotion, ("beans", "", "1", "8.00"), part="?part=outcome")

    assert "<html" not in page.content.decode()
    assert "What it counts costs too little." in words(page)


def test_a_basket_is_tried_in_the_future_at_a_store_and_for_segments(client, brand, points, member):
    segment = by_hand(brand)
    promotion = publish(brand, FIFTY | {"starts_at": "2090-01-01T00:00:00Z", "stores": ["zurich"]}, segment=segment)
    bread, later = ("bread", "", "1", "60.00"), {"occurred_at": "2090-06-01T12:00", "store_id": "zurich"}
    put(segment, member)

    outcomes = [
        words(attempt(client, promotion, bread, **fields))
        for fields in (
            {"member": member.auth_id},
            later,
            later | {"member": member.auth_id, "store_id": "bern"},
            later | {"member": member.auth_id},
        )
    ]

    reasons = ["It has not begun.", "in none of its segments", "not count in this store", "It would earn 110 points"]
    assert [reason in told for reason, told in zip(reasons, outcomes, strict=True)] == [True] * 4


@pytest.mark.parametrize(
    ("lines", "fields", "told"),
    [
        ([], {}, "1 to 200 lines."),
        ([("bread", "", "1", "1.00")] * (MOST_LINES + 1), {}, "1 to 200 lines."),
        ([("bread", "", "0", "1.00")], {}, "Line 1: a quantity above 0"),
        ([("bread", "", "1", "1.001")], {}, "Line 1: an amount that is not negative"),
        ([("bread", "", "1", "-1")], {}, "Line 1: an amount that is not negative"),
        ([("", "coffee", "1", "1")], {}, "Line 1: a product of 1 to 100 characters"),
        ([("bread", "", "1", "1")], {"member": "nobody"}, "The brand has no such member."),
        ([("bread", "", "1", "1")], {"occurred_at": "later"}, "Enter a valid date/time."),
    ],
)
def test_what_is_no_basket_is_told(client, brand, lines, fields, told):
    make_programme(brand)
    promotion = publish(brand, FIFTY)

    for part in ("", "?part=outcome"):
        assert told in words(attempt(client, promotion, *lines, part=part, **fields))


def test_a_promotion_is_tried_on_past_baskets(client, brand, points, member):
    till = RetailClient.of(brand)
    for price in ("60.00", "60.00", "10.00"):
        till.post("/earnings", basket(member.auth_id, line(1, price)))
    promotion = publish(brand, FIFTY | {"member_times": 1})
    path = reverse("admin:rewards_promotion_past", args=[promotion.pk])
    since = (timezone.now() - timedelta(days=2)).date().isoformat()

    page = client.post(path, {"since": since})

    assert [value for _, value in page.context["facts"]][:4] == ["3", "1", "1", "50"]
    assert dict(page.context["reasons"]) == {
        "What it counts costs too little.": "1",
        "The member has had as much of it as one may have.": "1",
    }
    assert "At most the last 20,000 baskets" in words(page)
    assert "A day from 2000 on." in words(client.post(path, {"since": "0001-01-01"}))


def test_no_more_past_baskets_are_looked_at_than_asked_for(brand, points, member):
    till = RetailClient.of(brand)
    for _ in range(3):
        till.post("/earnings", basket(member.auth_id, line(1, "60.00")))
    promotion = publish(brand, FIFTY)

    looked = [
        try_promotion(
            brand_id=brand.pk, promotion_id=promotion.pk, since=datetime(2020, 1, 1, tzinfo=UTC), newest=newest
        ).baskets
        for newest in (2, 3, 9, None)
    ]

    assert looked == [2, 3, 3, 3]


# --- the programme ---


def test_a_programme_is_made_once_and_its_rate_is_set_in_versions(client, brand, token):
    fill(client, Programme, None, {"token": token.pk, "backdating_days": 10})
    programme = Programme.objects.get(brand=brand)
    path = reverse("admin:rewards_programme_set_base_rate", args=[programme.pk])

    for rate in ("1", "1.5"):
        client.post(path, {"token": token.pk, "rate": rate})

    rates = BaseRate.objects.filter(brand=brand).order_by("number")
    assert [(rate.number, rate.rate) for rate in rates] == [(1, Decimal(1)), (2, Decimal("1.5"))]
    entry = AuditEntry.objects.filter(brand=brand, kind="action").order_by("-pk").first()
    assert (entry.before["rate"], entry.after["rate"]) == ("1", "1.5")
    told = words(client.get(page_of(Programme, "change", programme.pk)))
    assert "1.5" in told
    assert "Campaign manager of" in told
    assert client.get(page_of(Programme, "add")).status_code == 302


@pytest.mark.parametrize("rate", ["-1", "1.0000001", "1000000", "much", ""])
def test_a_rate_that_cannot_be_is_told(client, brand, points, rate):
    page = client.post(reverse("admin:rewards_programme_set_base_rate", args=[brand.pk]), {"token": points.pk, "rate": rate})

    assert "rate" in page.context["form"].errors
    assert BaseRate.objects.filter(brand=brand).count() == 1


def test_who_keeps_the_rules_reads_a_changed_programme_anew(client, brand, points, member):
    till = RetailClient.of(brand)
    till.post("/baskets/evaluation", basket(member.auth_id, line(1, "60.00")))
    before = Programme.objects.get(brand=brand).revision

    fill(client, Programme, Programme.objects.get(brand=brand), {"token": points.pk, "backdating_days": 0})

    programme = Programme.objects.get(brand=brand)
    assert (programme.backdating_days, programme.revision) == (0, before + 1)


# --- earnings ---


def test_an_earning_says_why_it_gave_points_and_what_came_back(brand, points, member):
    promotion = publish(brand, DOUBLE_COFFEE)
    publish(brand, FIFTY)
    till = RetailClient.of(brand)
    sent = basket(member.auth_id, line(1, "8.40", category="coffee"), line(2, "2.60"))
    till.post("/earnings", sent)
    earning = Earning.objects.get(brand=brand)
    reversal = {"reversal_id": "back-1", "lines": [{"line": 1}]}
    assert till.post(f"/earnings/{sent['transaction_id']}/reversal", reversal).status_code == 201

    client = someone(brand, "Service agent")
    told = words(client.get(page_of(Earning, "change", earning.pk)))

    assert promotion.name in told
    assert "What it counts costs too little." in told
    assert "back-1" in told
    assert "1: 8.40 EUR" in told
    assert sent["transaction_id"] in words(client.get(page_of(Earning, "changelist") + f"?member={member.pk}"))
    assert f"?member={member.pk}" in client.get(page_of(type(member), "change", member.pk)).content.decode()


def test_earnings_of_another_member_are_not_listed(brand, points, member):
    RetailClient.of(brand).post("/earnings", basket(member.auth_id, line(1, "8.40")))

    page = someone(brand, "Finance").get(page_of(Earning, "changelist") + f"?member={make_member(brand).pk}")

    assert list(page.context["cl"].result_list) == []


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

"""Promotions are tried out at their pages, on a basket that someone types and on past ones; nothing is posted."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ledger.models import Transaction
from rewards.models import Earning, Promotion
from rewards.rules.baskets import MOST_LINES
from rewards.services.trying import try_promotion
from tests.api.retail.baskets import DOUBLE_COFFEE, FIFTY, basket, line, make_programme, publish
from tests.clients import RetailClient
from tests.loyalty.backoffice.promoting import attempt, form_of, someone
from tests.loyalty.desk import fill, words
from tests.segments import by_hand, put


@pytest.fixture
def client(brand) -> Client:
    return someone(brand)


@pytest.fixture
def points(brand):
    return make_programme(brand)


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

"""Pages of the programme, and of what was earned by it."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from rewards.models import BaseRate, Earning, Programme
from tests.api.retail.baskets import DOUBLE_COFFEE, FIFTY, basket, line, make_programme, publish
from tests.clients import RetailClient
from tests.conftest import make_member
from tests.loyalty.backoffice.promoting import someone
from tests.loyalty.desk import fill, page_of, words
from users.models import AuditEntry


@pytest.fixture
def client(brand) -> Client:
    return someone(brand)


@pytest.fixture
def points(brand):
    return make_programme(brand)


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

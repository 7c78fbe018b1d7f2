"""A list is narrowed by what its filters offer and its links say: no other column is read by asking for its rows."""

import pytest
from django.contrib import admin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.test import RequestFactory

from exchange.models import AccrualFile, ExchangeOrder
from loyalty.admin.cards import NEEDS
from rewards.models import Code, Earning
from tests.conftest import make_brand, make_member
from tests.loyalty.desk import make_staff, page_of, signed_in
from tests.loyalty.furnished import furnish
from users.models import Email, Member, Staff, WebhookDelivery

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
LINKED = {Earning: {"member"}}
MOST_CHOICES = 4


@pytest.fixture
def house(db) -> Staff:
    return make_staff(is_superuser=True)


def offered(page) -> set[str]:
    """The columns that filters of a list are about."""
    return {one if isinstance(one, str) else one[0] for one in page.list_filter if not isinstance(one, type)}


def refuses(page, staff: Staff, lookup: str) -> bool:
    request = RequestFactory().get("/", {lookup: "1"})
    request.user = staff
    try:
        page.get_changelist_instance(request)
    except DisallowedModelAdminLookup:
        return True
    return False


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_column_that_no_filter_offers_finds_nothing(house, model):
    page = admin.site._registry[model]
    kept = {field.name for field in model._meta.concrete_fields} - offered(page)
    asked = {f"{name}{ending}" for name in kept for ending in ("", "__startswith", "__gte")}
    asked -= {one.parameter_name for one in page.list_filter if isinstance(one, type)} | LINKED.get(model, set())

    assert asked
    assert [lookup for lookup in sorted(asked) if not refuses(page, house, lookup)] == []


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_column_with_a_filter_is_asked_for_whole(house, model):
    page = admin.site._registry[model]
    asked = [f"{name}{ending}" for name in sorted(offered(page)) for ending in ("__startswith", "__gt", "__regex")]

    assert [lookup for lookup in asked if not refuses(page, house, lookup)] == []


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        (Staff, "password__startswith"),
        (Staff, "email__startswith"),
        (Member, "email__startswith"),
        (Member, "first_name__gte"),
        (ExchangeOrder, "membership_number__startswith"),
        (ExchangeOrder, "member__email__startswith"),
        (Code, "code__startswith"),
        (Email, "context__code__startswith"),
        (WebhookDelivery, "body__contains"),
        (AccrualFile, "content__contains"),
        (Earning, "member__email__startswith"),
    ],
)
def test_what_is_masked_is_not_read_through_an_address(brand, model, lookup):
    client = signed_in(make_staff(brand=brand, is_superuser=True))

    assert client.get(page_of(model, "changelist"), {lookup: "a"}).status_code == 400


def test_filters_do_what_they_offer(db):
    brand = make_brand()
    furnish(brand)
    client = signed_in(make_staff(brand=brand, is_superuser=True))
    followed = 0

    for model in MODELS:
        if admin.site._registry[model].brand_path is None:
            continue
        changelist = client.get(page_of(model, "changelist")).context["cl"]
        for query in queries(changelist):
            followed += 1
            assert client.get(page_of(model, "changelist") + query).status_code == 200, (model, query)

    assert followed > 20


def queries(changelist) -> list[str]:
    """What the filters' choices stand for in an address."""
    choices = [choice for spec in changelist.filter_specs for choice in list(spec.choices(changelist))[:MOST_CHOICES]]
    return [choice["query_string"] for choice in choices if choice.get("query_string")]


def test_the_home_pages_cards_lead_to_their_lists(house):
    brand, client = make_brand(), signed_in(house)
    request = RequestFactory().get("/")
    request.user = house

    for need in NEEDS:
        assert client.get(need.link(request, brand)).status_code == 200, need.name


def test_a_members_earnings_are_linked(brand):
    client = signed_in(make_staff(brand=brand, is_superuser=True))

    assert client.get(page_of(Earning, "changelist"), {"member": make_member(brand).pk}).status_code == 200

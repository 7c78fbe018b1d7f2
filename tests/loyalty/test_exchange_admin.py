"""The admin pages of the exchange: staff decide with a reason, secrets go in and never come out."""

import pytest
from django.test import Client

from exchange.models import Difference, ExchangeMove, ExchangeOrder, Partnership, Provider
from exchange.rules.orders import OrderState
from exchange.services.credentials import secret_of
from ledger.models import Account
from tests.clients import Partner
from tests.conftest import make_brand, make_token
from tests.exchange.world import make_exchanges, make_provider
from tests.loyalty.desk import act, fill, make_staff, page_of, signed_in, words
from users.models import PartnerProgramme


@pytest.fixture
def house(db) -> Client:
    return signed_in(make_staff(username="house", is_superuser=True))


@pytest.fixture
def parked(brand, member, token) -> ExchangeOrder:
    Partner.of(brand).credit(member.auth_id, 1_000, token.pk)
    order = make_exchanges(brand, member, token)
    ExchangeOrder.objects.filter(pk=order.pk).update(state=OrderState.PARKED.value)
    return order


@pytest.mark.parametrize(
    ("action", "state", "left"), [("resume", "unknown", 990), ("settle", "settled", 990), ("refund", "refused", 1_000)]
)
def test_a_parked_exchange_is_decided_with_a_reason_and_once(parked, house, action, *, state, left):
    without = act(house, action, parked)
    assert "reason: 1 to 200 characters" in words(without)
    parked.refresh_from_db()
    assert parked.state == "parked"

    act(house, action, parked, reason="they wrote")
    again = act(house, action, parked, reason="they wrote")

    parked.refresh_from_db()
    assert (parked.state, Account.objects.get(member=parked.member).balance) == (state, left)
    move = ExchangeMove.objects.get(order=parked, came_from="parked")
    assert (move.went_to, move.actor.partition(":")[0]) == (state, "staff")
    assert "cannot be moved there" in words(again)
    assert "they wrote" in words(house.get(page_of(ExchangeOrder, "change", parked.pk)))


def test_a_difference_is_resolved_with_words(parked, house):
    row = Difference.objects.get(brand=parked.brand)
    act(house, "resolve", row)
    row.refresh_from_db()
    assert row.resolved_at is None

    act(house, "resolve", row, reason="on the invoice of October")

    row.refresh_from_db()
    assert row.resolution == "on the invoice of October"


def test_a_partnership_is_cancelled_by_an_action(parked, house):
    row = Partnership.objects.get(brand=parked.brand)
    act(house, "cancel", row)
    row.refresh_from_db()
    assert row.state == "cancelled"


def provider_form(brand, **fields: object) -> dict[str, object]:
    programme = PartnerProgramme.objects.get(implementation_name="alaska")
    form = {"brand": brand.pk, "programme": programme.pk, "adapter": "lcp", "address": "https://miles.example.org"}
    form |= {"credential_id": "us", "terms": "{}", "timeout_seconds": 10, "most_calls": 10, "active": "on"}
    return form | fields


def test_a_secret_goes_in_and_never_comes_out(brand, house):
    miles = make_token(brand, symbol="AS", type="miles")
    fill(house, Provider, None, provider_form(brand, token=miles.pk, new_secret="c2VjcmV0LW9mLW91cnM"))
    provider = Provider.objects.get(brand=brand)
    assert secret_of(provider) == "c2VjcmV0LW9mLW91cnM"
    page = house.get(page_of(Provider, "change", provider.pk))
    assert "c2VjcmV0LW9mLW91cnM" not in page.content.decode()

    fill(house, Provider, provider, provider_form(brand, token=miles.pk, address="https://new.example.org"))

    provider.refresh_from_db()
    assert (provider.address, secret_of(provider)) == ("https://new.example.org", "c2VjcmV0LW9mLW91cnM")


def test_another_brands_token_and_terms_that_are_no_object_are_refused(brand, house):
    other = make_token(make_brand(), type="miles")
    page = fill(house, Provider, None, provider_form(brand, token=other.pk, terms="[1]"))

    assert not Provider.objects.filter(brand=brand).exists()
    assert "a token of the brand" in words(page)
    assert "a JSON object" in words(page)


def test_a_failing_partner_is_seen_in_the_list(brand, house):
    make_provider(brand, files_fault="ConnectionRefusedError")
    assert "ConnectionRefusedError" in words(house.get(page_of(Provider, "changelist")))

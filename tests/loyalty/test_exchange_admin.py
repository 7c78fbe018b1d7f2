"""The admin pages of the exchange: staff decide with a reason, secrets go in and never come out."""

import pytest
from django.test import Client
from django.urls import reverse

from exchange.models import Difference, ExchangeOrder, Provider
from exchange.rules.orders import OrderState
from exchange.services.credentials import secret_of
from tests.clients import Partner
from tests.conftest import make_brand, make_token
from tests.exchange.world import make_exchanges, make_provider
from tests.loyalty.desk import act, fill, make_staff, page_of, signed_in, words
from users.models import PartnerProgramme
from users.services.secrets import SecretUnreadableError


@pytest.fixture
def house(db) -> Client:
    return signed_in(make_staff(username="house", is_superuser=True))


@pytest.fixture
def parked(brand, member, token) -> ExchangeOrder:
    Partner.of(brand).credit(member.auth_id, 1_000, token.pk)
    order = make_exchanges(brand, member, token)
    ExchangeOrder.objects.filter(pk=order.pk).update(state=OrderState.PARKED.value)
    return order


@pytest.mark.parametrize("action", ["settle", "refund"])
def test_nobody_ends_a_parked_exchange_alone(parked, house, action):
    act(house, action, parked, reason="they wrote")

    parked.refresh_from_db()
    assert parked.state == "parked"
    offered = house.get(page_of(ExchangeOrder, "change", parked.pk)).content.decode()
    assert reverse(f"admin:exchange_{action}", args=[parked.pk]) in offered


def test_a_difference_is_resolved_with_words(parked, house):
    row = Difference.objects.get(brand=parked.brand)
    act(house, "resolve", row)
    row.refresh_from_db()
    assert row.resolved_at is None

    act(house, "resolve", row, reason="on the invoice of October")

    row.refresh_from_db()
    assert row.resolution == "on the invoice of October"


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

    fill(house, Provider, provider, provider_form(brand, token=miles.pk, most_calls=7))

    provider.refresh_from_db()
    assert (provider.most_calls, secret_of(provider)) == (7, "c2VjcmV0LW9mLW91cnM")


@pytest.mark.parametrize(
    "change", [{"address": "https://new.example.org"}, {"adapter": "accrual_files"}, {"terms": '{"host_key": "x"}'}]
)
def test_a_secret_goes_nowhere_else_without_being_told_again(brand, house, change):
    provider = make_provider(brand)
    kept = {"programme": provider.programme_id, "token": provider.token_id, "address": provider.address}
    form = provider_form(brand, **kept, credential_id=provider.credential_id)

    page = fill(house, Provider, provider, form | change)

    assert "so that none learns another" in words(page)
    assert Provider.objects.get(pk=provider.pk).address == provider.address
    fill(house, Provider, provider, form | change | {"new_secret": "bmV3"})
    assert secret_of(Provider.objects.get(pk=provider.pk)) == "bmV3"


def test_no_other_variable_of_the_house_is_taken_for_a_secret(brand, house):
    miles = make_token(brand, symbol="AS", type="miles")
    page = fill(house, Provider, None, provider_form(brand, token=miles.pk, secret_variable="SECRET_KEY"))

    assert "begins with EXCHANGE_SECRET_" in words(page)
    with pytest.raises(SecretUnreadableError):
        secret_of(make_provider(brand, secret_variable="SECRET_KEY"))


def test_another_brands_token_and_terms_that_are_no_object_are_refused(brand, house):
    other = make_token(make_brand(), type="miles")
    page = fill(house, Provider, None, provider_form(brand, token=other.pk, terms="[1]"))

    assert not Provider.objects.filter(brand=brand).exists()
    assert "a token of the brand" in words(page)
    assert "a JSON object" in words(page)


def test_a_failing_partner_is_seen_in_the_list(brand, house):
    make_provider(brand, files_fault="ConnectionRefusedError")
    assert "ConnectionRefusedError" in words(house.get(page_of(Provider, "changelist")))

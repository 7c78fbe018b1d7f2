"""The admin pages of webhooks: secrets are shown once, and what was told is not shown."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from tests.loyalty.desk import act, fill, make_staff, page_of, signed_in, words
from users.models import Brand, WebhookDelivery, WebhookEndpoint
from users.services.webhooks import queue_event, register_endpoint, rotate_secret


@pytest.fixture
def house(db) -> Client:
    return signed_in(make_staff(username="house", is_superuser=True))


@pytest.fixture
def told(brand) -> WebhookEndpoint:
    """An endpoint with a delivery on its way."""
    terms = {"address": "https://hooks.example.org/", "events": ["exchange.settled"]}
    endpoint, _ = register_endpoint(brand_id=brand.pk, **terms, at=timezone.now())
    data = {"words": "that are not shown"}
    queue_event(brand_id=brand.pk, type="exchange.settled", data=data, at=timezone.now())
    return endpoint


def endpoint_form(brand: Brand, **fields: object) -> dict[str, object]:
    form = {"brand": brand.pk, "address": "https://hooks.example.org/", "events": ["exchange.settled"], "active": "on"}
    return form | fields


def secrets_in(response) -> list[str]:
    return re.findall(r"whsec_[A-Za-z0-9+/=]+", response.content.decode())


def test_the_secret_of_a_webhook_is_shown_once_when_it_is_made(brand, house):
    shown = fill(house, WebhookEndpoint, None, endpoint_form(brand))
    endpoint = WebhookEndpoint.objects.get(brand=brand)
    path = page_of(WebhookEndpoint, "rotate", endpoint.pk)
    rotated = house.post(path, house.get(path).context["form"].initial)

    (secret,), (newer,) = secrets_in(shown), secrets_in(rotated)
    assert secret != newer
    for page in ("changelist", "change"):
        arguments = [] if page == "changelist" else [endpoint.pk]
        assert secrets_in(house.get(page_of(WebhookEndpoint, page, *arguments))) == []
    assert WebhookEndpoint.objects.get(pk=endpoint.pk).previous_until is not None


def test_a_form_that_is_sent_twice_adds_one_endpoint(brand, house):
    for _ in range(2):
        answer = fill(house, WebhookEndpoint, None, endpoint_form(brand))

    assert "listens there already" in words(answer)
    assert WebhookEndpoint.objects.filter(brand=brand).count() == 1


def test_a_webhook_endpoint_is_changed_and_its_secrets_stay(brand, house):
    endpoint, _ = register_endpoint(
        brand_id=brand.pk, address="https://a.example.org/", events=["exchange.settled"], at=timezone.now()
    )
    rotate_secret(brand_id=brand.pk, endpoint_id=endpoint.pk, at=timezone.now())
    endpoint.refresh_from_db()

    answer = fill(house, WebhookEndpoint, endpoint, endpoint_form(brand, events=["exchange.parked"], active=""))

    after = WebhookEndpoint.objects.get(pk=endpoint.pk)
    assert answer.status_code == 302, words(answer)
    assert (after.address, after.events, after.active) == ("https://hooks.example.org/", ["exchange.parked"], False)
    assert [bytes(after.secret), bytes(after.previous_secret)] == [bytes(endpoint.secret), bytes(endpoint.previous_secret)]


@pytest.mark.parametrize(
    "fields",
    [{"address": "https://10.0.0.1/"}, {"address": "http://hooks.example.org/"}, {"events": []}, {"events": ["made.up"]}],
)
def test_a_webhook_endpoint_that_could_not_hear_is_not_added(brand, house, fields):
    answer = fill(house, WebhookEndpoint, None, endpoint_form(brand, **fields))

    assert (answer.status_code, secrets_in(answer)) == (200, [])
    assert not WebhookEndpoint.objects.filter(brand=brand).exists()


def test_webhooks_are_tried_and_sent_again_and_their_words_not_shown(brand, told, house):
    endpoint, parked = told, WebhookDelivery.objects.get(brand=brand)
    WebhookDelivery.objects.filter(pk=parked.pk).update(state="parked", attempts=14)

    house.post(page_of(WebhookEndpoint, "test", endpoint.pk))
    act(house, "queue_again", *WebhookDelivery.objects.filter(brand=brand))

    parked.refresh_from_db()
    assert (parked.state, parked.attempts) == ("queued", 0)
    assert sorted(WebhookDelivery.objects.filter(brand=brand).values_list("type", flat=True)) == [
        "exchange.settled",
        "webhook.test",
    ]
    assert "that are not shown" not in house.get(page_of(WebhookDelivery, "change", parked.pk)).content.decode()


def test_no_test_event_is_sent_to_an_endpoint_that_is_off(brand, told, house):
    WebhookEndpoint.objects.filter(pk=told.pk).update(active=False)

    page = house.post(page_of(WebhookEndpoint, "test", told.pk), follow=True)

    assert "not possible any more" in words(page)
    assert not WebhookDelivery.objects.filter(brand=brand, type="webhook.test").exists()

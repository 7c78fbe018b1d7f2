"""Webhooks are rows: queued with their cause, signed, and forgotten with their member; see also test_webhook_delivery."""

import json
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from loyalty.errors import InvalidRequest
from tests.conftest import NOON, make_brand, make_member
from tests.users.hooks import (
    SETTLED,
    Receiver,
    deliver,
    receiving,
    register,
    tell,
)
from users.errors import WebhookEndpointNotFound
from users.models import WebhookDelivery, WebhookEndpoint
from users.rules.webhooks import MOST_ATTEMPTS
from users.services.members import erase_member
from users.services.webhooks import change_endpoint, queue_event, rotate_secret, send_test
from users.tasks import deliver_due_webhooks


@pytest.fixture(autouse=True)
def terms(settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    settings.WEBHOOK_TIMEOUT_SECONDS = 0.6


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


def fresh(row: WebhookDelivery) -> WebhookDelivery:
    return WebhookDelivery.objects.get(pk=row.pk)


def test_an_event_arrives_once_signed_and_as_it_was_queued(brand, member, receiver: Receiver):
    _, secret = register(brand, receiver.url)
    (row,) = tell(brand, data={"name": "Zoë\x00"}, member=member)

    assert [deliver_due_webhooks(), deliver_due_webhooks()] == [1, 0]

    (heard,) = receiver.heard
    assert heard.verify(secret)
    assert (heard.id, heard.path, heard.body.decode()) == (str(row.event_id), "/hook?of=a", row.body)
    assert json.loads(heard.body) == {"type": SETTLED, "timestamp": "2026-06-01T12:00:00Z", "data": {"name": "Zoë\x00"}}
    row = fresh(row)
    assert (row.state, row.attempts, row.status, row.fault) == ("sent", 1, 200, "")
    assert row.sent_at is not None


def test_a_forged_message_is_seen_by_a_receiver(brand, receiver: Receiver):
    _, secret = register(brand, receiver.url)
    tell(brand)
    deliver()
    (heard,) = receiver.heard

    heard.body += b" "

    assert not heard.verify(secret)


def test_each_endpoint_that_hears_of_an_event_gets_it_under_one_id_and_no_other_gets_it(brand, receiver: Receiver):
    for address, events in (("/a", [SETTLED]), ("/b", [SETTLED, "exchange.refused"]), ("/c", ["exchange.parked"])):
        register(brand, f"http://127.0.0.1:{receiver.port}{address}", *events)
    off, _ = register(brand, receiver.url)
    change_endpoint(brand_id=brand.pk, endpoint_id=off.pk, active=False)
    register(make_brand(), receiver.url)

    tell(brand)

    assert deliver() == 2
    assert sorted(heard.path for heard in receiver.heard) == ["/a", "/b"]
    assert len({heard.id for heard in receiver.heard}) == 1


def test_an_event_that_nobody_hears_of_costs_one_query(brand, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert queue_event(brand_id=brand.pk, type=SETTLED, data={}, at=NOON) == 0


def test_an_event_goes_with_the_transaction_of_its_cause(brand, receiver: Receiver):
    register(brand, receiver.url)

    with transaction.atomic():
        tell(brand)
        transaction.set_rollback(True)

    assert not WebhookDelivery.objects.filter(brand=brand).exists()


def test_an_event_that_does_not_exist_is_not_queued(brand):
    with pytest.raises(ValueError, match="there is no event"):
        queue_event(brand_id=brand.pk, type="made.up", data={}, at=NOON)


def test_both_secrets_sign_for_a_day_after_a_change(brand, receiver: Receiver):
    endpoint, old = register(brand, receiver.url)
    new = rotate_secret(brand_id=brand.pk, endpoint_id=endpoint.pk, at=timezone.now())
    tell(brand)
    deliver()
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(previous_until=timezone.now())
    tell(brand)
    deliver()

    during, after = receiver.heard
    assert [heard.verify(secret) for heard in (during, after) for secret in (old, new)] == [True, True, False, True]


def test_secrets_are_not_stored_in_clear(brand):
    endpoint, secret = register(brand, "https://hooks.example.org/")

    endpoint.refresh_from_db()
    assert secret.removeprefix("whsec_").encode() not in bytes(endpoint.secret)


def test_what_waits_for_an_endpoint_that_staff_switched_off_goes_out_when_it_is_on_again(brand, receiver: Receiver):
    endpoint, _ = register(brand, receiver.url)
    tell(brand)

    change_endpoint(brand_id=brand.pk, endpoint_id=endpoint.pk, active=False)
    off = deliver()
    change_endpoint(brand_id=brand.pk, endpoint_id=endpoint.pk, active=True)

    assert [off, deliver()] == [0, 1]


def test_a_test_event_goes_to_the_one_endpoint(brand, receiver: Receiver):
    endpoint, secret = register(brand, receiver.url, "exchange.parked")
    register(brand, receiver.url)

    send_test(brand_id=brand.pk, endpoint_id=endpoint.pk, at=NOON)

    assert deliver() == 1
    (heard,) = receiver.heard
    assert (json.loads(heard.body)["type"], heard.verify(secret)) == ("webhook.test", True)


def test_erasing_a_member_drops_what_waits_and_empties_what_was_told(brand, receiver: Receiver):
    member, other = make_member(brand), make_member(brand)
    register(brand, receiver.url)
    (sent,) = tell(brand, member=member)
    deliver()
    later = NOON + timedelta(days=365)
    (waiting,), (kept,), (parked,) = (tell(brand, member=one, at=later) for one in (member, other, member))
    WebhookDelivery.objects.filter(pk=parked.pk).update(state="parked")

    erase_member(brand_id=brand.pk, auth_id=member.auth_id, at=NOON)

    rows = [fresh(row) for row in (sent, waiting, parked)]
    assert [(row.state, row.body) for row in rows] == [("sent", ""), ("dropped", ""), ("dropped", "")]
    assert (fresh(kept).state, fresh(kept).body) == ("queued", kept.body)


def test_what_was_queued_while_its_member_was_being_erased_is_not_sent(brand, member, receiver: Receiver):
    register(brand, receiver.url)
    erase_member(brand_id=brand.pk, auth_id=member.auth_id, at=NOON)
    (row,) = tell(brand, member=member, at=NOON - timedelta(seconds=1))

    assert deliver() == 0

    assert (fresh(row).state, fresh(row).body, receiver.heard) == ("dropped", "", [])


def test_an_endpoint_of_another_brand_does_not_exist(brand):
    endpoint, _ = register(make_brand(), "https://hooks.example.org/")
    mine = {"brand_id": brand.pk, "endpoint_id": endpoint.pk}

    for act in (lambda: change_endpoint(**mine, active=False), lambda: rotate_secret(**mine, at=NOON)):
        with pytest.raises(WebhookEndpointNotFound):
            act()
    with pytest.raises(WebhookEndpointNotFound):
        send_test(**mine, at=NOON)
    assert WebhookEndpoint.objects.get(pk=endpoint.pk).active


@pytest.mark.parametrize(
    ("address", "events", "field"),
    [
        ("https://10.0.0.1/", [SETTLED], "address"),
        ("gopher://x", [SETTLED], "address"),
        ("https://a.example.org/", ["x"], "events"),
    ],
)
def test_what_could_not_hear_is_not_registered_and_the_field_is_named(brand, settings, address, events, field):
    settings.WEBHOOK_PRIVATE_NETWORKS = []

    with pytest.raises(InvalidRequest) as refusal:
        register(brand, address, *events)

    assert [error.field for error in refusal.value.errors] == [field]


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"state": "sent"}, "webhook_delivery_sent_has_instant"),
        ({"state": "lost"}, "webhook_delivery_state"),
        ({"attempts": MOST_ATTEMPTS + 1}, "webhook_delivery_attempts"),
        ({"body": ""}, "webhook_delivery_has_a_body"),
        ({"endpoint": "another brand's"}, "webhook_endpoint_of_delivery"),
        ({"member": "another brand's"}, "webhook_member_of_brand"),
    ],
)
def test_the_database_refuses_a_delivery_that_cannot_be(own_brand, changes, constraint):
    """By a constraint, or by the wall between brands."""
    other = make_brand()
    register(own_brand, "https://hooks.example.org/")
    theirs = {"endpoint": register(other, "https://hooks.example.org/")[0], "member": make_member(other)}
    (row,) = tell(own_brand, at=NOON + timedelta(days=36_500))

    with pytest.raises(IntegrityError, match=constraint):
        WebhookDelivery.objects.filter(pk=row.pk).update(**{name: theirs.get(name, value) for name, value in changes.items()})


def test_the_database_refuses_an_endpoint_that_hears_nothing_or_half_a_secret(brand):
    endpoint, _ = register(brand, "https://hooks.example.org/")

    for changes in ({"events": []}, {"previous_secret": b"x"}):
        with pytest.raises(IntegrityError, match="webhook_endpoint_"), transaction.atomic():
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**changes)


def test_an_event_has_a_uuid_without_a_dot(brand, receiver: Receiver):
    """The dot parts what is signed."""
    register(brand, receiver.url)
    (row,) = tell(brand)

    assert UUID(str(row.event_id)).version == 4

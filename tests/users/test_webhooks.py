"""Webhooks are rows: queued with their cause, signed, delivered under a lease, tried again, and in the end parked."""

import json
import time
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from loyalty.errors import InvalidRequest
from tests.conftest import NOON, make_brand, make_member
from tests.faults.server import at_once, free_port
from tests.users.hooks import (
    OK,
    SETTLED,
    Receiver,
    deliver,
    drip_headers,
    hang,
    pour,
    receiving,
    register,
    tell,
)
from users.errors import WebhookEndpointInactive, WebhookEndpointNotFound
from users.models import WebhookDelivery, WebhookEndpoint
from users.rules.webhooks import MOST_ATTEMPTS, WAITS
from users.services import webhook_delivery
from users.services.members import erase_member
from users.services.webhook_delivery import MOST_AT_ONE_ENDPOINT, lease
from users.services.webhooks import change_endpoint, queue_event, rotate_secret, send_again, send_test
from users.tasks import deliver_due_webhooks

REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n"


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


@pytest.mark.parametrize(
    ("answer", "status", "fault"),
    [
        *((500, 500, ""), (404, 404, ""), (199, None, "answer not understood")),
        (hang, None, "too slow"),
        (drip_headers, None, "too slow"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", None, "answer not understood"),
        (b"220 mail.example.org\r\n", None, "answer not understood"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, None, "answer not understood"),
    ],
    ids=["500", "404", "199", "hang", "drip", "cut", "no http", "long headers"],
)
def test_what_fails_is_put_off_and_its_reason_kept(brand, receiver: Receiver, answer, status, fault):
    register(brand, receiver.url)
    (row,) = tell(brand)
    receiver.answers, began = [answer], time.monotonic()

    assert deliver() == 0

    assert time.monotonic() - began < 1.5
    row = fresh(row)
    assert (row.state, row.attempts, row.status, row.fault) == ("failed", 1, status, fault)
    assert WAITS[0] * 0.7 < row.due_at - timezone.now() <= WAITS[0] * 1.2


@pytest.mark.parametrize(
    "answer", [pour, b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut"]
)
def test_the_status_decides_however_the_body_ends(brand, receiver: Receiver, answer):
    register(brand, receiver.url)
    (row,) = tell(brand)
    receiver.answers, began = [answer], time.monotonic()

    assert (deliver(), fresh(row).state) == (1, "sent")
    assert time.monotonic() - began < 1.5


def test_a_redirect_is_not_followed(brand, receiver: Receiver):
    register(brand, receiver.url)
    (row,) = tell(brand)
    with receiving() as inner:
        receiver.answers = [REDIRECT % inner.port]

        deliver()

        assert (fresh(row).state, fresh(row).status, inner.heard) == ("failed", 302, [])


def test_no_proxy_is_asked(brand, receiver: Receiver, monkeypatch):
    with receiving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        register(brand, receiver.url)
        tell(brand)

        assert (deliver(), proxy.heard) == (1, [])


def test_nobody_listens(brand):
    register(brand, f"http://127.0.0.1:{free_port()}/")
    (row,) = tell(brand)

    deliver()

    assert (fresh(row).state, fresh(row).fault) == ("failed", "connection failed")


def test_a_receiver_that_asks_for_time_gets_it(brand, receiver: Receiver):
    register(brand, receiver.url)
    (row,) = tell(brand)
    receiver.answers = [b"HTTP/1.1 429 Too Many\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n"]

    deliver(at=NOON)

    assert (fresh(row).status, fresh(row).due_at) == (429, NOON + timedelta(hours=1))
    assert deliver(at=NOON + timedelta(minutes=59)) == 0
    assert deliver(at=NOON + timedelta(hours=1)) == 1


def test_after_thirteen_retries_it_is_parked_and_sent_again_under_the_same_id(brand, receiver: Receiver):
    register(brand, receiver.url)
    (row,) = tell(brand)
    receiver.always, at = 500, NOON
    for _ in range(MOST_ATTEMPTS):
        deliver(at=at)
        at = fresh(row).due_at

    assert (fresh(row).state, len(receiver.heard)) == ("parked", 14)
    assert timedelta(days=2) < at - NOON < timedelta(days=4)
    assert deliver(at=at + timedelta(days=30)) == 0
    receiver.always = 200
    assert [send_again(delivery=row, at=at) for _ in range(2)] == [True, False]
    assert deliver(at=at) == 1
    assert {heard.id for heard in receiver.heard} == {str(row.event_id)}
    assert {heard.body for heard in receiver.heard} == {row.body.encode()}


def test_an_endpoint_that_is_gone_is_switched_off_and_what_waits_dropped(brand, receiver: Receiver):
    endpoint, _ = register(brand, receiver.url)
    rows = tell(brand) + tell(brand, at=NOON + timedelta(days=365))
    receiver.answers = [410]

    deliver()

    endpoint.refresh_from_db()
    assert (endpoint.active, [fresh(row).state for row in rows]) == (False, ["dropped", "dropped"])
    with pytest.raises(WebhookEndpointInactive):
        send_test(brand_id=brand.pk, endpoint_id=endpoint.pk, at=NOON)


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


def test_a_dead_endpoint_holds_up_no_other(brand, receiver: Receiver):
    with receiving() as dead:
        dead.always = hang
        register(brand, dead.url, "exchange.parked")
        for _ in range(40):
            tell(brand, type="exchange.parked", at=NOON - timedelta(hours=1))
        register(brand, receiver.url)
        for _ in range(20):
            tell(brand)
        began = time.monotonic()

        assert deliver() == 20

        assert time.monotonic() - began < 3
        assert len(dead.heard) <= 2 * MOST_AT_ONE_ENDPOINT, "three silences, and it is left alone for this run"


def test_a_slow_endpoint_is_not_crowded(brand, receiver: Receiver):
    receiver.always = lambda conversation: (time.sleep(0.1), conversation.wfile.write(OK))
    register(brand, receiver.url)
    for _ in range(12):
        tell(brand)

    assert (deliver(), receiver.busiest) == (12, MOST_AT_ONE_ENDPOINT)


def test_a_delivery_that_cannot_be_made_or_recorded_ends_no_run(brand, receiver: Receiver):
    endpoint, _ = register(brand, receiver.url, "exchange.parked")
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(secret=b"of another key")
    register(brand, receiver.url)
    (bad,), (good,) = tell(brand, type="exchange.parked", at=NOON - timedelta(hours=1)), tell(brand)

    assert deliver() == 1

    assert (fresh(bad).state, fresh(bad).fault, fresh(good).state) == ("failed", "secret unreadable", "sent")


def test_a_worker_slower_than_its_lease_changes_nothing(brand, receiver: Receiver):
    register(brand, receiver.url)
    (row,) = tell(brand)
    (slow,) = webhook_delivery._lease(10, webhook_delivery.Counter(), at=NOON)
    assert webhook_delivery._lease(10, webhook_delivery.Counter(), at=NOON + lease() - timedelta(seconds=1)) == []
    (quick,) = webhook_delivery._lease(10, webhook_delivery.Counter(), at=NOON + lease())

    failed = webhook_delivery._record(slow, webhook_delivery.Answer(status=410), NOON + lease())

    assert (failed, fresh(row).state, fresh(row).attempts) == (False, "leased", 2)
    assert WebhookEndpoint.objects.get(brand=brand).active
    assert webhook_delivery._record(quick, webhook_delivery.Answer(status=200), NOON + lease())


def test_what_workers_die_of_is_parked_in_the_end(brand, receiver: Receiver):
    register(brand, receiver.url)
    (row,) = tell(brand)
    WebhookDelivery.objects.filter(pk=row.pk).update(state="leased", attempts=MOST_ATTEMPTS)

    assert deliver() == 0

    assert (fresh(row).state, fresh(row).fault, receiver.heard) == ("parked", "no outcome", [])


def test_three_workers_at_once_deliver_each_event_once(own_brand, receiver: Receiver):
    register(own_brand, receiver.url)
    for _ in range(30):
        tell(own_brand)

    def work(_: int) -> int:
        try:
            return deliver()
        finally:
            connection.close()

    assert sum(at_once(work, range(3))) == 30
    assert len({heard.id for heard in receiver.heard}) == len(receiver.heard) == 30


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
    """Two at once and walls are judged when the transaction ends."""
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

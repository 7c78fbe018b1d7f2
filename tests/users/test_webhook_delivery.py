"""Webhooks are delivered under a lease, each once; what fails is tried again, and in the end parked."""

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from tests.conftest import NOON
from tests.faults.server import at_once, free_port
from tests.users.hooks import (
    OK,
    Receiver,
    deliver,
    drip_headers,
    hang,
    pour,
    receiving,
    register,
    tell,
)
from users.errors import WebhookEndpointInactive
from users.models import WebhookDelivery, WebhookEndpoint
from users.rules.webhooks import MOST_ATTEMPTS, WAITS
from users.services import webhook_delivery
from users.services.webhook_delivery import MOST_AT_ONE_ENDPOINT, lease
from users.services.webhooks import send_again, send_test

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

    assert time.monotonic() - began < 2.5
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
    assert time.monotonic() - began < 2.5


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


def test_an_outcome_from_before_it_was_sent_again_changes_nothing(brand, receiver: Receiver):
    """The number of the attempt is the same then; the lease is not."""
    register(brand, receiver.url)
    (row,) = tell(brand)
    (slow,) = webhook_delivery._lease(10, webhook_delivery.Counter(), at=NOON)
    WebhookDelivery.objects.filter(pk=row.pk).update(state="parked")
    send_again(delivery=row, at=NOON + lease())
    webhook_delivery._lease(10, webhook_delivery.Counter(), at=NOON + lease())

    assert not webhook_delivery._record(slow, webhook_delivery.Answer(status=200), NOON + lease())
    assert (fresh(row).state, fresh(row).attempts) == ("leased", 1)

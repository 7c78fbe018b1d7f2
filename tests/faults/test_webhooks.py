"""Workers die with webhooks on their way: each arrives, under the id it had before."""

import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
from celery import Celery

from tests.faults.server import ROOT, Platform, end, environment, family_of, wait_for
from tests.users.hooks import Receiver, receiving
from users.services.secrets import encrypt

pytestmark = pytest.mark.slow

LEASE_SECONDS = 3
UNSENT = "SELECT count(*) FROM users_webhookdelivery WHERE state <> 'sent'"


@pytest.fixture
def receiver(platform: Platform) -> Iterator[Receiver]:
    platform.sql("DELETE FROM users_webhookdelivery")
    platform.sql("DELETE FROM users_webhookendpoint")
    with receiving() as receiver:
        yield receiver


@contextmanager
def worker(platform: Platform) -> Iterator[psutil.Process]:
    """A worker, woken as beat wakes it, and killed with all below it in the end."""
    command = [sys.executable, "-m", "celery", "--app", "loyalty.celery", "worker", "--concurrency", "1"]
    command += ["--without-mingle", "--without-gossip"]
    terms = {"WEBHOOK_LEASE_SECONDS": str(LEASE_SECONDS), "WEBHOOK_TIMEOUT_SECONDS": "2"}
    env = environment(platform.folder, WEBHOOK_PRIVATE_NETWORKS="127.0.0.0/8", **terms)
    with (platform.folder / "webhook-worker.log").open("ab") as log:
        started = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield psutil.Process(started.pid)
    finally:
        end(family_of(started.pid))
        started.wait()


def until(platform: Platform, condition) -> None:
    """Wait for the condition, waking the workers meanwhile."""
    with Celery(set_as_current=False) as beat:
        beat.conf.broker_write_url = platform.embedded.broker_url

        def come():
            beat.send_task("users.tasks.deliver_due_webhooks", ignore_result=True)
            return condition()

        wait_for(come, every=0.3)


def queue(platform: Platform, receiver: Receiver, count: int) -> list[str]:
    """Rows as the service writes them; its ids."""
    ((endpoint, brand),) = platform.sql(
        "INSERT INTO users_webhookendpoint (brand_id, address, events, secret, active)"
        " SELECT min(id), %s, ARRAY['exchange.settled'], %s, true FROM users_brand RETURNING id, brand_id",
        receiver.url,
        encrypt("whsec_" + "A" * 44),
    )
    ids = [str(uuid.uuid4()) for _ in range(count)]
    for event_id in ids:
        platform.sql(
            "INSERT INTO users_webhookdelivery (brand_id, endpoint_id, event_id, type, body, state, attempts, fault)"
            " VALUES (%s, %s, %s, 'exchange.settled', '{}', 'queued', 0, '')",
            *(brand, endpoint, event_id),
        )
    return ids


@pytest.mark.timeout(120)
def test_what_a_killed_worker_had_on_its_way_arrives_under_the_same_id(platform: Platform, receiver: Receiver) -> None:
    receiver.answers = [lambda _: time.sleep(5)]
    ids = queue(platform, receiver, 3)

    with worker(platform) as victim:
        until(platform, lambda: len(receiver.heard) == 3)
        end(family_of(victim.pid))
    assert platform.sql(UNSENT) != [(0,)]
    with worker(platform):
        until(platform, lambda: platform.sql(UNSENT) == [(0,)])

    heard = [one.id for one in receiver.heard]
    assert set(heard) == set(ids)
    assert 4 <= len(heard) <= 6, "again only what the kill left without an outcome"
    assert all(one.verify("whsec_" + "A" * 44) for one in receiver.heard)

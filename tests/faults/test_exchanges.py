"""Workers die with exchanges on their way: points are gone if and only if miles have arrived, once."""

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from celery import Celery

from tests.faults.server import ROOT, Caller, Platform, end, environment, family_of, free_port, wait_for

pytestmark = pytest.mark.slow

LEASE_SECONDS = 3
NUMBER = "100200300400"
POINTS_EACH = 20
MIX = [50, 92, 93, 94, 95, 97, 98]
REFUSED = {93, 95}
OPEN = "SELECT count(*) FROM exchange_exchangeorder WHERE state NOT IN ('settled', 'refused')"
CALLS = "SELECT count(*) FROM exchange_exchangeattempt"
UNDER_WAY = "SELECT count(*) FROM exchange_exchangeattempt WHERE ended_at IS NULL"


class Partner:
    """The sandbox airline in a process of its own, and what its ledger says."""

    def __init__(self, platform: Platform, latency_seconds: float) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "manage.py", "sandbox_airline", "--port", str(self.port), "--latency", str(latency_seconds)]
        command += ["--ledger", str(platform.folder / f"airline-{self.port}.sqlite3")]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment(platform.folder), stdout=subprocess.DEVNULL)
        wait_for(self.answers)
        platform.sql("UPDATE exchange_provider SET address = %s || '/etihad', open_until = NULL, failures = 0", self.url)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/etihad/ledger").is_success
        except httpx.HTTPError:
            return False

    def credited(self) -> dict[str, tuple[int, int]]:
        """Miles, and how often they were credited, by our reference."""
        rows = httpx.get(f"{self.url}/etihad/ledger").raise_for_status().json()["credits"]
        return {row["callback"]: (row["amount"], row["credits"]) for row in rows if row["credits"]}


@pytest.fixture
def partner(platform: Platform) -> Iterator[Partner]:
    """It takes a moment over each answer, so that most kills fall into a call."""
    airline = Partner(platform, 0.05)
    yield airline
    airline.process.kill()
    airline.process.wait()


def log_of(platform: Platform) -> Path:
    """What the last worker has told."""
    return platform.folder / "exchange-worker.log"


@contextmanager
def worker(platform: Platform, *, lease: int = LEASE_SECONDS) -> Iterator[psutil.Process]:
    """A worker, woken as beat wakes it, and killed with all below it in the end."""
    command = [sys.executable, "-m", "celery", "--app", "loyalty.celery", "worker", "--concurrency", "1"]
    command += ["--loglevel", "INFO", "--without-mingle", "--without-gossip"]
    env = environment(platform.folder, EXCHANGE_LEASE_SECONDS=str(lease))
    with log_of(platform).open("wb") as log:
        started = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield psutil.Process(started.pid)
    finally:
        end(family_of(started.pid))
        started.wait()


def until(platform: Platform, condition, *, seconds: float = 60) -> None:
    """Wait for the condition, waking the workers meanwhile."""
    with Celery(set_as_current=False) as beat:
        beat.conf.broker_write_url = platform.embedded.broker_url

        def come():
            beat.send_task("exchange.tasks.drive_due_orders", ignore_result=True)
            return condition()

        wait_for(come, every=0.3, seconds=seconds)


def order_miles(caller: Caller, auth_id: str, amounts: list[int]) -> None:
    fields = {"exchange_provider_implementation_name": "etihad", "membership_number_override": NUMBER}
    for amount in amounts:
        assert caller.move("points_to_external_rewards", auth_id, amount, **fields).status_code == 202


def check(platform: Platform, caller: Caller, partner: Partner, auth_id: str, amounts: list[int]) -> None:
    """Three ledgers, each counted by itself: the member's, our orders, the airline's."""
    kept = [amount for amount in amounts if amount not in REFUSED]
    assert caller.balance(auth_id) == 100_000 - sum(kept)
    settled = platform.sql(
        "SELECT o.reference::text, o.received FROM exchange_exchangeorder o"
        " JOIN users_member m ON m.id = o.member_id WHERE o.state = 'settled' AND m.auth_id = %s",
        auth_id,
    )
    assert partner.credited() == {reference: (received, 1) for reference, received in settled}
    assert Counter(miles for miles, _ in partner.credited().values()) == Counter(10 * amount for amount in kept)
    platform.prove()


def rich(caller: Caller) -> str:
    auth_id = caller.add_user()
    assert caller.credit(auth_id, 100_000).status_code == 202
    return auth_id


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("kills", "whole"),
    [(2, True), pytest.param(20, True, marks=pytest.mark.long), pytest.param(20, False, marks=pytest.mark.long)],
    ids=["tree twice", "tree", "child"],
)
def test_workers_killed_at_any_instant_lose_and_double_nothing(platform, caller, partner, kills, whole):
    copies = 2 * kills
    auth_id, amounts = rich(caller), random.sample(MIX * copies, len(MIX) * copies)
    order_miles(caller, auth_id, amounts)

    for _ in range(kills):
        with worker(platform) as victim:
            calls = platform.sql(CALLS)
            until(platform, lambda calls=calls: platform.sql(CALLS) > calls or platform.sql(OPEN) == [(0,)])
            time.sleep(random.uniform(0, 0.4))
            end(family_of(victim.pid) if whole else victim.children())
    with worker(platform):
        until(platform, lambda: platform.sql(OPEN) == [(0,)], seconds=120)

    check(platform, caller, partner, auth_id, amounts)


@pytest.mark.timeout(120)
def test_what_a_dead_worker_had_in_hand_is_settled_by_another_soon(platform, caller, partner):
    """The kill falls between attempt and answer; the lease is 3 seconds here, and 30 in earnest."""
    auth_id = rich(caller)
    with worker(platform) as victim:
        order_miles(caller, auth_id, [50] * 5)
        until(platform, lambda: platform.sql(UNDER_WAY) != [(0,)] or platform.sql(OPEN) == [(0,)])
        end(family_of(victim.pid))

    with worker(platform):
        wait_for(lambda: "ready." in log_of(platform).read_text())
        ready_at = time.monotonic()
        until(platform, lambda: platform.sql(OPEN) == [(0,)])

    assert time.monotonic() - ready_at < LEASE_SECONDS + 15, "45 s in earnest, with a lease of 30"
    check(platform, caller, partner, auth_id, [50] * 5)


@pytest.mark.timeout(120)
def test_three_workers_at_once_call_for_no_order_twice(platform, caller, partner):
    auth_id, amounts = rich(caller), [50] * 60
    order_miles(caller, auth_id, amounts)

    patient = {"lease": 30}  # a call that takes longer than its lease is asked about once more
    with worker(platform, **patient), worker(platform, **patient), worker(platform, **patient):
        until(platform, lambda: platform.sql(OPEN) == [(0,)])

    check(platform, caller, partner, auth_id, amounts)
    made = platform.sql(
        "SELECT count(*) FROM exchange_exchangeattempt a JOIN exchange_exchangeorder o ON o.id = a.order_id"
        " JOIN users_member m ON m.id = o.member_id WHERE m.auth_id = %s",
        auth_id,
    )
    assert made == [(60,)]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("count", [40, pytest.param(1_000, marks=pytest.mark.long)])
def test_with_the_broker_wiped_all_that_was_accepted_is_settled_once(platform, caller, partner, count):
    """No order lives in the broker: while it is away exchanges are accepted, and when it is back they are driven."""
    auth_id = rich(caller)
    with worker(platform):
        wait_for(lambda: "ready." in log_of(platform).read_text())  # one that still starts would bring the broker up again
        platform.kill_valkey()
        order_miles(caller, auth_id, [POINTS_EACH] * count)
        platform.wipe_valkey()
        platform.embedded.ensure()
        until(platform, lambda: platform.sql(OPEN) == [(0,)], seconds=300)

    check(platform, caller, partner, auth_id, [POINTS_EACH] * count)


@pytest.mark.timeout(200)
def test_a_database_that_is_killed_under_the_worker_loses_and_doubles_nothing(platform, caller, partner):
    auth_id, amounts = rich(caller), MIX * 4
    order_miles(caller, auth_id, amounts)
    with worker(platform):
        for _ in range(2):
            calls = platform.sql(CALLS)
            until(platform, lambda calls=calls: platform.sql(CALLS) > calls or platform.sql(OPEN) == [(0,)])
            platform.kill_database()
            platform.embedded.ensure()
        until(platform, lambda: platform.sql(OPEN) == [(0,)], seconds=120)

    check(platform, caller, partner, auth_id, amounts)

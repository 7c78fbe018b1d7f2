"""Workers die while they make a batch of codes: another goes on where they stopped, and no code is doubled or lost."""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from celery import Celery

from tests.faults.server import ROOT, Platform, end, environment, family_of, wait_for
from tests.faults.test_bulk_codes import VALUE, add_campaign

pytestmark = pytest.mark.slow

LEASE_SECONDS = 2
COUNT, MANY = 100_000, 1_000_000
STANDS = """
SELECT b.state, b.generated, c.stored, c.different, g.issued_codes
FROM rewards_codebatch b JOIN rewards_campaign g ON g.id = b.campaign_id
CROSS JOIN LATERAL (
  SELECT count(*) AS stored, count(DISTINCT code) AS different FROM rewards_code WHERE batch_id = b.id) AS c
WHERE b.id = %s
"""
WORK = "SELECT state, generated FROM rewards_codebatch WHERE id = %s"


@pytest.fixture
def wake(platform: Platform) -> Iterator[Callable[[], object]]:
    """Wake the workers, as beat does."""
    with Celery(set_as_current=False) as beat:
        beat.conf.broker_write_url = platform.embedded.broker_url
        yield lambda: beat.send_task("rewards.tasks.generate_due_codes", ignore_result=True)


@contextmanager
def worker(platform: Platform) -> Iterator[psutil.Process]:
    """A worker as `serve` starts one, killed with all below it in the end, if a test has not done so."""
    command = [sys.executable, "-m", "celery", "--app", "loyalty.celery", "worker", "--concurrency", "1"]
    env = environment(platform.folder, CODES_LEASE_SECONDS=str(LEASE_SECONDS))
    with (platform.folder / "codes-worker.log").open("wb") as log:
        options = ["--loglevel", "WARNING", "--without-mingle", "--without-gossip"]
        started = subprocess.Popen([*command, *options], cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield psutil.Process(started.pid)
    finally:
        end(family_of(started.pid))
        started.wait()


class Job:
    """A batch that staff have queued, of a campaign of its own."""

    def __init__(self, platform: Platform, count: int) -> None:
        self.platform, self.count = platform, count
        self.campaign = add_campaign(platform, issued_codes=count, issued_points=count * VALUE)
        columns = "brand_id, campaign_id, count, generated, value, length, alphabet, prefix, check_character, actor"
        states = "state, attempts, fault, due_at"
        ((self.batch,),) = platform.sql(
            f"INSERT INTO rewards_codebatch ({columns}, {states}) SELECT brand_id, id, %s, 0, %s, 14, '0123456789', '', false,"
            " 'staff:1', 'queued', 0, '', now() FROM rewards_campaign WHERE id = %s RETURNING id",
            *(count, VALUE, self.campaign),
        )

    def stands(self) -> tuple[str, int]:
        """Its state, and how many codes are counted."""
        return self.platform.sql(WORK, self.batch)[0]

    def until(self, condition: Callable[[], object], wake: Callable[[], object], *, seconds: float = 60) -> None:
        """Wait, waking workers meanwhile."""
        woken = 0.0

        def come() -> object:
            nonlocal woken
            if time.monotonic() - woken > 0.5:
                wake()
                woken = time.monotonic()
            return condition()

        wait_for(come, seconds=seconds, every=0.02)

    def check(self) -> None:
        """There are exactly so many codes as are counted, all different, and the campaign counts what was ordered."""
        ((state, generated, stored, different, taken),) = self.platform.sql(STANDS, self.batch)  # at one instant
        assert different == stored == generated
        assert taken == (generated if state == "closed" else self.count)


def killed_and_followed(platform: Platform, wake: Callable[[], object], *, count: int, kills: int) -> None:
    job, felt = Job(platform, count), 0

    for _ in range(kills):
        before = job.stands()[1]
        with worker(platform) as victim:
            job.until(lambda before=before: job.stands()[1] > before or job.stands()[0] == "finished", wake)
            time.sleep(random.uniform(0, 0.3))
            end(family_of(victim.pid))
        job.check()
        felt += job.stands()[0] == "running"
    with worker(platform):
        job.until(lambda: job.stands()[0] == "finished", wake, seconds=120)

    assert felt > 0, "every kill came too late: this proved nothing"
    assert job.stands() == ("finished", count)
    job.check()


def test_a_batch_whose_worker_is_killed_goes_on_where_it_stopped(platform: Platform, wake: Callable[[], object]) -> None:
    killed_and_followed(platform, wake, count=COUNT, kills=2)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_million_codes_survive_ten_kills_of_workers(platform: Platform, wake: Callable[[], object]) -> None:
    killed_and_followed(platform, wake, count=MANY, kills=10)


def test_workers_at_once_make_no_code_twice(platform: Platform, wake: Callable[[], object]) -> None:
    jobs = [Job(platform, COUNT) for _ in range(2)]

    with worker(platform), worker(platform):
        for job in jobs:
            job.until(lambda job=job: job.stands()[0] == "finished", wake, seconds=120)

    for job in jobs:
        assert job.stands() == ("finished", COUNT)
        job.check()


def test_a_batch_that_was_to_stop_when_its_worker_was_killed_is_stopped_by_the_next(
    platform: Platform, wake: Callable[[], object]
) -> None:
    job = Job(platform, MANY)
    with worker(platform) as victim:
        job.until(lambda: job.stands()[1] > 0, wake)
        end(family_of(victim.pid))
    platform.sql(
        "UPDATE rewards_codebatch SET state = 'stopping', due_at = %s WHERE id = %s",
        *(datetime.now(UTC) + timedelta(seconds=LEASE_SECONDS), job.batch),
    )
    made = job.stands()[1]

    with worker(platform):
        job.until(lambda: job.stands()[0] == "stopped", wake)

    assert job.stands() == ("stopped", made)
    job.check()

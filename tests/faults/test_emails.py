"""Workers and the broker die with e-mails on their way: each is sent, and none twice where anybody could know."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psutil
import pytest
from celery import Celery

from loyalty.celery import app
from tests.faults.server import ROOT, Caller, Platform, end, environment, family_of, wait_for
from tests.users.conftest import Lapse, Post, mail_server

pytestmark = pytest.mark.slow

LEASE_SECONDS = 2
RETURN_SECONDS = 60
QUEUED = 3
UNSENT = "SELECT count(*) FROM users_email WHERE state <> 'sent'"


@pytest.fixture
def post(platform: Platform) -> Iterator[Post]:
    """A mail server; no e-mails wait but those that the test will queue."""
    platform.sql("DELETE FROM users_email")
    with mail_server() as post:
        yield post


@pytest.fixture
def wake(platform: Platform) -> Iterator[Callable[[], object]]:
    """Wake the workers, as beat does."""
    with Celery(set_as_current=False) as beat:
        beat.conf.broker_write_url = platform.embedded.broker_url  # CELERY_BROKER_URL goes before an argument
        yield lambda: beat.send_task("users.tasks.send_due_emails", ignore_result=True)


@contextmanager
def celery(platform: Platform, post: Post, *arguments: str) -> Iterator[psutil.Process]:
    """A worker or beat that sends through this server, killed with all below it in the end, if a test has not done so."""
    command = [sys.executable, "-m", "celery", "--app", "loyalty.celery", *arguments]
    env = environment(platform.folder, EMAIL_URL=f"smtp://127.0.0.1:{post.port}/", EMAIL_LEASE_SECONDS=str(LEASE_SECONDS))
    with (platform.folder / f"{arguments[0]}.log").open("wb") as log:
        started = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield psutil.Process(started.pid)
    finally:
        end(family_of(started.pid))
        started.wait()


def worker(platform: Platform, post: Post) -> AbstractContextManager[psutil.Process]:
    """A worker as `serve` starts one."""
    options = ["--concurrency", "1", "--loglevel", "INFO", "--without-mingle", "--without-gossip"]
    return celery(platform, post, "worker", *options)


def queue(caller: Caller) -> list[int]:
    """Queue a notice of some credits, told apart by their amounts."""
    auth_id, amounts = caller.add_user(), list(range(1, QUEUED + 1))
    for amount in amounts:
        assert caller.credit(auth_id, amount, send_email=True).status_code == 202
    return amounts


def amounts_in(post: Post) -> list[int]:
    """The amounts in the notices that the server has accepted."""
    return sorted(int(message["Subject"].split()[0]) for message in list(post.messages))


def until(condition: Callable[[], Any], wake: Callable[[], object]) -> None:
    """Wait for the condition, waking the workers meanwhile."""

    def come() -> Any:
        wake()
        return condition()

    wait_for(come, every=0.5)


def test_workers_killed_while_sending_are_followed_by_one_that_sends(
    platform: Platform, caller: Caller, post: Post, wake: Callable[[], object]
) -> None:
    """Before the conversation, in the middle of the message, and between the server's taking it and the worker's hearing so."""
    amounts, kills = queue(caller), {Lapse.NO_GREETING: 0, Lapse.SILENT_IN_DATA: 0, Lapse.TAKEN_WITHOUT_A_WORD: 1}

    for lapse, accepted in kills.items():
        post.answers = [lapse]
        with worker(platform, post) as killed:
            until(lambda lapse=lapse: lapse in post.lapses, wake)
            family = family_of(killed.pid)
            end(family)
        assert len(family) > 1
        assert (platform.sql(UNSENT), len(post.messages)) == ([(QUEUED,)], accepted)
    with worker(platform, post):
        until(lambda: platform.sql(UNSENT) == [(0,)], wake)

    assert sorted(set(amounts_in(post))) == amounts
    assert len(post.messages) == QUEUED + 1  # one copy more, of what nobody could know was taken
    assert len({message["Message-ID"] for message in post.messages}) == QUEUED


def test_a_worker_s_child_killed_while_sending_is_replaced_by_one_that_sends(
    platform: Platform, caller: Caller, post: Post, wake: Callable[[], object]
) -> None:
    """As by the system when memory runs out."""
    amounts = queue(caller)
    post.answers = ["250 OK", Lapse.SILENT_IN_DATA]

    with worker(platform, post) as first:
        until(lambda: post.lapses, wake)
        end(first.children())
        until(lambda: platform.sql(UNSENT) == [(0,)], wake)
        assert first.is_running()

    assert amounts_in(post) == amounts


@pytest.mark.parametrize("count", [100, pytest.param(1_000, marks=pytest.mark.long)])
def test_with_the_broker_wiped_all_that_was_queued_is_sent_once(
    platform: Platform, caller: Caller, post: Post, count: int
) -> None:
    """Worker and beat live on meanwhile, as they do below `serve`."""
    auth_id, told = caller.add_user(), platform.folder / "worker.log"
    with worker(platform, post), celery(platform, post, "beat", "--schedule", str(platform.folder / "beat")):
        wait_for(lambda: "ready." in told.read_text())
        platform.kill_valkey()
        wait_for(lambda: "Connection to broker lost" in told.read_text())  # what the worker had in hand is done with
        answers = [caller.credit(auth_id, amount, send_email=True) for amount in range(1, count + 1)]
        platform.wipe_valkey()
        assert {answer.status_code for answer in answers} == {202}
        assert (platform.sql(UNSENT), post.messages) == ([(count,)], [])

        platform.embedded.ensure()
        wait_for(lambda: len(post.messages) >= count, seconds=RETURN_SECONDS)

        wait_for(lambda: platform.sql(UNSENT) == [(0,)], seconds=5)
    assert amounts_in(post) == list(range(1, count + 1))


def test_a_worker_waits_for_the_broker_as_long_as_it_takes() -> None:
    """Celery gives up after 100 tries, which is three quarters of an hour, and with the worker `serve` would end."""
    assert app.conf.broker_connection_max_retries is None

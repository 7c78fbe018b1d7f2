"""The database is away, full, read-only or busy: 503 with Retry-After, nothing half done, and back without a restart."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

import httpx
import psycopg
import pytest

from tests.faults.server import Caller, Platform, wait_for

# What only our own insides would say: SQL, table names, libraries, paths, addresses.
INSIDES = re.compile(
    r"select |insert |update |psycopg|ledger_|users_|api_idem|traceback|\.py|/tmp|socket|postgres|sqlstate", re.IGNORECASE
)
OTHERS = "FROM pg_stat_activity WHERE datname = 'loyalty' AND pid <> pg_backend_pid()"


def must_be_a_clean_503(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json()["code"] == "service_unavailable"
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
    assert not INSIDES.search(answer.text), answer.text


def everything(caller: Caller, auth_id: str) -> list[httpx.Response]:
    """One answer of each kind of operation."""
    user = {"user": {"email": "new@example.org"}}
    membership = {"membership": {"exchange_provider_implementation_name": "etihad", "membership_number": "123456789012"}}
    return [
        caller.post("/users", json=user),
        caller.post("/users", json=user, headers={"Idempotency-Key": f"away {auth_id}"}),
        caller.get("/users"),
        caller.get(f"/users/{auth_id}"),
        caller.patch(f"/users/{auth_id}", json={"user": {"first_name": "Ada"}}),
        caller.get(f"/users/{auth_id}/balances"),
        caller.post(f"/users/{auth_id}/memberships", json=membership),
        caller.delete(f"/users/{auth_id}"),
        caller.get("/transactions"),
        caller.credit(auth_id, 1),
        caller.debit(auth_id, 1, key=f"debit {auth_id}"),
    ]


@contextmanager
def database_stopped(platform: Platform) -> Iterator[None]:
    platform.stop_database()
    try:
        yield
    finally:
        platform.embedded.ensure()


def test_without_the_database_every_operation_answers_503_and_tells_no_insides(platform: Platform, caller: Caller) -> None:
    auth_id = caller.add_user()
    caller.credit(auth_id, 10)

    with database_stopped(platform):
        answers = everything(caller, auth_id)
        unknown_key = caller.get("/users", headers={"X-API-KEY": f"{caller.headers['X-API-KEY'][:-1]}~"})
        ready = httpx.get(f"{platform.base_url}/readyz", trust_env=False)
        alive = httpx.get(f"{platform.base_url}/healthz", trust_env=False)

    for answer in answers:
        must_be_a_clean_503(answer)
    assert unknown_key.status_code == 401
    assert (ready.status_code, ready.json()["database"], ready.json()["broker"]) == (503, "away", "ok")
    assert "Retry-After" in ready.headers
    assert alive.status_code == 200


def test_when_the_database_is_back_everything_goes_on_without_a_restart(platform: Platform, caller: Caller) -> None:
    auth_id = caller.add_user()
    caller.credit(auth_id, 10)
    with database_stopped(platform):
        assert {answer.status_code for answer in everything(caller, auth_id)} == {503}

    answers = [caller.get(f"/users/{auth_id}") for _ in range(40)]  # every thread of every worker

    assert {answer.status_code for answer in answers} == {200}
    assert caller.balance(auth_id) == 10
    assert caller.debit(auth_id, 1, key=f"debit {auth_id}").status_code == 202
    assert platform.readiness() == 200
    platform.prove()


@contextmanager
def read_only_database(platform: Platform) -> Iterator[None]:
    """As after a failover, when the address leads to a replica."""

    def switch(value: str) -> None:
        platform.sql(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        platform.sql("SELECT pg_reload_conf()")

    switch("on")
    try:
        with platform.connect() as connection:
            wait_for(lambda: connection.execute("SHOW default_transaction_read_only").fetchone() == ("on",))
        yield
    finally:
        switch("off")


def test_a_read_only_database_reads_on_and_refuses_writes_with_503(platform: Platform, caller: Caller) -> None:
    auth_id = caller.add_user()
    caller.credit(auth_id, 10)

    with read_only_database(platform):
        wait_for(lambda: caller.credit(auth_id, 1, key=f"ro {auth_id}").status_code == 503, seconds=10)
        writes = [caller.credit(auth_id, 1, key=f"ro {auth_id} {number}") for number in range(5)]
        reads = [caller.get(f"/users/{auth_id}/balances"), caller.get("/transactions")]

    for answer in writes:
        must_be_a_clean_503(answer)
    assert {answer.status_code for answer in reads} == {200}
    before = caller.balance(auth_id)
    wait_for(lambda: caller.credit(auth_id, 1, key=f"ro {auth_id} 0").status_code == 202, seconds=10)
    assert caller.balance(auth_id) == before + 1


@contextmanager
def locked_account(platform: Platform) -> Iterator[psycopg.Connection]:
    """Somebody sits on the accounts and does not let go."""
    with platform.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE ledger_account IN EXCLUSIVE MODE")
        yield connection


def test_a_lock_that_nobody_lets_go_is_a_503_and_nothing_is_done(platform: Platform, caller: Caller) -> None:
    auth_id = caller.add_user()
    caller.credit(auth_id, 10)

    with locked_account(platform):
        answer = caller.debit(auth_id, 4, key=f"locked {auth_id}")

    must_be_a_clean_503(answer)
    assert caller.balance(auth_id) == 10
    assert caller.debit(auth_id, 4, key=f"locked {auth_id}").status_code == 202
    assert caller.balance(auth_id) == 6


def cancel_waiting(platform: Platform) -> bool:
    """Cancel statements that wait for a lock: what statement_timeout does, without waiting for it."""
    return bool(
        platform.sql(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = 'loyalty'"
        )
    )


def test_a_statement_that_is_cancelled_is_a_503_and_nothing_is_done(platform: Platform, caller: Caller) -> None:
    auth_id = caller.add_user()
    caller.credit(auth_id, 10)

    with locked_account(platform), ThreadPoolExecutor(1) as thread:
        sent = thread.submit(caller.debit, auth_id, 4, key=f"cancelled {auth_id}")
        wait_for(lambda: cancel_waiting(platform), seconds=5)
        answer = sent.result()

    must_be_a_clean_503(answer)
    assert caller.balance(auth_id) == 10
    assert caller.debit(auth_id, 4, key=f"cancelled {auth_id}").status_code == 202
    assert len(caller.transaction_ids(auth_id)) == 2


@contextmanager
def connections_used_up(platform: Platform) -> Iterator[None]:
    """Somebody else takes every connection there is, and those of the web server too."""
    with ExitStack() as taken:
        first = taken.enter_context(platform.connect())
        first.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'loyalty' AND pid <> pg_backend_pid()"
        )
        with suppress(psycopg.OperationalError):
            while True:
                taken.enter_context(platform.connect())
        yield


def test_without_a_free_connection_every_operation_answers_503_and_recovers(platform: Platform, caller: Caller) -> None:
    auth_id = caller.add_user()
    caller.credit(auth_id, 10)

    with connections_used_up(platform):
        answers = [caller.credit(auth_id, 1), caller.debit(auth_id, 1, key=f"full {auth_id}"), caller.get("/transactions")]

    for answer in answers:
        must_be_a_clean_503(answer)
    wait_for(lambda: caller.debit(auth_id, 1, key=f"full {auth_id}").status_code == 202, seconds=10)
    assert caller.balance(auth_id) == 9


@pytest.mark.parametrize("only_postmaster", [False, True])
def test_the_first_requests_after_a_crash_and_recovery_are_served(
    platform: Platform, caller: Caller, only_postmaster: bool
) -> None:
    """Connections that died unnoticed are replaced, not handed to a request."""
    auth_id = caller.add_user()
    caller.credit(auth_id, 10)

    platform.kill_database(only_postmaster=only_postmaster)
    platform.embedded.ensure()
    answers = [caller.credit(auth_id, 1).status_code for _ in range(20)]

    assert set(answers) == {202}
    assert caller.balance(auth_id) == 30

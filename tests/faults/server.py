"""A web server on a PostgreSQL and a Valkey of its own, to break things on."""

import fcntl
import json
import logging
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import psycopg

from loyalty.embedded import Embedded

logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each request would bury what failed
ROOT = Path(__file__).resolve().parent.parent.parent
OURS = ("LOYALTY_", "PYTEST_", "PROMETHEUS_", "DATABASE_", "CELERY_", "PG")
OUR_NAMES = {"REDIS_URL", "EMAIL_URL", "SECRET_KEY", "DEBUG", "LOG_FORMAT", "METRICS_TOKEN", "ALLOWED_HOSTS"}
START_SECONDS = 60
THREADS = 8
Given = TypeVar("Given")
Result = TypeVar("Result")


def environment(folder: Path | None, **further: str) -> dict[str, str]:
    """The environment of a child: nothing of this test run's own settings, `folder` as its var/."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS) and name not in OUR_NAMES}
    kept |= {"DJANGO_SETTINGS_MODULE": "loyalty.settings", "PYTHONUNBUFFERED": "1"}
    return kept | ({"LOYALTY_VAR": str(folder)} if folder else {}) | further


def free_port() -> int:
    """A port that nobody listens on, below those that the system hands out by itself."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_for(condition: Callable[[], Any], *, seconds: float = START_SECONDS, every: float = 0.05) -> Any:
    """What the condition answers, once that is something."""
    deadline = time.monotonic() + seconds
    while not (outcome := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        time.sleep(every)
    return outcome


def at_once(act: Callable[[Given], Result], given: Iterable[Given]) -> list[Result]:
    """Run `act` for each of the given at the same instant, each in a thread of its own."""
    items = list(given)
    barrier = threading.Barrier(len(items))

    def start_together(item: Given) -> Result:
        barrier.wait()
        return act(item)

    with ThreadPoolExecutor(len(items)) as threads:
        return list(threads.map(start_together, items))


def family_of(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def end(processes: Iterable[psutil.Process]) -> None:
    """Kill what is left of the processes."""
    left = list(processes)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=10)


class Platform:
    """granian, PostgreSQL and Valkey in one folder; what a power cut would lose is written through, as in earnest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.embedded = Embedded(folder)
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.log_path = folder / "web.log"
        self.web: subprocess.Popen[bytes] | None = None
        self.demo: dict[str, Any] = {}

    @contextmanager
    def running(self) -> Iterator["Platform"]:
        """Everything up; everything down again at the end."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".users").open("w") as users:  # a holder, so that no command stops the servers behind itself
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                self.embedded.ensure()
                self.must_manage("migrate", "--verbosity", "0")
                self.must_manage("demo_data", "--base-url", self.base_url)
                self.demo = json.loads((self.folder / "demo.json").read_text())
                self.start_web()
                yield self
            finally:
                self.stop_web()
                self.embedded.stop()

    def start_web(self, **further: str) -> None:
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--workers", "2", "--blocking-threads", str(THREADS), "--no-ws", "--log-level", "warning"]
        command += ["--workers-kill-timeout", "5", "loyalty.wsgi:application"]
        env = environment(self.folder, **further)
        with self.log_path.open("ab") as log:
            self.web = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(self._is_ready)

    def stop_web(self) -> None:
        if self.web is None:
            return
        family = family_of(self.web.pid)
        self.web.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self.web.wait(15)
        end(family)
        self.web.wait()
        self.web = None

    def _is_ready(self) -> bool:
        assert self.web is None or self.web.poll() is None, self.log_path.read_text()
        return self.readiness() == 200

    def readiness(self) -> int | None:
        """The status of /readyz, None when nobody answers."""
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.base_url}/readyz", timeout=15, trust_env=False).status_code
        return None

    def heal(self) -> None:
        """Both servers up and the web server ready, whatever a test left behind."""
        self.embedded.ensure()
        if self.web is None or self.web.poll() is not None:
            self.start_web()
        wait_for(self._is_ready)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment(self.folder), capture_output=True, text=True, timeout=120, check=False
        )

    def must_manage(self, *arguments: str) -> str:
        done = self.manage(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def prove(self) -> None:
        """The whole ledger holds."""
        self.must_manage("verify_ledger")

    # --- breaking things ---

    def database_processes(self) -> list[psutil.Process]:
        """The postmaster first."""
        return family_of(int((self.embedded.pg / "postmaster.pid").read_text().split()[0]))

    def kill_database(self, *, only_postmaster: bool = False) -> None:
        found = self.database_processes()
        end(found[:1] if only_postmaster else found)

    def kill_valkey(self) -> None:
        end(family_of(int((self.embedded.vk / "server.pid").read_text())))

    def wipe_valkey(self) -> None:
        """Lose all that a killed one has written."""
        assert not self.embedded._valkey_answers(), "somebody has brought it up again"
        shutil.rmtree(self.embedded.vk)

    def stop_database(self) -> None:
        self.embedded._tool("pg_ctl", "-D", self.embedded.pg, "-w", "-m", "fast", "stop")

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(host=str(self.embedded.run), user="postgres", dbname="loyalty", autocommit=True)

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    # --- the brand's own system ---

    def client(self, *, number: int = 0, timeout: float = 30) -> "Caller":
        return Caller(self, number, timeout)


class Caller(httpx.Client):
    """A partner's system that calls the Partner API as one of the demo's brands."""

    def __init__(self, platform: Platform, number: int, timeout: float) -> None:
        brand = platform.demo["brands"][number]
        self.token_id: int = brand["tokens"]["points"]
        super().__init__(
            base_url=f"{platform.base_url}/api/admin",
            headers={"X-API-KEY": brand["api_key"]},
            timeout=timeout,
            trust_env=False,
        )

    def add_user(self) -> str:
        """A new user's auth_id."""
        auth_id = f"u{secrets.token_hex(8)}"
        answer = self.post("/users", json={"user": {"email": f"{auth_id}@example.org", "auth_id": auth_id}})
        assert answer.status_code == 201, answer.text
        return auth_id

    def move(self, type_: str, auth_id: str, amount: int, *, key: str | None = None, **fields: Any) -> httpx.Response:
        order = {"type": type_, "user_auth_id": auth_id, "amount": amount, "token_id": self.token_id} | fields
        return self.post("/transactions", json={"transaction": order}, headers={"Idempotency-Key": key} if key else {})

    def credit(self, auth_id: str, amount: int, **fields: Any) -> httpx.Response:
        return self.move("credit_points", auth_id, amount, **fields)

    def debit(self, auth_id: str, amount: int, **fields: Any) -> httpx.Response:
        return self.move("debit_points", auth_id, amount, **fields)

    def balance(self, auth_id: str) -> int:
        entries = self.get(f"/users/{auth_id}/balances").raise_for_status().json()["data"]
        return next(entry["balance"] for entry in entries if entry["token"]["id"] == self.token_id)

    def transaction_ids(self, auth_id: str) -> list[str]:
        """The ids of all movements of a user."""
        found: list[str] = []
        query: dict[str, Any] = {"user_auth_id": auth_id}
        while True:
            page = self.get("/transactions", params=query).raise_for_status().json()["data"]
            found += [row["id"] for row in page["transactions"]]
            if page["next_cursor"] is None:
                return found
            query["cursor"] = page["next_cursor"]

"""`manage.py serve` in a process and a folder of its own."""

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from loyalty.embedded import Embedded
from tests.faults.server import ROOT, end, environment, family_of, free_port, wait_for


class Serve:
    """One `serve`; what it prints goes to a file."""

    def __init__(self, folder: Path, *options: str, port: int | None = None, **env: str) -> None:
        self.folder, self.port = folder, port or free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.log_path = folder.parent / f"serve-{secrets.token_hex(4)}.log"
        command = [sys.executable, "manage.py", "serve", "--port", str(self.port), "--workers", "1", *options]
        with self.log_path.open("ab") as log:
            # A session of its own, as a terminal gives one: Ctrl-C reaches the whole of it.
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment(folder, **env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def demo(self) -> dict[str, Any]:
        return json.loads((self.folder / "demo.json").read_text())

    def log(self) -> str:
        return self.log_path.read_text()

    def wait_until_ready(self, *, seconds: float = 90) -> "Serve":
        def ready() -> bool:
            assert self.process.poll() is None, self.log()
            if "Serving on" not in self.log():  # until then the leftovers of a killed one may answer
                return False
            with suppress(httpx.TransportError):
                return httpx.get(f"{self.base_url}/readyz", timeout=10, trust_env=False).status_code == 200
            return False

        wait_for(ready, seconds=seconds)
        return self

    def family(self) -> list[psutil.Process]:
        return family_of(self.process.pid)

    def interrupt(self, *, whole_terminal: bool = False) -> int:
        """Ctrl-C, and the exit code."""
        if whole_terminal:
            os.killpg(self.process.pid, signal.SIGINT)
        else:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(f"{self.base_url}{path}", headers=headers, timeout=15, trust_env=False)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return httpx.post(f"{self.base_url}{path}", json=body, headers=headers, timeout=15, trust_env=False)


def in_folder(folder: Path) -> list[psutil.Process]:
    """Every process, but this one, that works for this folder: it says so in its environment or on its command line."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            told = [process.environ().get("LOYALTY_VAR", ""), *process.cmdline()]
            if any(str(folder) in word for word in told) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return [process for process in found if process.pid != os.getpid()]


@contextmanager
def clean_folder(folder: Path) -> Iterator[Path]:
    """A folder for var/ whose processes are gone at the end, come what may."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        with suppress(Exception):
            Embedded(folder).stop()
        end(in_folder(folder))


@pytest.fixture
def var(tmp_path: Path) -> Iterator[Path]:
    with clean_folder(tmp_path / "var") as folder:
        yield folder


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Serve]:
    """`serve --demo`, shared by the tests that only look at it."""
    with clean_folder(tmp_path_factory.mktemp("serve") / "var") as folder:
        serve = Serve(folder, "--demo").wait_until_ready()
        yield serve
        serve.process.poll()
        end(serve.family())
        serve.process.wait()

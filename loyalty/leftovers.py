"""Processes that a `serve` left behind when it was killed without a chance to stop them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

STOP_SECONDS = 8
LOOK_EVERY_SECONDS = 0.5


class Leftovers:
    """A file with the pids of what was started, and when each began, so that no stranger's process is taken for ours."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def watching(self, manager: Any) -> Iterator[None]:
        """Write the pids down while a honcho manager runs."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(LOOK_EVERY_SECONDS):
                self._write([state["pid"] for state in manager._processes.values() if state.get("pid")])  # noqa: SLF001

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            self.path.unlink(missing_ok=True)

    def stop(self) -> None:
        """Stop what an earlier `serve` left running, with its children."""
        found = list(self._alive())
        family = [child for process in found for child in process.children(recursive=True)] + found
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        for process in psutil.wait_procs(family, timeout=STOP_SECONDS)[1]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.path.unlink(missing_ok=True)

    def _write(self, pids: list[int]) -> None:
        lines = []
        for pid in pids:
            with suppress(psutil.NoSuchProcess):
                lines.append(f"{pid} {psutil.Process(pid).create_time()}")
        self.path.write_text("\n".join(lines))

    def _alive(self) -> Iterator[psutil.Process]:
        with suppress(OSError):
            for line in self.path.read_text().splitlines():
                pid, began = line.split()
                with suppress(psutil.NoSuchProcess):
                    process = psutil.Process(int(pid))
                    if process.create_time() == float(began):
                        yield process

"""The product's settings, with servers of its own for each run of the tests, unless URLs name others."""

import atexit
import fcntl
import os
from pathlib import Path

VAR = Path(__file__).resolve().parent.parent / "var"
MOST_RUNS_AT_ONCE = 20


def _claim_folder() -> Path:
    """A folder that no other run under way uses."""
    for number in range(MOST_RUNS_AT_ONCE):
        folder = VAR / f"tests-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".run", os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            continue
        return folder
    raise RuntimeError("too many runs of the tests at once")


if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["LOYALTY_VAR"] = str(_claim_folder())
    os.environ["LOYALTY_DISPOSABLE"] = "1"
    os.environ.pop("EMAIL_URL", None)
    if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        from loyalty.embedded import Embedded

        _servers = Embedded(Path(os.environ["LOYALTY_VAR"]), disposable=True)
        _servers.ensure()
        atexit.register(_servers.stop)

from loyalty.settings import *  # noqa: E402, F403 - only now, for it reads the environment

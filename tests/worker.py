"""A real worker on the database and the broker that the settings name: Valkey, Redis or RabbitMQ."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from tests.faults.server import ROOT


def database_url() -> str:
    """The database of this test, for another process."""
    terms = connection.settings_dict
    who = ":".join(quote(part, safe="") for part in (terms["USER"], terms["PASSWORD"]) if part)
    port = f":{terms['PORT']}" if terms["PORT"] else ""
    return f"postgresql://{who}@{quote(terms['HOST'], safe='')}{port}/{terms['NAME']}"


@contextmanager
def worker(folder: Path) -> Iterator[str]:
    """A worker of a queue of its own, which it is woken by."""
    queue = f"test-{secrets.token_hex(6)}"
    command = [sys.executable, "-m", "celery", "--app", "loyalty.celery", "worker", "--pool", "solo", "--queues", queue]
    setting = os.environ | {
        "DJANGO_SETTINGS_MODULE": "loyalty.settings",
        "DATABASE_URL": database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "CELERY_BROKER_URL": settings.CELERY_BROKER_URL,
        "LOYALTY_VAR": str(folder),
    }
    with subprocess.Popen(command, cwd=ROOT, env=setting, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as started:
        try:
            yield queue
        finally:
            started.terminate()

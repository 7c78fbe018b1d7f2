"""The product's settings for benchmarks: servers of their own that are durable, django-hordak beside, one more view."""

import os
from pathlib import Path

os.environ.setdefault("LOYALTY_VAR", str(Path(__file__).resolve().parents[2] / "var" / "benchmarks"))

from loyalty.settings import *  # noqa: F403 - only now, for it reads the environment
from loyalty.settings import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [*INSTALLED_APPS, "mptt", "hordak"]
MIDDLEWARE = [*MIDDLEWARE]
ROOT_URLCONF = "tests.benchmarks.urls"
STATEMENT_TIMEOUT_MS = 600_000

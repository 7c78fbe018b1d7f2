"""Run benchmarks: `uv run python -m tests.benchmarks [name ...] [--json]`."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.settings"

import django
import psycopg

django.setup()

from django.conf import settings
from django.core.management import call_command

from loyalty import embedded
from tests.benchmarks import apps, backoffice, codes, exchanges, posting, reading, retail, serving
from tests.benchmarks.harness import Comparison

BENCHMARKS: dict[str, Callable[[], Iterable[Comparison]]] = {
    "post_one": posting.post_one,
    "post_many": posting.post_many_,
    "http_credit": serving.http_credit,
    "verify": reading.verify,
    "read": reading.read,
    "generate_codes": codes.generate,
    "redeem_code": codes.redeem_code,
    "redeem_at_scale": codes.redeem_at_scale,
    "accept_exchange": exchanges.accept,
    "settle_exchange": exchanges.settle,
    "backoffice": backoffice.backoffice,
    "rules": retail.rules,
    "evaluate": retail.evaluation,
    "earn": retail.earning,
    "import_earnings": retail.importing,
    "app_actions": apps.actions,
    "app_multistore": apps.multistore,
    "app_crowds": apps.crowds,
}


def start_afresh() -> None:
    """Begin with an empty database; one that was given by URL is left as it is."""
    if settings.EMBEDDED is not None:
        with psycopg.connect(host=str(settings.EMBEDDED.run), user="postgres", dbname="postgres", autocommit=True) as server:
            server.execute("DROP DATABASE IF EXISTS loyalty WITH (FORCE)")
            server.execute("CREATE DATABASE loyalty")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure us and the reference side by side, in one run.")
    parser.add_argument("names", nargs="*", help=f"which: {', '.join(BENCHMARKS)}; all unless named")
    parser.add_argument("--json", action="store_true", help="print a list of comparisons as JSON")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}")
    embedded.hold()
    start_afresh()
    call_command("migrate", verbosity=0)
    told = []
    for name in chosen.names or BENCHMARKS:
        for comparison in BENCHMARKS[name]():
            told.append(comparison.summary())
            print(comparison.line(), file=sys.stderr if chosen.json else sys.stdout, flush=True)
    if chosen.json:
        print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()

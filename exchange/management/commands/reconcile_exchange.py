"""Compare a day's exchanges with what a partner says it credited."""

import csv
from argparse import ArgumentTypeError
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from exchange.adapters.base import StatementUnavailableError
from exchange.models import Provider
from exchange.rules.reconciling import COLUMNS, StatementLine, StatementUnreadableError, read_statement
from exchange.services.reconciling import Reconciled, reconcile


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError("a date such as 2026-11-24") from None


class Command(BaseCommand):
    """Differences are rows that staff resolve; running it again adds none twice."""

    help = "Compare a day's exchanges (UTC) with the partner's statement, settle what it credited, and list the differences."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the partner, the day, and where statements come from and go to."""
        parser.add_argument("--provider", required=True, help="the implementation name, such as etihad")
        parser.add_argument("--date", type=_date, help="yesterday unless given")
        parser.add_argument("--brand", type=int, help="needed where several brands have the provider")
        parser.add_argument("--statement", type=Path, help="the partner's CSV, with the columns " + ", ".join(COLUMNS))
        parser.add_argument("--output", type=Path, help="a folder for both statements as CSV")

    def handle(self, *args: Any, **options: Any) -> None:
        """Reconcile and tell."""
        day = options["date"] or (datetime.now(UTC) - timedelta(days=1)).date()
        provider = _provider(options["provider"], options["brand"])
        try:
            done = reconcile(provider=provider, day=day, theirs=_read(options["statement"]), at=timezone.now())
            if options["output"]:
                _write(options["output"], f"{options['provider']}-{day}", done)
        except (StatementUnavailableError, StatementUnreadableError, OSError) as error:
            raise CommandError(f"{options['statement'] or options['provider']}: {error}") from None
        ours, theirs = (f"{len(lines)} with {sum(line.amount for line in lines)}" for lines in (done.ours, done.theirs))
        self.stdout.write(f"{provider}, {day}: settled here {ours}, credited there {theirs}, settled now {done.repaired}")
        for row in done.differences:
            resolved = f" - {row.resolution}" if row.resolution else ""
            self.stdout.write(f"{row.kind} {row.reference}: ours {row.ours}, theirs {row.theirs}{resolved}")
        unresolved = sum(row.resolved_at is None for row in done.differences)
        self.stdout.write(f"{len(done.differences)} differences, {unresolved} to resolve")


def _provider(name: str, brand_id: int | None) -> Provider:
    rows = Provider.objects.filter(programme__implementation_name=name).select_related("programme", "brand")
    found = list(rows.filter(brand_id=brand_id) if brand_id is not None else rows)
    if not found:
        raise CommandError(f"--provider: there is no provider {name}" + (f" of brand {brand_id}" if brand_id else ""))
    if len(found) > 1:
        raise CommandError("--brand: which of " + ", ".join(f"{one.brand_id} ({one.brand})" for one in found) + "?")
    return found[0]


def _read(path: Path | None) -> list[StatementLine] | None:
    if path is None:
        return None
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return read_statement(lines)
    except UnicodeDecodeError:
        raise StatementUnreadableError("the file is not UTF-8") from None


def _write(folder: Path, name: str, done: Reconciled) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for side, lines in (("ours", done.ours), ("theirs", done.theirs)):
        with (folder / f"{name}-{side}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows((line.reference, line.amount, line.credited_at.isoformat()) for line in lines)

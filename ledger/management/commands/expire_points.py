"""Post all points that have lapsed."""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ledger.services.expiring import due_accounts, expire_due_accounts


class Command(BaseCommand):
    """May be killed and started again at any time."""

    help = "Post all points that have lapsed. The worker does so every minute; this does it now."

    def handle(self, *args: Any, **options: Any) -> None:
        """Expire until nothing is due."""
        columns = (TextColumn("expiring"), BarColumn(), MofNCompleteColumn(), TextColumn("accounts"), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("accounts", total=due_accounts(at=timezone.now()))
            done = expire_due_accounts(clock=timezone.now, tell=lambda count: bar.advance(task, count))
        self.stdout.write(f"expired points on {done} accounts")

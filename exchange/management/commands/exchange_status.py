"""Show where exchanges stand."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from exchange.selectors import Queue, queues


class Command(BaseCommand):
    """Reads only."""

    help = "Show, for each provider, how many exchanges are in which state, the oldest of them, and the circuit breaker."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line a provider."""
        now = timezone.now()
        table = Table(box=None, header_style="", pad_edge=False)
        for name in ("brand", "provider", *Queue.STATES, "oldest open", "without answer", "differences", "calls"):
            table.add_column(name, no_wrap=True)
        for queue in queues():
            age = "-" if queue.oldest is None else f"{(now - queue.oldest).total_seconds():,.0f} s"
            counts = [str(queue.counts.get(state, 0)) for state in Queue.STATES]
            table.add_row(
                queue.brand, queue.provider, *counts, age, str(queue.misses), str(queue.differences), queue.calls_at(now)
            )
        console = Console(width=200, highlight=False)
        with console.capture() as drawn:
            console.print(table)
        for line in drawn.get().splitlines():
            self.stdout.write(line.rstrip())

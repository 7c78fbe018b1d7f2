"""Make codes by the million."""

import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TimeRemainingColumn
from rich.text import Text

from loyalty.errors import LoyaltyError
from rewards.models import Campaign, CodeBatch
from rewards.services.batches import halt_batch
from rewards.services.exporting import export_batch
from rewards.services.generating import BatchOrder, find_batch, generate_codes, open_batch

INTERRUPTED = 130


class RateColumn(ProgressColumn):
    """How many codes a second."""

    def render(self, task: Task) -> Text:
        """Show it."""
        return Text(f"{task.speed:,.0f} codes/s" if task.speed else "")


class Command(BaseCommand):
    """May be killed and resumed: what is counted is there, what is not counted is not.

    A batch that is not stopped but killed is a job like one that staff ordered: where workers run, they go on with it.
    """

    help = "Make many codes of a campaign, and write them to a CSV file."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what to make, or what to go on with."""
        parser.add_argument("--campaign", type=int, help="the campaign's id")
        parser.add_argument("--count", type=int, help="how many")
        parser.add_argument("--value", type=int, help="what each code is worth")
        parser.add_argument("--length", type=int, help="of the whole code; the campaign's unless given")
        parser.add_argument("--output", type=Path, help="the CSV file to write when all are made")
        parser.add_argument("--resume", type=int, metavar="BATCH", help="go on with a batch that was stopped")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make them, then write the file."""
        output: Path | None = options["output"]
        if output is not None and not output.parent.is_dir():
            raise CommandError(f"--output: there is no folder {output.parent}")
        if output is not None and (not output.name or (output.exists() and not output.is_file())):
            raise CommandError(f"--output: {output} is no file")
        try:
            batch = self._batch(options)
            self._generate(batch)
            self._export(find_batch(batch_id=batch.pk), output)
        except LoyaltyError as refusal:
            raise CommandError("; ".join([str(refusal), *(error.detail for error in refusal.errors)])) from None

    def _batch(self, options: dict[str, Any]) -> CodeBatch:
        """The batch to work on: the one that is named, or a new one."""
        wanted = {name: options[name] for name in ("campaign", "count", "value", "length")}
        if options["resume"] is not None:
            if any(value is not None for value in wanted.values()):
                raise CommandError("--resume goes without --campaign, --count, --value and --length")
            return find_batch(batch_id=options["resume"])
        if missing := [f"--{name}" for name in ("campaign", "count", "value") if wanted[name] is None]:
            raise CommandError(f"{', '.join(missing)}: needed, unless a batch is resumed")
        campaign = Campaign.objects.filter(pk=wanted["campaign"]).first()
        if campaign is None:
            raise CommandError(f"--campaign: there is no campaign {wanted['campaign']}")
        order = BatchOrder(
            brand_id=campaign.brand_id,
            campaign_id=campaign.pk,
            count=wanted["count"],
            value=wanted["value"],
            length=wanted["length"],
            actor="command",
        )
        batch = open_batch(order=order, at=timezone.now())
        self.stderr.write(f"batch {batch.pk}; when it is stopped, go on with --resume {batch.pk}")
        return batch

    def _generate(self, batch: CodeBatch) -> None:
        started, before, made = time.monotonic(), batch.generated, 0
        columns = [BarColumn(), MofNCompleteColumn(), RateColumn(), TimeRemainingColumn()]
        try:
            with Progress(*columns, console=Console(file=sys.stderr)) as progress:
                bar = progress.add_task("codes", total=batch.count, completed=before)

                def tell(count: int) -> None:
                    nonlocal made
                    made += count
                    progress.update(bar, completed=find_batch(batch_id=batch.pk).generated)

                done = generate_codes(batch_id=batch.pk, clock=timezone.now, tell=tell)
        except KeyboardInterrupt:
            self.stderr.write(f"stopped; go on with --resume {batch.pk}")
            halt_batch(batch_id=batch.pk)
            sys.exit(INTERRUPTED)
        except DatabaseError as error:
            raise CommandError(f"the database: {str(error).strip()}; go on with --resume {batch.pk}") from error
        if done.missing:
            raise CommandError(f"the batch was stopped by someone else; go on with --resume {batch.pk}")
        seconds = time.monotonic() - started
        self.stdout.write(
            f"batch {batch.pk}: {batch.count} codes of {batch.length} characters, each worth {batch.value}; "
            f"{made} made now in {seconds:.1f} s ({made / max(seconds, 0.001):,.0f} a second)"
        )

    def _export(self, batch: CodeBatch, output: Path | None) -> None:
        if output is None:
            return
        try:
            exported = export_batch(batch=batch, path=output)
        except OSError as error:
            raise CommandError(f"--output: {error}") from None
        self.stdout.write(f"{output}: {exported.rows} rows, SHA-256 {exported.sha256}")

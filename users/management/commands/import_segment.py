"""Import the members of a segment."""

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from loyalty.errors import LoyaltyError
from users.models import Segment
from users.services.segment_import import Line, Tally, import_members

INTERRUPTED = 130


class Rejects:
    """The file of lines that could not be taken, made with the first of them: line, reason, what stands there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None
        self._rows: Any = None

    def add(self, line: Line) -> None:
        """Write one down."""
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8", errors="surrogateescape", newline="")
            self._rows = csv.writer(self._file)
            self._rows.writerow(["line", "reason", "member_id"])
        self._rows.writerow([line.number, line.fault, line.auth_id])

    def close(self) -> None:
        """Close it."""
        if self._file is not None:
            self._file.close()


class Command(BaseCommand):
    """May be stopped, killed and run again: who is in already is counted, and nobody is in twice."""

    help = "Add the members whose ids a CSV file names to a segment that is kept by hand."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare which segment and which file."""
        parser.add_argument("brand", type=int, help="the brand's id")
        parser.add_argument("segment", help="the segment's id or name")
        parser.add_argument("file", type=Path, help="CSV in UTF-8: one id a line, or a column member_id under a header")
        parser.add_argument("--rejects", type=Path, help="where lines go that cannot be taken; beside the file unless given")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import it."""
        path: Path = options["file"]
        rejects = Rejects(options["rejects"] or path.with_name(f"{path.stem}.rejected.csv"))
        segment = self._segment(options["brand"], options["segment"])
        try:
            tally = self._import(segment, path, rejects)
        except OSError as error:
            raise CommandError(f"file: {error}") from None
        except LoyaltyError as refusal:
            raise CommandError(str(refusal)) from None
        except DatabaseError as error:
            raise CommandError(f"the database: {str(error).strip()}; run it again to go on") from error
        except KeyboardInterrupt:
            self.stderr.write("stopped; run it again to go on")
            sys.exit(INTERRUPTED)
        finally:
            rejects.close()
        self.stdout.write(f"{segment}: {tally.added} added, {tally.already} in it already, {tally.rejected} lines rejected")
        if tally.rejected:
            self.stdout.write(f"rejected lines and reasons: {rejects.path}")

    def _segment(self, brand_id: int, name: str) -> Segment:
        rows = Segment.objects.filter(brand_id=brand_id)
        by_id = name.isascii() and name.isdecimal() and len(name) <= 18
        segment = (rows.filter(pk=int(name)).first() if by_id else None) or rows.filter(name=name).first()
        if segment is None:
            raise CommandError(f"segment: brand {brand_id} has no segment {name}")
        return segment

    def _import(self, segment: Segment, path: Path, rejects: Rejects) -> Tally:
        with (
            path.open("rb") as raw,
            TextIOWrapper(raw, encoding="utf-8", errors="surrogateescape", newline="") as lines,
            _bar(path.stat().st_size) as (progress, bar),
        ):

            def tell(tally: Tally) -> None:
                progress.update(bar, completed=raw.tell(), lines=tally.lines)

            return import_members(
                brand_id=segment.brand_id,
                segment_id=segment.pk,
                lines=lines,
                clock=timezone.now,
                reject=rejects.add,
                tell=tell,
            )


@contextmanager
def _bar(size: int) -> Iterator[tuple[Progress, Any]]:
    """A bar over the bytes of the file."""
    columns = [BarColumn(), TextColumn("{task.percentage:>3.0f} %  {task.fields[lines]:,} lines"), TimeRemainingColumn()]
    with Progress(*columns, console=Console(file=sys.stderr)) as progress:
        yield progress, progress.add_task("lines", total=max(size, 1), lines=0)

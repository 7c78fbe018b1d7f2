"""Import earnings by the million."""

import csv
import sys
from collections.abc import Iterator
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from loyalty.errors import LoyaltyError
from rewards.rules.earn_files import NEEDED, OPTIONAL, FileFault, check_header
from rewards.services.importing import FileLine, Tally, import_earnings
from users.models import Brand

BATCH, INTERRUPTED = 5_000, 130
ACTOR = "system"


class Rejects:
    """The file of lines that were not taken, made with the first of them: line, reason, and what stands there."""

    def __init__(self, path: Path, header: list[str]) -> None:
        self.path, self._header = path, header
        self._file: IO[str] | None = None

    def add(self, line: FileLine, reason: str) -> None:
        """Write one down."""
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8", errors="surrogateescape", newline="")
            csv.writer(self._file).writerow(["line", "reason", *self._header])
        csv.writer(self._file).writerow([line.number, reason, *(line.columns.get(name, "") for name in self._header)])

    def close(self) -> None:
        """Close it."""
        if self._file is not None:
            self._file.close()


class Command(BaseCommand):
    """May be stopped, killed and run again: what is stored is passed, and no transaction_id earns twice."""

    help = "Earn on the baskets of a CSV file, each transaction_id once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare whose file, and which."""
        parser.add_argument("file", type=Path, help=f"CSV in UTF-8 with the columns {', '.join(NEEDED)}; {', '.join(OPTIONAL)}")
        parser.add_argument("--brand", type=int, required=True, help="the brand's id")
        parser.add_argument("--rejects", type=Path, help="where lines go that cannot be taken; beside the file unless given")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import it."""
        path: Path = options["file"]
        if not Brand.objects.filter(pk=options["brand"]).exists():
            raise CommandError(f"--brand: there is no brand {options['brand']}")
        try:
            tally, rejects = self._import(options["brand"], path, options["rejects"])
        except (OSError, FileFault) as error:
            raise CommandError(f"file: {error}") from None
        except LoyaltyError as refusal:
            raise CommandError(str(refusal)) from None
        except DatabaseError as error:
            raise CommandError(f"the database: {str(error).strip()}; run it again to go on") from error
        except KeyboardInterrupt:
            self.stderr.write("stopped; run it again to go on")
            sys.exit(INTERRUPTED)
        self.stdout.write(
            f"{tally.lines:,} lines: {tally.earned:,} earned {tally.points:,} points, {tally.already:,} were there already, "
            f"{tally.rejected:,} rejected"
        )
        if tally.rejected:
            self.stdout.write(f"rejected lines and reasons: {rejects.path}")

    def _import(self, brand_id: int, path: Path, told: Path | None) -> tuple[Tally, Rejects]:
        tally = Tally()
        columns = [BarColumn(), TextColumn("{task.percentage:>3.0f} %  {task.fields[told]}"), TimeRemainingColumn()]
        with (
            path.open("rb") as raw,
            TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="") as text,
            Progress(*columns, console=Console(file=sys.stderr)) as progress,
        ):
            header, _ = _columns(text.readline())
            check_header(header)
            rejects = Rejects(told or path.with_name(f"{path.stem}.rejected.csv"), header)
            bar = progress.add_task("lines", total=max(path.stat().st_size, 1), told="")
            try:
                for lines in _batches(text, header, rejects, tally):
                    import_earnings(
                        brand_id=brand_id, lines=lines, actor=ACTOR, at=timezone.now(), tally=tally, reject=rejects.add
                    )
                    progress.update(bar, completed=raw.tell(), told=f"{tally.lines:,} lines, {tally.rejected:,} rejected")
            finally:
                rejects.close()
        return tally, rejects


def _batches(text: TextIOWrapper, header: list[str], rejects: Rejects, tally: Tally) -> Iterator[list[FileLine]]:
    """Lines by the thousand; one that is no CSV, has too few or too many columns, or is no UTF-8, is rejected here.

    Each line is read by itself, so that a quote that is never closed spoils no other.
    """
    numbered = enumerate(text, 2)
    while block := list(islice(numbered, BATCH)):
        lines = []
        for number, told in block:
            row, fault = _columns(told)
            line = FileLine(number, dict(zip(header, row, strict=False)))
            fault = fault or _fault(row, header)
            if fault:
                rejects.add(line, fault)
                tally.lines += 1
                tally.rejected += 1
            else:
                lines.append(line)
        yield lines


def _columns(told: str) -> tuple[list[str], str]:
    """A line's columns, or what is wrong with it."""
    try:
        return next(csv.reader([told], strict=True), []), ""
    except csv.Error as error:
        return [], f"no CSV: {error}"


def _fault(row: list[str], header: list[str]) -> str:
    if len(row) != len(header):
        return f"{len(row)} columns, not {len(header)}"
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return "not in UTF-8"
    return ""

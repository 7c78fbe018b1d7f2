"""Prove the ledger: recompute every chain, balance and lot."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ledger.services.proof import Proof, prove, rows_to_prove


class Command(BaseCommand):
    """Exits with 1 when something differs, and says account and sequence of each difference."""

    help = "Recompute every chain, balance and lot of the ledger; exit 1 and name each account and sequence that differs."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare --brand and --json."""
        parser.add_argument("--brand", type=int, help="only the brand of this id")
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prove, and tell the outcome."""
        brand_id = options["brand"]
        columns = (TextColumn("proving"), BarColumn(), MofNCompleteColumn(), TextColumn("rows"), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), disable=options["json"] or not sys.stderr.isatty()) as bar:
            task = bar.add_task("rows", total=rows_to_prove(brand_id=brand_id))
            proof = prove(brand_id=brand_id, tell=lambda rows: bar.advance(task, rows))
        if options["json"]:
            self.stdout.write(json.dumps({"holds": proof.holds} | asdict(proof), indent=2))
        else:
            self._tell(proof)
        if not proof.holds:
            sys.exit(1)

    def _tell(self, proof: Proof) -> None:
        for difference in proof.differences:
            self.stdout.write(f"account {difference.account_id}, sequence {difference.sequence}: {difference.fault}")
        checked = f"{proof.rows} rows, {proof.accounts} accounts, {proof.lots} lots"
        verdict = "the ledger holds" if proof.holds else f"{len(proof.differences)} differences"
        self.stdout.write(f"{verdict}: {checked}; root {proof.root}")

"""Check the rollups against the rows they sum, and mend them."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from exchange.services.tallying import EXCHANGES
from ledger.services.rollups import check_rollup, rebuild_rollup
from ledger.services.tallying import LEDGER
from rewards.services.tallying import CODES, REDEMPTIONS
from users.models import Brand

ROLLUPS = {"flows": LEDGER, "codes": CODES, "redemptions": REDEMPTIONS, "exchanges": EXCHANGES}


class Command(BaseCommand):
    """Exits with 1 when a sum differs that was not mended, and names each."""

    help = "Compare the sums that the charts are drawn from with the rows; exit 1 and name each sum that differs."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare --brand, --repair and --json."""
        parser.add_argument("--brand", type=int, help="only the brand of this id")
        parser.add_argument("--repair", action="store_true", help="count anew what differs")
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, mend where that is asked for, and tell the outcome."""
        brands = Brand.objects.order_by("pk").values_list("pk", flat=True)
        compared, told = 0, list[str]()
        for brand_id in brands.filter(pk=options["brand"]) if options["brand"] is not None else brands:
            for name, rollup in ROLLUPS.items():
                check = check_rollup(rollup, brand_id)
                compared += check.compared
                told += [f"brand {brand_id}, {name}: {difference}" for difference in check.differences]
                if check.differences and options["repair"]:
                    rebuild_rollup(rollup, brand_id)
        repaired = options["repair"]
        if options["json"]:
            self.stdout.write(json.dumps({"compared": compared, "differences": told, "repaired": repaired}, indent=2))
        else:
            for line in told:
                self.stdout.write(line)
            verdict = f"{len(told)} differences{', counted anew' if repaired else ''}" if told else "the rollups agree"
            self.stdout.write(f"{verdict}: {compared} sums compared")
        if told and not repaired:
            sys.exit(1)

"""Make a points token."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledger.models import Token
from ledger.rules.expiry import ExpiryUnit
from users.models import Brand


class Command(BaseCommand):
    """Prints the id, which the APIs call token_id."""

    help = "Make a points token for a brand, and print its token_id."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare whose token it is, and how long its points live."""
        parser.add_argument("brand", type=int, help="the brand's id")
        parser.add_argument("name")
        parser.add_argument("symbol")
        lifetime = parser.add_mutually_exclusive_group()
        lifetime.add_argument("--expire-days", type=int, help="points lapse so many days after the credit")
        lifetime.add_argument("--expire-months", type=int, help="points lapse at the end of the month so many months on")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it."""
        if not Brand.objects.filter(pk=options["brand"]).exists():
            raise CommandError(f"brand: there is no brand {options['brand']}")
        count = options["expire_days"] or options["expire_months"] or 0
        if not 0 <= count <= 32_767:
            raise CommandError("the lifetime is a number from 1 to 32767")
        unit = ExpiryUnit.DAYS if options["expire_days"] else ExpiryUnit.MONTHS if count else ExpiryUnit.NEVER
        token = Token.objects.create(
            brand_id=options["brand"],
            name=options["name"],
            symbol=options["symbol"],
            expiry_unit=unit.value,
            expiry_count=count,
        )
        self.stdout.write(str(token.pk))

"""Make an API key."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from users.models import Brand
from users.models.keys import ALL_SCOPES
from users.services.keys import create_api_key


class Command(BaseCommand):
    """Prints the key; only its digest is stored, so it cannot be shown again."""

    help = "Make an API key for a brand, and print it. It is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare whose key it is and what it may."""
        parser.add_argument("brand", type=int, help="the brand's id")
        parser.add_argument("--label", default="", help="what the key is for")
        parser.add_argument("--scopes", default=",".join(ALL_SCOPES), help="with commas between; all unless given")
        parser.add_argument("--rate", type=int, default=1_000, help="requests a second")
        parser.add_argument("--burst", type=int, default=2_000, help="requests at once")
        parser.add_argument("--days", type=int, default=365, help="for how long it is valid; 0 for ever")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it."""
        brand = Brand.objects.filter(pk=options["brand"]).first()
        if brand is None:
            raise CommandError(f"brand: there is no brand {options['brand']}")
        scopes = options["scopes"].split(",")
        if unknown := sorted(set(scopes) - set(ALL_SCOPES)):
            raise CommandError(f"--scopes: unknown: {', '.join(unknown)}; there are {', '.join(ALL_SCOPES)}")
        expires_at = timezone.now() + timedelta(days=options["days"]) if options["days"] else None
        if options["rate"] < 1 or options["burst"] < 1:
            raise CommandError("--rate and --burst: at least 1")
        limits = {"rate_per_second": options["rate"], "burst": options["burst"]}
        self.stdout.write(
            create_api_key(brand=brand, scopes=scopes, label=options["label"], expires_at=expires_at, **limits)[1]
        )

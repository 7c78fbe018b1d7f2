"""Make a brand."""

from typing import Any
from zoneinfo import available_timezones

from django.core.management.base import BaseCommand, CommandError, CommandParser

from users.models import Brand


class Command(BaseCommand):
    """Prints the id, which the APIs and the other commands take."""

    help = "Make a brand, and print its id."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what a brand is made of."""
        parser.add_argument("name")
        parser.add_argument("--languages", default="en", help="ISO 639-1 codes with commas between; the first is the default")
        parser.add_argument("--currency", default="EUR")
        parser.add_argument("--time-zone", default="UTC")
        parser.add_argument("--sandbox", action="store_true", help="a brand for trying out: its keys begin with lp_test_")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it."""
        if options["time_zone"] not in available_timezones():
            raise CommandError(f"--time-zone: {options['time_zone']!r} is not a time zone")
        if Brand.objects.filter(name=options["name"]).exists():
            raise CommandError(f"name: there is a brand {options['name']!r} already")
        brand = Brand.objects.create(
            name=options["name"],
            languages=options["languages"].split(","),
            currency=options["currency"],
            time_zone=options["time_zone"],
            sandbox=options["sandbox"],
        )
        self.stdout.write(str(brand.pk))

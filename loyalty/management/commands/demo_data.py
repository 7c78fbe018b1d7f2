"""Make the demo's brands."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from loyalty.demo import demo_path, make_demo


class Command(BaseCommand):
    """May be run again without harm."""

    help = "Make two demo brands, and write their ids and credentials to var/demo.json."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare --base-url."""
        parser.add_argument("--base-url", default="http://127.0.0.1:8000", help="where the demo is served")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the demo."""
        if settings.PRODUCTION:
            raise CommandError("the demo is not for production: its credentials lie in a file")
        make_demo(base_url=options["base_url"])
        self.stdout.write(f"demo data is ready, its credentials are in {demo_path()}")

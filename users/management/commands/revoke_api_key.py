"""Revoke an API key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from users.services.keys import revoke_api_key


class Command(BaseCommand):
    """Takes the public part, which may be known and logged."""

    help = "Revoke an API key by its public part; within five seconds it is refused everywhere."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare which key."""
        parser.add_argument("public", help="the eight characters after lp_live_ or lp_test_")

    def handle(self, *args: Any, **options: Any) -> None:
        """Revoke it."""
        if not revoke_api_key(public=options["public"], at=timezone.now()):
            raise CommandError(f"public: no valid key has the public part {options['public']!r}")
        self.stdout.write(f"revoked {options['public']}")

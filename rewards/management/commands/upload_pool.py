"""Upload a pool of coupon codes."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from loyalty.errors import LoyaltyError
from rewards.models import RewardType
from rewards.services.pools import upload_pool


class Command(BaseCommand):
    """Takes all of the file or nothing; what is wrong is listed with the number of its line."""

    help = "Add the coupon codes of a CSV file, one a line, to the pool of a reward type."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare which reward type and which file."""
        parser.add_argument("reward_type", type=int, help="the reward type's id")
        parser.add_argument("file", type=Path, help="CSV in UTF-8, one code a line, with a header 'code' or without")

    def handle(self, *args: Any, **options: Any) -> None:
        """Take it."""
        reward_type = RewardType.objects.filter(pk=options["reward_type"]).first()
        if reward_type is None:
            raise CommandError(f"reward_type: there is no reward type {options['reward_type']}")
        try:
            with options["file"].open(encoding="utf-8-sig", newline="") as lines:
                count = upload_pool(brand_id=reward_type.brand_id, reward_type_id=reward_type.pk, lines=lines)
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"file: {error}") from None
        except LoyaltyError as refusal:
            told = [f"{error.field}: {error.detail}" for error in refusal.errors]
            raise CommandError("\n".join([str(refusal), *told])) from None
        self.stdout.write(f"{count} codes added to {reward_type}")

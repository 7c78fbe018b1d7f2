"""Try a promotion on past baskets."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from loyalty.errors import LoyaltyError
from rewards.models import Promotion
from rewards.services.trying import try_promotion


def instant(text: str) -> datetime:
    """An ISO 8601 date, or date and time; without a zone it is UTC."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


class Command(BaseCommand):
    """Reads alone: nothing is posted."""

    help = "Tell what a promotion's draft would have given on the baskets of the past, to how many, and what that costs."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare which promotion, and which baskets."""
        parser.add_argument("promotion", type=int, help="the promotion's id")
        parser.add_argument("--since", type=instant, required=True, help="the first day or instant, as in 2026-06-01")
        parser.add_argument("--until", type=instant, help="the first day or instant that does not count; now unless given")

    def handle(self, *args: Any, **options: Any) -> None:
        """Try it."""
        promotion = Promotion.objects.select_related("brand").filter(pk=options["promotion"]).first()
        if promotion is None:
            raise CommandError(f"promotion: there is no promotion {options['promotion']}")
        try:
            trial = try_promotion(
                brand_id=promotion.brand_id, promotion_id=promotion.pk, since=options["since"], until=options["until"]
            )
        except LoyaltyError as refusal:
            raise CommandError(str(refusal)) from None
        cost = "unknown: its token has no off-ramp" if trial.cost is None else f"{trial.cost:,.2f} {promotion.brand.currency}"
        self.stdout.write(f"{promotion}: {trial.points:,} points for {trial.rewarded:,} of {trial.baskets:,} baskets")
        self.stdout.write(f"members: {len(trial.members):,}")
        self.stdout.write(f"cost: {cost}")
        for reason, count in trial.reasons.most_common():
            self.stdout.write(f"not applied, {reason}: {count:,}")

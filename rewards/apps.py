"""The rewards app."""

from django.apps import AppConfig


class RewardsConfig(AppConfig):
    """Campaigns, codes, reward types, rewards, collectibles."""

    name = "rewards"

    def ready(self) -> None:
        """Hear of members that are erased, and of those that are merged."""
        from rewards.services import erasing, merging

        erasing.listen()
        merging.listen()

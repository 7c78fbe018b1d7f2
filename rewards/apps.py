"""The rewards app."""

from django.apps import AppConfig


class RewardsConfig(AppConfig):
    """Campaigns, codes, reward types, rewards, collectibles."""

    name = "rewards"

    def ready(self) -> None:
        """Hear of members that are erased, merged or exported."""
        from rewards.services import erasing, exporting_members, forgetting, merging, ranking

        erasing.listen()
        merging.listen()
        exporting_members.listen()
        forgetting.listen()
        ranking.listen()

"""The exchange app."""

from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    """Providers, partnerships, exchange orders."""

    name = "exchange"

    def ready(self) -> None:
        """Hear of members that are erased or merged; say which brands take each other's members."""
        from exchange.selectors import takes_points_of
        from exchange.services import erasing, merging
        from users.services.memberships import admit_partners

        erasing.listen()
        merging.listen()
        admit_partners(takes_points_of)

"""The exchange app."""

from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    """Providers, partnerships, exchange orders."""

    name = "exchange"

    def ready(self) -> None:
        """Hear of members that are erased, merged or exported; say which brands take each other's members."""
        from exchange.selectors import takes_points_of
        from exchange.services import erasing, exporting, merging
        from users.services.memberships import admit_partners

        erasing.listen()
        merging.listen()
        exporting.listen()
        admit_partners(takes_points_of)

"""The ledger app."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """Tokens, accounts, transactions, lots."""

    name = "ledger"

    def ready(self) -> None:
        """Hear of members that are erased."""
        from ledger.services import closing

        closing.listen()

"""The ledger app."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """Tokens, accounts, transactions, lots."""

    name = "ledger"

    def ready(self) -> None:
        """Hear of members that are erased, and of those that are merged."""
        from ledger.services import closing, merging

        closing.listen()
        merging.listen()

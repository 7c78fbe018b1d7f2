"""The ledger app."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """Tokens, accounts, transactions, lots."""

    name = "ledger"

    def ready(self) -> None:
        """Hear of members that are erased, merged or exported."""
        from ledger.services import closing, exporting, merging

        closing.listen()
        merging.listen()
        exporting.listen()

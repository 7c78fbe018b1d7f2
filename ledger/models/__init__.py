"""The tables of the ledger."""

from ledger.models.accounts import Account, Lot
from ledger.models.tallies import Tally, TallyMark
from ledger.models.tokens import Token
from ledger.models.transactions import Counterpart, Note, Transaction, TransactionType

__all__ = ["Account", "Counterpart", "Lot", "Note", "Tally", "TallyMark", "Token", "Transaction", "TransactionType"]

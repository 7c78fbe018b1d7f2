"""The tables of the ledger."""

from ledger.models.accounts import Account, Lot
from ledger.models.marks import Mark
from ledger.models.proofs import ProofRun, ProofSubject
from ledger.models.tallies import DailyFlow, OpenLots, Tally, TallyMark
from ledger.models.tokens import Token
from ledger.models.transactions import Counterpart, Note, Transaction, TransactionType

__all__ = [
    "Account",
    "Counterpart",
    "DailyFlow",
    "Lot",
    "Mark",
    "Note",
    "OpenLots",
    "ProofRun",
    "ProofSubject",
    "Tally",
    "TallyMark",
    "Token",
    "Transaction",
    "TransactionType",
]

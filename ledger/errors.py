"""What the ledger refuses."""

from loyalty.errors import LoyaltyError
from users.errors import UserNotFound


class TokenNotFound(LoyaltyError):
    """The brand has no active token of that id and kind."""

    code = "token_not_found"
    detail = "Token not found"


class InsufficientBalance(LoyaltyError):
    """The account would fall below its floor."""

    code = "insufficient_balance"
    detail = "Insufficient balance"


class BalanceLimit(LoyaltyError):
    """The balance would reach 2^53, beyond which JSON numbers lose digits."""

    code = "balance_limit"
    detail = "The balance would become too large"


class AccountClosed(UserNotFound):
    """The account's member was erased; nothing moves on it any more."""


class ReferenceAlreadyUsed(LoyaltyError):
    """The brand has a transaction with that reference_id."""

    code = "reference_already_used"

    def __init__(self, *, transaction_id: int) -> None:
        super().__init__(f"reference_id: already used by transaction {transaction_id}")
        self.transaction_id = transaction_id


class TransactionNotFound(LoyaltyError):
    """The brand has no transaction of that id."""

    code = "transaction_not_found"
    detail = "Transaction not found"


class NotReversible(LoyaltyError):
    """Transactions of this type are undone in a way of their own."""

    code = "not_reversible"
    detail = "This transaction cannot be reversed"


class ReversalExceedsOriginal(LoyaltyError):
    """Less of the original is left than is to be reversed."""

    code = "reversal_exceeds_original"
    detail = "The reversal exceeds what is left of the original"


class LotNotExtendable(LoyaltyError):
    """The lot is not open any more, or lapses later than it is to be extended to."""

    code = "lot_not_extendable"
    detail = "These points cannot be extended: they are gone, or lapse later already"


class LedgerBroken(RuntimeError):
    """An account, its lots and its rows contradict each other: no refusal, but a case for verify_ledger."""

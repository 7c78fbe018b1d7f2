"""Reversal: a transaction is undone, whole or in parts, by rows linked to it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Sum

from ledger.errors import NotReversible, ReversalExceedsOriginal, TransactionNotFound
from ledger.models import Account, Counterpart, Transaction, TransactionType
from ledger.models.transactions import REVERSIBLE
from ledger.rules.lots import absorb_debt, give_back, pairs
from ledger.services.merging import is_gone, reopened
from ledger.services.posting import SYSTEM, Posted, Posting, check_reference, lock_account, post, settle_due_lots
from loyalty.database import write


@dataclass(frozen=True, slots=True, kw_only=True)
class ReversalOrder:
    """What to undo: `amount` points of a transaction, None for all that is left; `reason` is free text.

    `reversible` are the types that may be undone so; a room that undoes its own says which. `below_floor` takes back a credit
    whose points are spent.
    """

    brand_id: int
    transaction_id: int
    amount: int | None = None
    reason: str = ""
    reference_id: str | None = None
    actor: str = SYSTEM
    explanation: dict[str, Any] | None = None
    reversible: frozenset[TransactionType] = REVERSIBLE
    below_floor: bool = False


def reverse(*, order: ReversalOrder, at: datetime) -> Posted:
    """Undo a transaction or a part of it, at any time, never more than it in sum.

    Points taken from lots go back to those lots, the last taken first, and keep their day of expiry: what has lapsed
    meanwhile is gone from the balance at once, and leaves by the next touch. A credit that is undone draws on its own
    lot first; when the member has spent it, the balance decides. Of a member that was merged into another, that one
    gets or gives the points. Raises TransactionNotFound, NotReversible, ReversalExceedsOriginal, InsufficientBalance,
    BalanceLimit (of the one who gets them), ReferenceAlreadyUsed.
    """
    return write(lambda: _reverse(order, at))


def _reverse(order: ReversalOrder, at: datetime) -> Posted:
    original = Transaction.objects.filter(brand_id=order.brand_id, pk=order.transaction_id).first()
    if original is None:
        raise TransactionNotFound
    account = lock_account(original.account_id)
    check_reference(order.brand_id, order.reference_id)  # first, even when nothing of the original is left
    if original.type not in order.reversible or is_gone(account):
        raise NotReversible
    reversed_before = abs(original.reversals.aggregate(total=Sum("amount", default=0))["total"])
    left = abs(original.amount) - reversed_before
    amount = left if order.amount is None else order.amount
    if amount > left or left == 0:
        raise ReversalExceedsOriginal
    draw = amount if original.amount > 0 else 0
    with reopened(account, original, draw=draw, actor=order.actor, at=at, below_floor=order.below_floor):
        return _undo(original, account, order, amount=amount, reversed_before=reversed_before, at=at)


def _undo(
    original: Transaction, account: Account, order: ReversalOrder, *, amount: int, reversed_before: int, at: datetime
) -> Posted:
    settle_due_lots(account, at=at)
    posting = Posting(
        account=account.pk,
        amount=amount if original.amount < 0 else -amount,
        type=TransactionType.REVERSAL,
        counterpart=Counterpart(original.counterpart),
        at=at,
        reverses_id=original.pk,
        reference_id=order.reference_id,
        actor=order.actor,
        explanation=order.explanation,
        note=order.reason,
        below_floor=order.below_floor,
        take_first=original.sequence if original.amount > 0 else None,
        allocation=_returned(original, account.balance, amount, reversed_before) if original.amount < 0 else None,
    )
    return post(posting)


def _returned(original: Transaction, balance: int, amount: int, reversed_before: int) -> list[tuple[int, int]]:
    given = give_back(pairs(original.lots), -original.amount, returned=reversed_before, amount=amount)
    return absorb_debt(given, amount, balance)

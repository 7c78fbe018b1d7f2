"""Extension: points lapse later than they would have, by a row of amount 0 that names their lots and the new instant."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger.errors import AccountClosed, LotNotExtendable
from ledger.models import Account, Counterpart, TransactionType
from ledger.services.posting import SYSTEM, Posted, Posting, check_reference, lock_account, post, settle_due_lots
from loyalty.database import write
from users.errors import UserNotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionOrder:
    """Which lots of an account to extend, by the sequences of the rows that opened them, and to when."""

    brand_id: int
    account_id: int
    lots: tuple[int, ...]
    expires_at: datetime
    reason: str = ""
    reference_id: str | None = None
    actor: str = SYSTEM
    explanation: dict[str, Any] | None = None


def extend_lots(*, order: ExtensionOrder, at: datetime) -> Posted:
    """Move the expiry of open lots to a later instant.

    A lot stays what it is: what a reversal gives back to it lapses then, too. What has lapsed stays lapsed.
    Raises UserNotFound, AccountClosed, LotNotExtendable, ReferenceAlreadyUsed.
    """
    return write(lambda: _extend(order, at))


def _extend(order: ExtensionOrder, at: datetime) -> Posted:
    if not Account.objects.filter(brand_id=order.brand_id, pk=order.account_id).exists():
        raise UserNotFound
    account = lock_account(order.account_id)
    check_reference(order.brand_id, order.reference_id)
    if account.closed_at is not None:
        raise AccountClosed
    until = {lot.sequence: lot.expires_at for lot in settle_due_lots(account, at=at)}
    if not order.lots or any(lot not in until or until[lot] >= order.expires_at for lot in order.lots):
        raise LotNotExtendable
    return post(
        Posting(
            account=account.pk,
            amount=0,
            type=TransactionType.EXPIRY_EXTENSION,
            counterpart=Counterpart.EXPIRY,
            at=at,
            expires_at=order.expires_at,
            allocation=[(lot, 0) for lot in sorted(set(order.lots))],
            reference_id=order.reference_id,
            actor=order.actor,
            explanation=order.explanation,
            note=order.reason,
        )
    )

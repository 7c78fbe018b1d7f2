"""Accounts that are closed: of an erased member what is left lapses, their notes go, nothing moves on them again."""

from datetime import datetime
from typing import Any

from ledger.models import Account, Counterpart, Note, TransactionType
from ledger.services.posting import Posting, post, settle_due_lots
from users.models import Member
from users.signals import member_erased


def close_accounts(*, member: Member, at: datetime) -> None:
    """Close every account of a member, inside the transaction that erases them.

    Those that a merge closed are held, too: what comes back on them keeps words about the member.
    """
    accounts = Account.objects.select_for_update(no_key=True).filter(brand_id=member.brand_id, member=member)
    for account in accounts.order_by("pk"):
        if account.closed_at is not None:
            continue
        settle_due_lots(account, at=at)
        if account.balance > 0:
            post(
                Posting(
                    account=account.pk,
                    amount=-account.balance,
                    type=TransactionType.CLOSURE,
                    counterpart=Counterpart.ADJUSTMENT,
                    at=at,
                )
            )
        close_account(account, at=at)
    Note.objects.filter(brand_id=member.brand_id, account__in=Account.objects.filter(member=member).values("pk")).delete()


def close_account(account: Account, *, at: datetime) -> None:
    """Let nothing move any more on an account that is held and holds nothing."""
    Account.objects.filter(pk=account.pk).update(closed_at=at)
    account.closed_at = at


def reopen_account(account: Account) -> None:
    """Let points move again, until the transaction that holds the account closes it."""
    Account.objects.filter(pk=account.pk).update(closed_at=None)
    account.closed_at = None


def listen() -> None:
    """Close accounts whenever a member is erased."""
    member_erased.connect(_on_member_erased, dispatch_uid="ledger.close_accounts")


def _on_member_erased(*, member: Member, at: datetime, **_: Any) -> None:
    close_accounts(member=member, at=at)

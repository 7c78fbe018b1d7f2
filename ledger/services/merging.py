"""Accounts of a duplicate: what they hold goes to the kept member's by linked rows, lots with their expiry; then they close.

What comes back to such an account later (a reversal, a refused exchange) happens on it, for a reversal stays within the
account of its original, and goes on to the kept one's in the same transaction.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import transaction

from ledger.errors import AccountClosed
from ledger.models import Account, Counterpart, Lot, Transaction, TransactionType
from ledger.rules.lots import take
from ledger.services.closing import close_account, reopen_account
from ledger.services.posting import Posting, lock_account, open_account, open_lots, post, settle_due_lots
from users.models import Member
from users.services.merging import Merging
from users.signals import member_merged


def move_accounts(*, merging: Merging) -> None:
    """Move all balances of a duplicate, inside the transaction that merges it; accounts are held in the order of their ids."""
    keep, duplicate = merging.keep, merging.duplicate
    theirs = Account.objects.filter(brand_id=keep.brand_id, member=duplicate, closed_at__isnull=True)
    pairs = {
        pk: open_account(brand_id=keep.brand_id, member_id=keep.pk, token_id=token_id)
        for pk, token_id in theirs.values_list("pk", "token_id")
    }
    held = {pk: lock_account(pk) for pk in sorted({*pairs, *pairs.values()})}
    why = {"merge": str(merging.reference)}
    for source in sorted(pairs):
        between = {"from_account": source, "to_account": pairs[source]}
        _move_all(held[source], pairs[source], why=why | between, actor=merging.actor, at=merging.at)
        close_account(held[source], at=merging.at)


def _move_all(source: Account, target_id: int, *, why: dict[str, Any], actor: str, at: datetime) -> None:
    """Move the balance of a held account, a debt too: one row there, here one for each day of expiry."""
    settle_due_lots(source, at=at)
    amount, lots = source.balance, open_lots(source)
    if amount == 0:
        return
    terms: dict[str, Any] = {"type": TransactionType.MERGE, "counterpart": Counterpart.TRANSFER_CLEARING, "actor": actor}
    taken = take(lots, max(amount, 0))
    left = post(Posting(account=source.pk, amount=-amount, at=at, explanation=why, allocation=taken, **terms))
    expiries = {lot.sequence: lot.expires_at for lot in lots}
    parts: Counter[datetime] = Counter()
    for sequence, part in taken:
        parts[expiries[sequence]] -= part
    loose = amount - parts.total()
    linked = why | {"transaction": left.id}
    for expires_at, part in sorted(parts.items()):
        post(Posting(account=target_id, amount=part, at=at, explanation=linked, expires_at=expires_at, **terms))
    if loose:
        post(Posting(account=target_id, amount=loose, at=at, explanation=linked, **terms))


@contextmanager
def reopened(
    account: Account, original: Transaction, *, draw: int, actor: str, at: datetime, below_floor: bool = False
) -> Iterator[None]:
    """Let something happen to an original on its held account; one that was closed by a merge is open meanwhile.

    `draw` points come from the kept member's account first; what the account holds in the end goes there: all of it, or
    nothing happens. Raises InsufficientBalance, BalanceLimit.
    """
    if account.closed_at is None:
        yield
        return
    heir_id, closed_at = _held_heir(account), account.closed_at
    why = {"because": original.pk, "from_account": account.pk, "to_account": heir_id}
    with transaction.atomic():
        reopen_account(account)
        if draw:
            _draw(heir_id, account.pk, draw, original, why=why, terms={"actor": actor, "at": at, "below_floor": below_floor})
            account.refresh_from_db()
        yield
        account.refresh_from_db()
        _move_all(account, heir_id, why=why, actor=actor, at=at)
        close_account(account, at=closed_at)


def is_gone(account: Account) -> bool:
    """Whether an account was closed with its member, who was erased: nobody stands for it."""
    if account.closed_at is None:
        return False
    return not Member.objects.filter(pk=account.member_id, merged_into__isnull=False, erased_at__isnull=True).exists()


def _draw(
    heir_id: int, account_id: int, amount: int, original: Transaction, *, why: dict[str, Any], terms: dict[str, Any]
) -> None:
    """Take points back from the kept member, those that lapse with the original's first."""
    terms |= {"type": TransactionType.MERGE, "counterpart": Counterpart.TRANSFER_CLEARING}
    same = Lot.objects.filter(brand_id=original.brand_id, account=heir_id, remaining__gt=0)
    lapsing = same.filter(expires_at=original.expires_at) if original.expires_at else same.none()
    first = lapsing.order_by("sequence").values_list("sequence", flat=True).first()
    taken = post(Posting(account=heir_id, amount=-amount, explanation=why, take_first=first, **terms))
    post(Posting(account=account_id, amount=amount, explanation=why | {"transaction": taken.id}, **terms))


def _held_heir(account: Account) -> int:
    """The account that stands for this one, held; whoever waited for a merge of its holder finds the next one."""
    heir_id = heir_account(account)
    while lock_account(heir_id).closed_at is not None:
        onward = heir_account(account)
        if onward == heir_id:
            raise AccountClosed
        heir_id = onward
    return heir_id


def heir_account(account: Account) -> int:
    """The id of the account that stands for this one now: the kept member's after a merge, else itself."""
    heir_id = Member.objects.get(pk=account.member_id).merged_into_id
    if heir_id is None:
        return account.pk
    return open_account(brand_id=account.brand_id, member_id=heir_id, token_id=account.token_id)


def listen() -> None:
    """Move balances whenever a duplicate is merged."""
    member_merged.connect(_on_member_merged, dispatch_uid="ledger.move_accounts")


def _on_member_merged(*, merging: Merging, **_: Any) -> None:
    move_accounts(merging=merging)

"""Expiry: lots that are due leave by a row of their own. Posting does it on touch; this does it for accounts nobody touches."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from ledger.models import Account
from ledger.services.posting import settle_due_lots

BATCH = 200


def due_accounts(*, at: datetime) -> int:
    """How many accounts have lots that are due."""
    return Account.objects.filter(next_expiry_at__lte=at, closed_at__isnull=True).count()


def expire_due_accounts(*, at: datetime, limit: int | None = None, tell: Callable[[int], None] = lambda _: None) -> int:
    """Post what has lapsed on up to `limit` accounts, each batch in a transaction of its own; answers how many accounts.

    May be killed and started again, and run beside itself: an account that someone holds is left to them.
    """
    done = 0
    while limit is None or done < limit:
        size = BATCH if limit is None else min(BATCH, limit - done)
        count = _expire_batch(at=at, size=size)
        if count == 0:
            break
        done += count
        tell(count)
    return done


@transaction.atomic
def _expire_batch(*, at: datetime, size: int) -> int:
    rows = Account.objects.select_for_update(skip_locked=True, no_key=True)
    accounts = list(rows.filter(next_expiry_at__lte=at, closed_at__isnull=True).order_by("next_expiry_at")[:size])
    for account in accounts:
        settle_due_lots(account, at=at)
    return len(accounts)

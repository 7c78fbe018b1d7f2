"""Expiry: lots that are due leave by a row of their own. Posting does it on touch; this does it for accounts nobody touches."""

from collections.abc import Callable
from datetime import datetime

import structlog
from django.db import IntegrityError, transaction

from ledger.errors import LedgerBroken
from ledger.models import Account
from ledger.services.posting import settle_due_lots

log = structlog.get_logger()
BATCH = 200
Clock = Callable[[], datetime]


def due_accounts(*, at: datetime) -> int:
    """How many accounts have lots that are due."""
    return Account.objects.filter(next_expiry_at__lte=at, closed_at__isnull=True).count()


def expire_due_accounts(*, clock: Clock, limit: int | None = None, tell: Callable[[int], None] = lambda _: None) -> int:
    """Post what has lapsed on up to `limit` accounts, each batch in a transaction of its own; answers how many accounts.

    May be killed and started again, and run beside itself: an account that someone holds is left to them. An account
    that contradicts itself is told in the log and passed over, so that it holds up no other. `clock` answers the
    instant of each batch.
    """
    done, broken = 0, set[int]()
    while limit is None or done < limit:
        size = BATCH if limit is None else min(BATCH, limit - done)
        count = _expire_batch(at=clock(), size=size, broken=broken)
        if count == 0:
            break
        done += count
        tell(count)
    return done - len(broken)


@transaction.atomic
def _expire_batch(*, at: datetime, size: int, broken: set[int]) -> int:
    rows = Account.objects.select_for_update(skip_locked=True, no_key=True).exclude(pk__in=broken)
    accounts = list(rows.filter(next_expiry_at__lte=at, closed_at__isnull=True).order_by("next_expiry_at")[:size])
    for account in accounts:
        try:
            with transaction.atomic():
                settle_due_lots(account, at=at)
        except (LedgerBroken, IntegrityError) as error:
            broken.add(account.pk)
            log.exception("expiry_impossible", account=account.pk, error=type(error).__name__)
    return len(accounts)

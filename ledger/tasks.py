"""Tasks of the ledger: safe to run twice, and beside themselves."""

from celery import shared_task
from django.utils import timezone

from ledger.services import expiring, tallying

MOST_ACCOUNTS = 20_000


@shared_task
def expire_due_points() -> int:
    """Post what has lapsed; answers on how many accounts."""
    return expiring.expire_due_accounts(clock=timezone.now, limit=MOST_ACCOUNTS)


@shared_task
def tally_transactions() -> int:
    """Count the rows that have settled; answers how many were new."""
    return tallying.tally_transactions()

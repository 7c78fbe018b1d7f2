"""Tasks of the exchange app: rows are the queue."""

from datetime import UTC, timedelta
from typing import Any

from celery import shared_task
from celery.signals import worker_process_shutdown
from django.utils import timezone

from exchange.services import tallying
from exchange.services.adapters import close_adapters
from exchange.services.driving import drive_orders
from exchange.services.files import exchange_files
from exchange.services.reconciling import reconcile_all
from ledger.models import ProofSubject
from ledger.services.proof_runs import prove_brands, rollup_outcome

AT_MOST = timedelta(seconds=20)


@shared_task
def drive_due_orders() -> int:
    """Drive exchange orders on for some seconds; running it twice does nothing twice. Answers how many calls were made."""
    return drive_orders(clock=timezone.now, until=timezone.now() + AT_MOST)


@shared_task
def exchange_due_files() -> int:
    """Make, deliver, fetch and book accrual files where it is time. Answers with how many partners."""
    return exchange_files(clock=timezone.now)


@shared_task
def reconcile_yesterday() -> int:
    """Compare yesterday with every partner's statement; answers how many differences are to be resolved."""
    now = timezone.now()
    return reconcile_all(day=(now.astimezone(UTC) - timedelta(days=1)).date(), at=now)


@shared_task
def tally_exchanges() -> int:
    """Count orders and their moves by day; answers how many ids were passed."""
    return tallying.tally_exchanges()


@shared_task
def prove_daily_exchanges() -> int:
    """Check, once a night, the counts of every brand against its orders; answers how many brands were checked."""
    return prove_brands(
        subject=ProofSubject.EXCHANGES,
        prove_brand=lambda brand_id: rollup_outcome(tallying.EXCHANGES, brand_id),
        night=timezone.now().astimezone(UTC).date(),
        clock=timezone.now,
    )


@worker_process_shutdown.connect
def hang_up(**_: Any) -> None:
    """End the connections to partners with the process."""
    close_adapters()

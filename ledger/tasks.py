"""Tasks of the ledger: safe to run twice, and beside themselves."""

from datetime import UTC

from celery import shared_task
from django.utils import timezone

from ledger.models import ProofSubject
from ledger.services import expiring, tallying
from ledger.services.proof_runs import ledger_outcome, prove_brands, rollup_outcome

MOST_ACCOUNTS = 20_000


@shared_task
def expire_due_points() -> int:
    """Post what has lapsed; answers on how many accounts."""
    return expiring.expire_due_accounts(clock=timezone.now, limit=MOST_ACCOUNTS)


@shared_task
def tally_transactions() -> int:
    """Count the rows that have settled; answers how many ids were passed."""
    return tallying.tally_transactions()


@shared_task
def prove_ledgers() -> int:
    """Prove the ledger of every brand that was not yet proved today, then its rollups; answers how many proofs were made."""
    night = timezone.now().astimezone(UTC).date()
    proofs = {
        ProofSubject.LEDGER: ledger_outcome,
        ProofSubject.FLOWS: lambda brand_id: rollup_outcome(tallying.LEDGER, brand_id),
    }
    return sum(
        prove_brands(subject=subject, prove_brand=prove, night=night, clock=timezone.now) for subject, prove in proofs.items()
    )

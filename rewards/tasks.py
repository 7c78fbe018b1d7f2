"""Tasks of the rewards app: safe to run twice, and beside themselves."""

from datetime import UTC

from celery import shared_task
from django.utils import timezone

from ledger.models import ProofSubject
from ledger.services.proof_runs import prove_brands, rollup_outcome
from rewards.services import tallying


@shared_task
def tally_codes() -> int:
    """Count issued codes by day; answers how many ids were passed."""
    return tallying.tally_codes()


@shared_task
def prove_daily_codes() -> int:
    """Check, once a night, the counts of every brand against its codes; answers how many brands were checked."""
    return prove_brands(
        subject=ProofSubject.CODES,
        prove_brand=lambda brand_id: rollup_outcome(tallying.CODES, brand_id),
        night=timezone.now().astimezone(UTC).date(),
        clock=timezone.now,
    )

"""Tasks of the rewards app: safe to run twice, and beside themselves."""

from datetime import UTC, timedelta

from celery import shared_task
from django.utils import timezone

from ledger.models import ProofSubject
from ledger.services.proof_runs import Outcome, prove_brands, rollup_outcome
from rewards.services import inbox, ranking, tallying
from rewards.services.batches import drain_batches
from rewards.services.ledger_looks import note_moved
from rewards.services.segmenting import judge_due, judge_stale

AT_MOST = timedelta(seconds=10)
AT_MOST_FOR_EVERYBODY = timedelta(minutes=5)


@shared_task
def generate_due_codes() -> int:
    """Make codes of queued batches for some seconds; running it twice makes none twice. Answers how many were made."""
    return drain_batches(clock=timezone.now, until=timezone.now() + AT_MOST)


@shared_task
def drain_inbox() -> int:
    """Reward actions that apps have reported for some seconds; running it twice rewards none twice. Answers how many."""
    return inbox.drain_inbox(clock=timezone.now, until=timezone.now() + AT_MOST)


@shared_task
def tally_codes() -> int:
    """Count issued codes by day; answers how many ids were passed."""
    return tallying.tally_codes()


@shared_task
def tally_redemptions() -> int:
    """Count redeemed codes by campaign; answers how many ids were passed."""
    return tallying.tally_redemptions()


@shared_task
def tally_ranking() -> int:
    """Count what members earned; answers how many ids were passed."""
    return ranking.tally_ranking()


@shared_task
def forget_past_periods() -> int:
    """Delete scores of periods that are over; answers how many went."""
    return ranking.forget_past_periods(at=timezone.now())


@shared_task
def prove_daily_codes() -> int:
    """Check, once a night, the counts of every brand against its codes; answers how many brands were checked."""
    return prove_brands(
        subject=ProofSubject.CODES,
        prove_brand=_prove_codes,
        night=timezone.now().astimezone(UTC).date(),
        clock=timezone.now,
    )


def _prove_codes(brand_id: int) -> Outcome:
    """Check both counts of a brand's codes."""
    issued, redeemed = (rollup_outcome(rollup, brand_id) for rollup in (tallying.CODES, tallying.REDEMPTIONS))
    return Outcome(issued.rows + redeemed.rows, [*issued.faults, *redeemed.faults])


@shared_task
def judge_due_segments() -> int:
    """Judge the members of whom something changed, or moved on their accounts; answers how many rows of the queue were done."""
    note_moved()
    return judge_due(clock=timezone.now, until=timezone.now() + AT_MOST)


@shared_task
def judge_new_segments() -> int:
    """Judge everybody by rules that are new or changed; answers how many segments were judged."""
    return judge_stale(clock=timezone.now, until=timezone.now() + AT_MOST_FOR_EVERYBODY)


@shared_task
def judge_all_segments() -> int:
    """Judge everybody by every rule, once a night, for days pass by themselves; answers how many segments were judged."""
    now = timezone.now()
    night = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return judge_stale(clock=timezone.now, until=now + AT_MOST_FOR_EVERYBODY, before=night)

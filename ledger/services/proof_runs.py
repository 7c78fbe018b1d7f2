"""Proofs by night: each brand's ledger and rollups are proved once a night, and what came of it is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction

from ledger.models import ProofRun, ProofSubject
from ledger.services.proof import prove
from ledger.services.rollups import Rollup, check_rollup
from users.models import Brand

LEASE = timedelta(hours=2)
MOST_TOLD = 50
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a proof found: how much it looked at, and the faults in words."""

    rows: int
    faults: list[str]
    accounts: int = 0
    root: str = ""


def ledger_outcome(brand_id: int) -> Outcome:
    """Recompute every chain, balance and lot of a brand."""
    proof = prove(brand_id=brand_id)
    faults = [f"account {one.account_id}, sequence {one.sequence}: {one.fault}" for one in proof.differences]
    return Outcome(proof.rows, faults, proof.accounts, proof.root)


def rollup_outcome(rollup: Rollup, brand_id: int) -> Outcome:
    """Compare a brand's sums with the rows they sum."""
    check = check_rollup(rollup, brand_id)
    return Outcome(check.compared, [str(difference) for difference in check.differences])


def prove_brands(*, subject: ProofSubject, prove_brand: Callable[[int], Outcome], night: date, clock: Clock) -> int:
    """Prove every brand that was not yet proved that night; answers how many. One that died is taken over after a while."""
    return sum(
        _prove_once(brand_id, subject=subject, prove_brand=prove_brand, night=night, clock=clock)
        for brand_id in Brand.objects.order_by("pk").values_list("pk", flat=True)
    )


def _prove_once(
    brand_id: int, *, subject: ProofSubject, prove_brand: Callable[[int], Outcome], night: date, clock: Clock
) -> bool:
    begun_at = clock()
    run = _claim(brand_id, subject, night, begun_at)
    if run is None:
        return False
    outcome = prove_brand(brand_id)
    ProofRun.objects.filter(pk=run, begun_at=begun_at).update(
        ended_at=clock(),
        accounts=outcome.accounts,
        rows=outcome.rows,
        faults=len(outcome.faults),
        told=outcome.faults[:MOST_TOLD],
        root=outcome.root,
    )
    return True


@transaction.atomic
def _claim(brand_id: int, subject: ProofSubject, night: date, at: datetime) -> int | None:
    """The run that is this worker's alone; None when the night's proof is done, or under way elsewhere."""
    fresh = ProofRun(brand_id=brand_id, subject=subject, night=night, begun_at=at - LEASE)
    ProofRun.objects.bulk_create([fresh], ignore_conflicts=True)
    runs = ProofRun.objects.filter(brand_id=brand_id, subject=subject, night=night, ended_at__isnull=True)
    if not runs.filter(begun_at__lte=at - LEASE).update(begun_at=at):
        return None
    return runs.values_list("pk", flat=True).get()

"""The record of proofs: each brand once a night, also when a worker dies over it."""

from datetime import date, timedelta

import pytest
from django.conf import settings

from exchange.tasks import prove_daily_exchanges
from ledger.models import ProofRun, ProofSubject
from ledger.services.proof_runs import LEASE, Outcome, ledger_outcome, prove_brands, rollup_outcome
from ledger.services.tallying import LEDGER
from ledger.tasks import prove_ledgers
from rewards.tasks import prove_daily_codes
from tests.conftest import NOON, make_member, make_token
from tests.ledger.orders import account_of, move
from tests.ledger.rolling import counted_to_now
from tests.ledger.test_proof import superuser

NIGHT = date(2031, 6, 1)


@pytest.fixture
def history(own_brand):
    token, member = make_token(own_brand), make_member(own_brand)
    for amount in (100, -30, 5):
        move(member, token, amount)
    return own_brand, account_of(member, token)


def prove_one(brand, outcome=ledger_outcome, *, night=NIGHT, at=NOON) -> list[int]:
    """Prove, and tell which brands were looked at; all others are passed over in no time."""
    seen = []

    def of_brand(brand_id: int) -> Outcome:
        seen.append(brand_id)
        return outcome(brand_id) if brand_id == brand.pk else Outcome(0, [])

    prove_brands(subject=ProofSubject.LEDGER, prove_brand=of_brand, night=night, clock=lambda: at)
    return seen


def test_a_night_keeps_what_was_proved(history):
    brand, _ = history

    prove_one(brand)

    run = ProofRun.objects.get(brand=brand, night=NIGHT)
    assert (run.accounts, run.rows, run.faults, run.told) == (1, 3, 0, [])
    assert (run.begun_at, run.ended_at, len(run.root)) == (NOON, NOON, 64)


def test_a_brand_is_proved_once_a_night(history):
    brand, _ = history
    prove_one(brand)

    again, next_night = prove_one(brand), prove_one(brand, night=NIGHT + timedelta(days=1))

    assert brand.pk not in again
    assert brand.pk in next_night


def test_what_is_wrong_is_counted_and_told(history):
    brand, account = history
    with superuser() as cursor:
        cursor.execute("UPDATE ledger_account SET balance = 76 WHERE id = %s", [account.pk])

    prove_one(brand)

    run = ProofRun.objects.get(brand=brand, night=NIGHT)
    assert run.faults == 1
    assert run.told == [f"account {account.pk}, sequence 3: the account holds 76, its rows come to 75"]


def test_a_proof_whose_worker_died_is_taken_over_after_a_while(history):
    brand, _ = history

    def die(_: int) -> Outcome:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prove_one(brand, die)
    unended = ProofRun.objects.get(brand=brand, night=NIGHT).ended_at
    soon = prove_one(brand, at=NOON + timedelta(minutes=10))
    later = prove_one(brand, at=NOON + LEASE)

    assert unended is None
    assert brand.pk not in soon
    assert brand.pk in later
    assert ProofRun.objects.get(brand=brand, night=NIGHT).ended_at == NOON + LEASE


def test_rollups_are_proved_alike(history):
    brand, _ = history
    counted_to_now(LEDGER, brand)

    outcome = rollup_outcome(LEDGER, brand.pk)

    assert (outcome.rows, outcome.faults) == (4, [])


def test_the_nightly_tasks_prove_every_subject(history):
    brand, _ = history

    for task in (prove_ledgers, prove_daily_codes, prove_daily_exchanges):
        task()

    runs = ProofRun.objects.filter(brand=brand, ended_at__isnull=False)
    assert set(runs.values_list("subject", flat=True)) == set(ProofSubject.values)
    assert settings.CELERY_BEAT_SCHEDULE["prove ledgers"]["task"] == prove_ledgers.name

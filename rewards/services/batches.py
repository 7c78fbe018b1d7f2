"""Batches of codes as jobs: queued, drained by workers under a lease, stopped, resumed, and closed.

A batch that is closed gives what it lacks back to the campaign's budget; the codes that it has stay good.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from loyalty.database import write
from rewards.errors import CampaignNotRunning, MoveNotAllowed
from rewards.models import BatchState, CampaignState, CodeBatch
from rewards.models.codes import WORKED_ON
from rewards.services.campaigns import return_budget
from rewards.services.generating import Clock, find_batch, lease, make_chunk

log = structlog.get_logger()
CHUNK = 10_000  # smaller than a command's: whoever stops a batch waits for one chunk
MOST_ATTEMPTS = 8
TURN = timedelta(seconds=2)  # then other batches have theirs
LONGEST_FAULT = 200


def stop_batch(*, brand_id: int, batch_id: int, at: datetime) -> CodeBatch:
    """Have a batch stop: at once where nobody works on it, else after the chunk under way.

    Raises CodeBatchNotFound, MoveNotAllowed.
    """

    def effect(batch: CodeBatch) -> None:
        if batch.state not in {BatchState.QUEUED, BatchState.RUNNING}:
            raise MoveNotAllowed(f"A batch that is {batch.state} cannot be stopped")
        worked_on = batch.state == BatchState.RUNNING and batch.due_at > at
        batch.state = BatchState.STOPPING if worked_on else BatchState.STOPPED

    return _changed(brand_id, batch_id, effect)


def halt_batch(*, batch_id: int) -> None:
    """Say that who worked on the batch has stopped, so that no worker goes on with it."""
    CodeBatch.objects.filter(pk=batch_id, state__in=WORKED_ON).update(state=BatchState.STOPPED)


def resume_batch(*, brand_id: int, batch_id: int, at: datetime) -> CodeBatch:
    """Queue a batch that was stopped once more. Raises CodeBatchNotFound, MoveNotAllowed, CampaignNotRunning (it has ended)."""

    def effect(batch: CodeBatch) -> None:
        if batch.state != BatchState.STOPPED:
            raise MoveNotAllowed(f"A batch that is {batch.state} cannot be resumed")
        if batch.campaign.state_at(at) is CampaignState.ENDED:
            raise CampaignNotRunning("The campaign has ended")
        batch.state, batch.due_at, batch.attempts, batch.fault = BatchState.QUEUED, at, 0, ""

    return _changed(brand_id, batch_id, effect)


def close_batch(*, brand_id: int, batch_id: int, at: datetime) -> CodeBatch:
    """Give a batch up that was stopped: what it lacks returns to the campaign's budget; it is never resumed.

    Raises CodeBatchNotFound, MoveNotAllowed.
    """

    def effect(batch: CodeBatch) -> None:
        if batch.state != BatchState.STOPPED:
            raise MoveNotAllowed(f"A batch that is {batch.state} cannot be closed; stop it first")
        batch.state, batch.closed_at = BatchState.CLOSED, at
        return_budget(batch.campaign, codes=batch.missing, points=batch.missing * batch.value)

    return _changed(brand_id, batch_id, effect)


def _changed(brand_id: int, batch_id: int, change: Callable[[CodeBatch], None]) -> CodeBatch:
    def effect() -> CodeBatch:
        batch = find_batch(brand_id=brand_id, batch_id=batch_id, locked=True)
        change(batch)
        batch.save(update_fields=["state", "due_at", "attempts", "fault", "closed_at"])
        return batch

    return write(effect)


def drain_batches(*, clock: Clock, until: datetime) -> int:
    """Make the codes of queued batches, each in its turn, until none is due or the time is up; answers how many were made."""
    made = 0
    while clock() < until and (batch_id := _lease(clock())) is not None:
        made += _work(batch_id, clock, min(clock() + TURN, until))
    return made


def _lease(at: datetime) -> int | None:
    """Take the batch that waits longest for this worker alone; one whose worker died is due when the lease ends."""
    while True:
        with transaction.atomic():
            due = CodeBatch.objects.filter(state__in=WORKED_ON, due_at__lte=at)
            batch = due.select_for_update(skip_locked=True, no_key=True).order_by("due_at", "pk").first()
            if batch is None:
                return None
            if batch.state != BatchState.STOPPING and batch.attempts < MOST_ATTEMPTS:
                batch.state, batch.due_at = BatchState.RUNNING, at + lease()
                batch.attempts += 1
                batch.save(update_fields=["state", "due_at", "attempts"])
                return batch.pk
            # It was to stop when its worker died; or nobody who took it up came to an end, and staff must look.
            batch.fault = batch.fault or ("no outcome" if batch.attempts >= MOST_ATTEMPTS else "")
            batch.state = BatchState.STOPPED
            batch.save(update_fields=["state", "fault"])


def _work(batch_id: int, clock: Clock, until: datetime) -> int:
    """Make chunks of a leased batch until its turn is over; what fails is put off, and in the end stopped."""
    made, fault, wait = 0, "", timedelta(0)
    try:
        while clock() < until and (count := make_chunk(batch_id=batch_id, clock=clock, most=CHUNK)):
            made += count
    except Exception as error:
        log.exception("code_batch_failed", batch=batch_id)
        fault, wait = type(error).__name__[:LONGEST_FAULT], lease()
    CodeBatch.objects.filter(pk=batch_id, state=BatchState.RUNNING).update(due_at=clock() + wait, fault=fault)
    return made

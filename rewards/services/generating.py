"""Codes by the million: made in chunks, each a transaction that also counts it, so a kill loses at most one chunk.

A chunk holds its batch's row; two processes that go on with the same batch take turns. Each chunk renews the lease, and
sees whether the batch is to stop. Codes go in by COPY, sorted, which spares the index; a code that the brand has already
ends the chunk, which is then drawn anew. rewards.services.batches queues batches, and workers drain them.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.conf import settings
from django.db import connection
from django.db.models import Sum

from loyalty.database import write
from loyalty.errors import invalid_field
from rewards.errors import CampaignNotRunning, CodeBatchNotFound, CodeLengthTooShort, MoveNotAllowed
from rewards.models import BatchState, Campaign, CampaignState, Code, CodeBatch
from rewards.rules.codes import EASIEST_GUESS, CodeForm, draw_codes, guess_odds, length_needed, noise_needed
from rewards.services.campaigns import find_campaign, reserve_budget
from rewards.services.codes import check_value, expiry_of, form_of
from users.errors import FormAlreadySent

CHUNK = 25_000
MOST_CODES = 10**9
HIGHEST_VALUE = 9_999_999_999_999
FEW_COLLISIONS = 0.05  # expected in a chunk: above it the codes are looked up before they are sent
COPY_IN = "COPY rewards_code (brand_id, campaign_id, batch_id, code, value, expires_at) FROM STDIN"
LAST_ID = "SELECT last_value FROM rewards_code_id_seq"
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOrder:
    """What is wanted: `count` codes of a campaign, each worth `value`. `reference` names the form it was asked with."""

    brand_id: int
    campaign_id: int
    count: int
    value: int
    actor: str
    length: int | None = None
    reference: str | None = None


def open_batch(*, order: BatchOrder, at: datetime) -> CodeBatch:
    """Queue a batch, and take the whole of it out of the campaign's budget before the first code is made.

    A form that is sent twice orders once: the first batch is answered again. Raises CampaignNotFound, CampaignNotRunning
    (it has ended), CampaignOutOfBudget, CodeLengthTooShort, FormAlreadySent, InvalidRequest.
    """
    if not 1 <= order.count <= MOST_CODES:
        raise invalid_field("count", f"from 1 to {MOST_CODES}")
    if not 1 <= order.value <= HIGHEST_VALUE:
        raise invalid_field("value", f"from 1 to {HIGHEST_VALUE}")

    return write(lambda: _ordered_before(order) or _open(order, at))


def _ordered_before(order: BatchOrder) -> CodeBatch | None:
    """The batch that the same form ordered. The campaign is held: of two that are sent at once the second sees the first."""
    if order.reference is None:
        return None
    list(Campaign.objects.select_for_update(no_key=True).filter(brand_id=order.brand_id, pk=order.campaign_id).values("pk"))
    earlier = CodeBatch.objects.filter(brand_id=order.brand_id, reference=order.reference).first()
    if earlier is None:
        return None
    wanted = (order.campaign_id, order.count, order.value, order.length or earlier.length, order.actor)
    if wanted != (earlier.campaign_id, earlier.count, earlier.value, earlier.length, earlier.actor):
        raise FormAlreadySent
    return earlier


def _open(order: BatchOrder, at: datetime) -> CodeBatch:
    campaign = find_campaign(brand_id=order.brand_id, campaign_id=order.campaign_id)
    if campaign.state_at(at) is CampaignState.ENDED:
        raise CampaignNotRunning("The campaign has ended")
    check_value(campaign, order.value)
    form = form_of(campaign, order.length)
    _check_odds(campaign, form, order.count)
    reserve_budget(campaign, codes=order.count, points=order.count * order.value)
    return CodeBatch.objects.create(
        brand_id=order.brand_id,
        campaign=campaign,
        count=order.count,
        value=order.value,
        length=form.length,
        alphabet=form.alphabet,
        prefix=form.prefix,
        check_character=form.check,
        expires_at=expiry_of(campaign, at),
        actor=order.actor,
        reference=order.reference,
        due_at=at,
        created_at=at,
    )


def _check_odds(campaign: Campaign, form: CodeForm, count: int) -> None:
    """Refuse a batch after which a guess would hit too easily."""
    alike = Campaign.objects.filter(
        brand_id=campaign.brand_id, code_alphabet=campaign.code_alphabet, code_prefix=campaign.code_prefix
    )
    codes = count + alike.aggregate(total=Sum("issued_codes", default=0))["total"]
    odds = guess_odds(form, codes)
    if odds >= EASIEST_GUESS:
        return
    needed = length_needed(form, codes)
    remedy = f"{needed} characters would do" if needed else "a larger alphabet is needed"
    told = f"one guess in {odds} would hit" if odds else "there are not so many codes"
    raise CodeLengthTooShort(f"Code length too short: with {codes} codes of {form.length} characters {told}; {remedy}")


def find_batch(*, batch_id: int, brand_id: int | None = None, locked: bool = False) -> CodeBatch:
    """One batch, of any brand unless one is named; `locked` holds it until the transaction ends. Raises CodeBatchNotFound."""
    rows = CodeBatch.objects.select_related("campaign").filter(pk=batch_id)
    rows = rows if brand_id is None else rows.filter(brand_id=brand_id)
    batch = (rows.select_for_update(of=("self",), no_key=True) if locked else rows).first()
    if batch is None:
        raise CodeBatchNotFound
    return batch


def lease() -> timedelta:
    """How long a worker may take over one chunk before another takes the batch up."""
    return timedelta(seconds=settings.CODES_LEASE_SECONDS)


def generate_codes(*, batch_id: int, clock: Clock, tell: Callable[[int], None] = lambda _: None) -> CodeBatch:
    """Make the codes that the batch still lacks, unless it is stopped meanwhile.

    May be killed at any instant, started again, and run beside itself. Raises CodeBatchNotFound, MoveNotAllowed (the batch
    is closed).
    """
    _begin(batch_id, clock())
    while made := make_chunk(batch_id=batch_id, clock=clock):
        tell(made)
    return find_batch(batch_id=batch_id)


def _begin(batch_id: int, at: datetime) -> None:
    """Go on with the batch here and now, whether it waits or was stopped."""

    def effect() -> None:
        batch = find_batch(batch_id=batch_id, locked=True)
        if batch.state == BatchState.CLOSED:
            raise MoveNotAllowed("The batch is closed: what it lacked is in the campaign's budget again")
        if batch.state in {BatchState.QUEUED, BatchState.STOPPED, BatchState.RUNNING}:
            batch.state, batch.due_at = BatchState.RUNNING, at + lease()
            batch.save(update_fields=["state", "due_at"])

    write(effect)


def make_chunk(*, batch_id: int, clock: Clock, most: int = CHUNK) -> int:
    """Make one chunk of a running batch; answers how many codes, 0 when it is whole or has stopped."""
    tries = 0

    def effect() -> int:
        nonlocal tries
        tries += 1
        batch = find_batch(batch_id=batch_id, locked=True)
        if batch.state == BatchState.STOPPING:
            batch.state = BatchState.STOPPED
            batch.save(update_fields=["state"])
        if batch.state != BatchState.RUNNING:
            return 0
        size = min(most, batch.missing)
        crowded = tries > 1 or size * batch.campaign.issued_codes / batch.form.space > FEW_COLLISIONS
        codes = _fresh_codes(batch.form, size, of_brand=batch.brand_id if crowded else None)
        before = _last_id()
        _copy_in(batch, codes)
        batch.first_code_id = batch.first_code_id or before
        _count(batch, size, clock())
        return size

    return write(effect)


def _count(batch: CodeBatch, size: int, at: datetime) -> None:
    """Count a chunk into its batch, whose lease begins anew; the last one ends it."""
    batch.generated += size
    batch.last_code_id = _last_id()
    batch.attempts, batch.fault, batch.due_at = 0, "", at + lease()
    if not batch.missing:
        batch.state, batch.finished_at = BatchState.FINISHED, at
    counted = ["generated", "first_code_id", "last_code_id", "attempts", "fault", "due_at", "state", "finished_at"]
    batch.save(update_fields=counted)


def _fresh_codes(form: CodeForm, size: int, *, of_brand: int | None) -> list[str]:
    """So many different codes in order; with `of_brand`, none that this brand has."""
    codes: set[str] = set()
    while len(codes) < size:
        drawn = set(draw_codes(form, secrets.token_bytes(noise_needed(form, size - len(codes)))))
        if of_brand is not None:
            drawn -= set(Code.objects.filter(brand_id=of_brand, code__in=drawn).values_list("code", flat=True))
        codes |= drawn
    return sorted(islice(codes, size))  # a set's order has nothing to do with how large a code is


def _copy_in(batch: CodeBatch, codes: list[str]) -> None:
    head = f"{batch.brand_id}\t{batch.campaign_id}\t{batch.pk}\t"
    tail = f"\t{batch.value}\t{batch.expires_at.isoformat() if batch.expires_at else chr(92) + 'N'}\n"
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(COPY_IN) as copy:
        copy.write(head + (tail + head).join(codes) + tail)


def _last_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute(LAST_ID)
        return int(cursor.fetchone()[0])

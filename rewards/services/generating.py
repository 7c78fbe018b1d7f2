"""Codes by the million: made in chunks, each a transaction that also counts it, so a kill loses at most one chunk.

A chunk holds its batch's row; two processes that go on with the same batch take turns. Codes go in by COPY, sorted,
which spares the index; a code that the brand has already ends the chunk, which is then drawn anew.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import connection
from django.db.models import Sum

from loyalty.database import write
from loyalty.errors import invalid_field
from rewards.errors import CampaignNotRunning, CodeBatchNotFound, CodeLengthTooShort
from rewards.models import Campaign, CampaignState, Code, CodeBatch
from rewards.rules.codes import EASIEST_GUESS, CodeForm, draw_codes, guess_odds, length_needed, noise_needed
from rewards.services.campaigns import find_campaign, reserve_budget
from rewards.services.codes import check_value, expiry_of, form_of

CHUNK = 25_000
MOST_CODES = 10**9
HIGHEST_VALUE = 9_999_999_999_999
FEW_COLLISIONS = 0.05  # expected in a chunk: above it the codes are looked up before they are sent
COPY_IN = "COPY rewards_code (brand_id, campaign_id, batch_id, code, value, expires_at) FROM STDIN"
LAST_ID = "SELECT last_value FROM rewards_code_id_seq"
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOrder:
    """What is wanted: `count` codes of a campaign, each worth `value`."""

    brand_id: int
    campaign_id: int
    count: int
    value: int
    actor: str
    length: int | None = None


def open_batch(*, order: BatchOrder, at: datetime) -> CodeBatch:
    """Take the whole batch out of the campaign's budget, before the first code is made.

    Raises CampaignNotFound, CampaignNotRunning (it has ended), CampaignOutOfBudget, CodeLengthTooShort, InvalidRequest.
    """
    if not 1 <= order.count <= MOST_CODES:
        raise invalid_field("count", f"from 1 to {MOST_CODES}")
    if not 1 <= order.value <= HIGHEST_VALUE:
        raise invalid_field("value", f"from 1 to {HIGHEST_VALUE}")

    def effect() -> CodeBatch:
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
            created_at=at,
        )

    return write(effect)


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


def find_batch(*, batch_id: int) -> CodeBatch:
    """One batch. Raises CodeBatchNotFound."""
    batch = CodeBatch.objects.select_related("campaign").filter(pk=batch_id).first()
    if batch is None:
        raise CodeBatchNotFound
    return batch


def generate_codes(*, batch_id: int, clock: Clock, tell: Callable[[int], None] = lambda _: None) -> CodeBatch:
    """Make the codes that the batch still lacks. May be killed at any instant, started again, and run beside itself."""
    while made := _make_chunk(batch_id, clock):
        tell(made)
    return find_batch(batch_id=batch_id)


def _make_chunk(batch_id: int, clock: Clock) -> int:
    """Make one chunk; answers how many codes, 0 when the batch is whole."""
    tries = 0

    def effect() -> int:
        nonlocal tries
        tries += 1
        batch = CodeBatch.objects.select_for_update(no_key=True).get(pk=batch_id)
        size = min(CHUNK, batch.count - batch.generated)
        if size == 0:
            return 0
        issued = find_campaign(brand_id=batch.brand_id, campaign_id=batch.campaign_id).issued_codes
        crowded = tries > 1 or size * issued / batch.form.space > FEW_COLLISIONS
        codes = _fresh_codes(batch.form, size, of_brand=batch.brand_id if crowded else None)
        before = _last_id()
        _copy_in(batch, codes)
        batch.generated += size
        batch.first_code_id = batch.first_code_id or before
        batch.last_code_id = _last_id()
        if batch.generated == batch.count:
            batch.finished_at = clock()
        batch.save(update_fields=["generated", "first_code_id", "last_code_id", "finished_at"])
        return size

    return write(effect)


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

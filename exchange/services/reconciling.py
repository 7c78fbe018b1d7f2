"""Reconciliation: a day of ours against the partner's statement. Each difference is a row that somebody resolves.

What the partner credited and we did not know is settled at once, as by any other answer of the partner's: listed, repaired
and never repeated. That is how exchanges come right that went on after the backup we were restored from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import structlog
from django.db.models import Min, Q, QuerySet

from exchange.adapters.base import Answer, AnswerKind, StatementUnavailableError
from exchange.errors import DifferenceNotFound, OrderMoved
from exchange.models import AdapterKind, Difference, DifferenceKind, ExchangeOrder, Provider
from exchange.rules.orders import OPEN, OrderState
from exchange.rules.reconciling import Finding, Side, StatementLine, compare
from exchange.services.adapters import adapter_of, close_replaced
from exchange.services.files import statement_over_sftp
from exchange.services.settling import record_notice
from ledger.services.posting import SYSTEM
from loyalty.database import write
from loyalty.errors import invalid_field

log = structlog.get_logger()
DAY = timedelta(days=1)
REPAIRED, GONE = "settled by the partner's statement", "a later run found it no more"
LONGEST_RESOLUTION = 200
NIGHTS = 3  # a statement that is missing in the first is asked for again in the next ones
LONGEST_LOOK_BACK, LONGEST_PENDING = timedelta(days=7), timedelta(days=3)
REPAIRABLE = (DifferenceKind.OPEN_HERE, DifferenceKind.REFUSED_HERE)
UNDECIDED = [*(state.value for state in OPEN - {OrderState.PENDING}), OrderState.PARKED.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What a run came to: both statements of the day, and what differs."""

    ours: list[StatementLine]
    theirs: list[StatementLine]
    differences: list[Difference]
    repaired: int


def reconcile(*, provider: Provider, day: date, theirs: Sequence[StatementLine] | None = None, at: datetime) -> Reconciled:
    """Compare a day with the statement that is given, or else is asked for, and write what differs.

    Running it again for the same day changes only what has changed. Raises StatementUnavailableError.
    """
    lines = list(theirs) if theirs is not None else _asked(provider, day)
    findings = compare(day, _sides(provider, day, lines), lines)
    differences = write(lambda: _written(provider, day, findings, at))
    repaired = sum(_repair(row, at) for row in differences if row.resolved_at is None)
    of_day = [line for line in lines if line.credited_at.astimezone(UTC).date() == day]
    return Reconciled(ours=our_statement(provider, day), theirs=of_day, differences=differences, repaired=repaired)


def reconcile_all(*, day: date, at: datetime) -> int:
    """Do so for every active provider, for a day and those before it, whose statements may have come late.

    Answers how many differences are to be resolved.
    """
    unresolved = 0
    for provider in Provider.objects.filter(active=True).select_related("programme").order_by("pk"):
        for one in (day - DAY * back for back in reversed(range(NIGHTS))):
            try:
                done = reconcile(provider=provider, day=one, at=at)
            except StatementUnavailableError as error:
                log.warning("exchange_statement_unavailable", provider=provider.pk, day=str(one), reason=str(error))
            except Exception:
                log.exception("exchange_not_reconciled", provider=provider.pk, day=str(one))
            else:
                unresolved += sum(row.resolved_at is None for row in done.differences)
    close_replaced()
    return unresolved


def our_statement(provider: Provider, day: date) -> list[StatementLine]:
    """What we take for credited on a day."""
    of_day = _settled_on(provider, day).order_by("ended_at", "pk")
    return [StatementLine(str(order.reference), order.arrived, order.ended_at) for order in of_day if order.ended_at]


def their_statement(provider: Provider, day: date) -> list[StatementLine]:
    """What the partner says it credited on a day. Raises StatementUnavailableError."""
    of_day = _asked(provider, day)
    return sorted(line for line in of_day if line.credited_at.astimezone(UTC).date() == day)


def _asked(provider: Provider, day: date) -> list[StatementLine]:
    """Their statements of the day and about it: back to when the oldest was ordered that we settled on the day."""
    oldest = _settled_on(provider, day).aggregate(oldest=Min("created_at"))["oldest"]
    first = day - DAY if oldest is None else min(max(oldest.astimezone(UTC).date(), day - LONGEST_LOOK_BACK), day - DAY)
    days = [first + DAY * number for number in range((day - first).days + 2)]
    if provider.adapter == AdapterKind.ACCRUAL_FILES:
        return statement_over_sftp(provider=provider, days=days, needed=day)
    return [line for one in days for line in adapter_of(provider).statement(one)]


def _settled_on(provider: Provider, day: date) -> QuerySet[ExchangeOrder]:
    start = datetime.combine(day, time(), UTC)
    settled = ExchangeOrder.objects.filter(brand_id=provider.brand_id, provider=provider, state=OrderState.SETTLED.value)
    return settled.filter(ended_at__gte=start, ended_at__lt=start + DAY)


def _sides(provider: Provider, day: date, theirs: list[StatementLine]) -> dict[str, Side]:
    """Our orders that matter: those of the partner's lines, those settled on the day, and older open ones.

    What a statement made us settle is on that statement, of whatever day it is; what is pending has some days' time.
    """
    end = datetime.combine(day, time(), UTC) + DAY
    told = ExchangeOrder.objects.filter(brand_id=provider.brand_id, provider=provider)
    rows = list(_settled_on(provider, day).exclude(differences__kind__in=REPAIRABLE))
    rows += told.filter(state__in=UNDECIDED, created_at__lt=end)
    rows += told.filter(state=OrderState.PENDING.value, created_at__lt=end - LONGEST_PENDING)
    found = {str(order.reference): order for order in rows}
    for order in told.filter(reference__in=[line.reference for line in theirs if _is_reference(line.reference)]):
        found[str(order.reference)] = order
    return {reference: Side(order.state, order.arrived, order.ended_at) for reference, order in found.items()}


def _is_reference(text: str) -> bool:
    return len(text) == 36 and text.count("-") == 4 and all(letter in "0123456789abcdef-" for letter in text)


def _repair(row: Difference, at: datetime) -> bool:
    """Settle what the partner credited for the very amount, and resolve the difference with it; whether that was done."""
    if row.kind not in REPAIRABLE:
        return False

    def effect() -> bool:
        order = ExchangeOrder.objects.select_for_update(no_key=True, of=("self",)).get(differences=row)
        if order.state != OrderState.SETTLED:
            record_notice(order=order, answer=Answer(kind=AnswerKind.CREDITED, code="statement"), at=at)
        return order.state == OrderState.SETTLED and _resolve(row, SYSTEM, REPAIRED, at)

    return write(effect)


def _written(provider: Provider, day: date, findings: list[Finding], at: datetime) -> list[Difference]:
    """Write the findings, and close what an earlier run found and this one does not."""
    Provider.objects.select_for_update(no_key=True).get(pk=provider.pk)  # two runs at once take turns
    references = [finding.reference for finding in findings if _is_reference(finding.reference)]
    orders = {
        str(order.reference): order
        for order in ExchangeOrder.objects.filter(brand_id=provider.brand_id, provider=provider, reference__in=references)
    }
    rows = [_row(provider, day, finding, orders.get(finding.reference), at) for finding in findings]
    unresolved = Difference.objects.filter(brand_id=provider.brand_id, provider=provider, resolved_at__isnull=True)
    gone = unresolved.filter(Q(day=day) | Q(kind=DifferenceKind.UNDECIDED, order__ended_at__isnull=False))
    for row in gone.exclude(pk__in=[row.pk for row in rows]):
        _resolve(row, SYSTEM, GONE, at)
    return rows


def _row(provider: Provider, day: date, finding: Finding, order: ExchangeOrder | None, at: datetime) -> Difference:
    """The row of a finding: one that is open is brought up to date, one that somebody resolved as it stands is kept."""
    known = Difference.objects.filter(brand_id=provider.brand_id, provider=provider)
    same = known.filter(kind=finding.kind, reference=finding.reference)
    of_day = same if finding.kind == DifferenceKind.UNDECIDED else same.filter(day=day)
    row = of_day.filter(resolved_at__isnull=True).first()
    if row is not None:
        row.ours, row.theirs = finding.ours, finding.theirs
        row.save(update_fields=["ours", "theirs"])
        return row
    settled = of_day.filter(ours=finding.ours, theirs=finding.theirs).exclude(resolution=GONE).last()
    return settled or Difference.objects.create(
        brand_id=provider.brand_id,
        provider=provider,
        day=day,
        kind=finding.kind,
        reference=finding.reference,
        order=order,
        ours=finding.ours,
        theirs=finding.theirs,
        found_at=at,
    )


def resolve_difference(*, brand_id: int, difference_id: int, actor: str, resolution: str, at: datetime) -> Difference:
    """Staff say what came of a difference. Raises DifferenceNotFound, OrderMoved (resolved before), InvalidRequest."""
    if not resolution.strip() or len(resolution) > LONGEST_RESOLUTION:
        raise invalid_field("resolution", f"1 to {LONGEST_RESOLUTION} characters")
    row = Difference.objects.filter(brand_id=brand_id, pk=difference_id).first()
    if row is None:
        raise DifferenceNotFound
    if not _resolve(row, actor, resolution, at):
        raise OrderMoved("The difference was resolved before")
    return row


def _resolve(row: Difference, actor: str, resolution: str, at: datetime) -> bool:
    unresolved = Difference.objects.filter(pk=row.pk, resolved_at__isnull=True)
    if not unresolved.update(resolved_at=at, resolved_by=actor, resolution=resolution):
        return False
    row.resolved_at, row.resolved_by, row.resolution = at, actor, resolution
    return True

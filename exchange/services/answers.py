"""Answer files: taken whole or refused whole, then booked record by record, each once however often a file is read."""

import hashlib
from datetime import UTC, datetime
from functools import partial

from django.db import IntegrityError, transaction

from exchange.adapters.accrual.sftp import Listed
from exchange.adapters.base import Answer, AnswerKind
from exchange.models import (
    AccrualFile,
    AccrualRecord,
    AnswerFile,
    AnswerState,
    Difference,
    DifferenceKind,
    ExchangeOrder,
    Provider,
)
from exchange.rules import accrual as layout
from exchange.rules.accrual import FileFault, FileRefusedError, FileStatus, RecordAnswer, RecordStatus
from exchange.rules.orders import OPEN, OrderState
from exchange.services.settling import move, record_notice
from ledger.services.posting import SYSTEM
from loyalty.database import write
from users.services.memberships import replace_number

OTHER_AMOUNT, FILE_REFUSED = "other_amount", "file_refused"
ENDING = ".ans"


def unread(*, provider: Provider, listed: list[Listed]) -> list[Listed]:
    """Those of a partner's files that were not taken or refused before; one that was begun is read to its end."""
    seen = AnswerFile.objects.filter(provider=provider, name__in=[one.name for one in listed])
    done = set(seen.exclude(state=AnswerState.READING).values_list("name", "size", "modified"))
    return [one for one in listed if tuple(one) not in done]


def read_answers(*, provider: Provider, listed: Listed, content: bytes, at: datetime) -> AnswerFile:
    """Take one file, or refuse it with the reason; what of it was booked before a crash is not booked again."""
    try:
        told = layout.decode_answer(content)
    except FileRefusedError as error:
        return _refused(provider, listed, content, error, at)
    try:
        with transaction.atomic():
            taken = _taken(provider, listed, content, told, at)
    except FileRefusedError as error:
        return _refused(provider, listed, content, error, at)
    if told.header.status is not FileStatus.TAKEN:
        _park_file(taken, told.header.status, at)
    for record in told.records:
        write(partial(_book, taken, record, at))
    AnswerFile.objects.filter(pk=taken.pk).update(state=AnswerState.READ)
    return taken


def refuse_unread(*, provider: Provider, listed: Listed, reason: str, at: datetime) -> None:
    """Keep that a file could not even be fetched."""
    _refused(provider, listed, b"", FileRefusedError(FileFault.FORMAT, reason), at)


def _taken(provider: Provider, listed: Listed, content: bytes, told: layout.AnswerFile, at: datetime) -> AnswerFile:
    """Write the file's row. Raises FileRefusedError when it answers a file that never was, or was taken before."""
    answers = AccrualFile.objects.filter(provider=provider, sequence=told.header.answers).first()
    if answers is None:
        raise FileRefusedError(FileFault.UNKNOWN, f"it answers the file {told.header.answers}")
    references = {str(known) for known in answers.lines.values_list("order__reference", flat=True)}
    if strangers := [record.line for record in told.records if record.reference not in references]:
        raise FileRefusedError(FileFault.UNKNOWN, f"record {strangers[0]} was not in the file it answers")
    digest = hashlib.sha256(content).hexdigest()
    begun = AnswerFile.objects.filter(provider=provider, sha256=digest, state=AnswerState.READING, name=listed.name).first()
    if begun is not None:
        return begun
    try:
        with transaction.atomic():
            return AnswerFile.objects.create(
                **_row(provider, listed, digest, at),
                sequence=told.header.sequence,
                answers=answers,
                state=AnswerState.READING,
                records=len(told.records),
                total=told.header.total,
            )
    except IntegrityError:
        raise FileRefusedError(FileFault.DUPLICATE, f"sequence {told.header.sequence}") from None


def _refused(provider: Provider, listed: Listed, content: bytes, error: FileRefusedError, at: datetime) -> AnswerFile:
    row = _row(provider, listed, hashlib.sha256(content).hexdigest(), at)
    known = {name: row.pop(name) for name in ("provider", "name", "size", "modified")}
    file, _ = AnswerFile.objects.get_or_create(
        **known, defaults=row | {"state": AnswerState.REFUSED, "fault": str(error)[:200]}
    )
    return file


def _row(provider: Provider, listed: Listed, digest: str, at: datetime) -> dict[str, object]:
    return {
        "brand_id": provider.brand_id,
        "provider": provider,
        "name": listed.name,
        "size": listed.size,
        "modified": listed.modified,
        "sha256": digest,
        "received_at": at,
    }


def _book(file: AnswerFile, told: RecordAnswer, at: datetime) -> None:
    """Book one record. The order is held, and the record's status is written with what it does."""
    record = AccrualRecord.objects.get(file_id=file.answers_id, order__reference=told.reference)
    order = ExchangeOrder.objects.select_for_update(no_key=True, of=("self",)).get(pk=record.order_id)
    fresh = AccrualRecord.objects.filter(pk=record.pk).exclude(status=told.status, miles=told.miles)
    if not fresh.update(status=told.status, miles=told.miles, answered_at=at):
        return
    if order.state == OrderState.SETTLED and told.miles != order.arrived:
        _contradicted(order, told, at)
        return
    if told.miles > order.received:
        if order.state in OPEN:
            move(order, OrderState.PARKED, at=at, reason=f"{OTHER_AMOUNT}: {told.miles}")
        return
    record_notice(order=order, answer=_meaning(told, order), at=at)
    if told.status is RecordStatus.MERGED and told.merged_into:
        replace_number(
            brand_id=order.brand_id,
            member_id=order.member_id,
            programme=file.provider.programme,
            old=order.membership_number,
            new=told.merged_into,
            at=at,
        )


def _contradicted(order: ExchangeOrder, told: RecordAnswer, at: datetime) -> None:
    """What ended is not ended again: that the partner says something else by now is for staff to resolve."""
    Difference.objects.update_or_create(
        brand_id=order.brand_id,
        provider_id=order.provider_id,
        order=order,
        reference=str(order.reference),
        day=at.astimezone(UTC).date(),
        kind=DifferenceKind.OTHER_AMOUNT,
        resolved_at=None,
        defaults={"ours": order.arrived, "theirs": told.miles},
        create_defaults={"ours": order.arrived, "theirs": told.miles, "found_at": at},
    )


def _meaning(told: RecordAnswer, order: ExchangeOrder) -> Answer:
    if told.status is RecordStatus.REJECTED or told.miles == 0:
        return Answer(kind=AnswerKind.REFUSED, code=told.code.lower() or "refused")
    fewer = told.miles if told.miles < order.received else None
    return Answer(kind=AnswerKind.CREDITED, code=told.code.lower(), credited=fewer)


def _park_file(file: AnswerFile, status: FileStatus, at: datetime) -> None:
    """The partner took nothing of a file: its orders wait for staff, who find out why.

    A duplicate of what it took before changes nothing; one of what it never answered was another file under that number,
    from before a backup was restored.
    """
    others = AnswerFile.objects.filter(answers=file.answers_id).exclude(pk=file.pk).exclude(state=AnswerState.REFUSED)
    if status is FileStatus.DUPLICATE and others.exists():
        return

    def effect() -> None:
        AccrualFile.objects.filter(answers=file).update(refused_as=status.name.lower())
        lines = AccrualRecord.objects.filter(file__answers=file, answered_at__isnull=True, released=False)
        orders = ExchangeOrder.objects.select_for_update(no_key=True).filter(pk__in=lines.values("order"))
        for order in orders.filter(state=OrderState.PENDING.value).order_by("pk"):
            move(order, OrderState.PARKED, at=at, actor=SYSTEM, reason=FILE_REFUSED)

    write(effect)

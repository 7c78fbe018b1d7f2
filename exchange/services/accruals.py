"""Accrual files: which orders go into which, made and numbered in one transaction, delivered afterwards."""

import hashlib
from datetime import datetime

from django.db.models import Max, Q

from exchange.adapters.accrual.sftp import SftpFolders
from exchange.models import AccrualFile, AccrualRecord, ExchangeOrder, Provider
from exchange.rules.accrual import HIGHEST_TOTAL, MOST_RECORDS, Accrual, encode_accruals, fits, plain
from exchange.rules.orders import OrderState
from exchange.services.settling import move
from loyalty.database import write

ENDING, TOO_WIDE = ".acc", "does_not_fit_a_file"
SENDER_LENGTH, LAST_NAME, FIRST_NAME = 20, 30, 20


def make_file(*, provider: Provider, at: datetime) -> AccrualFile | None:
    """Put the orders that wait for a file into the next one; None when there are none."""

    def effect() -> AccrualFile | None:
        row = (
            Provider.objects.select_for_update(no_key=True, of=("self",)).select_related("programme").get(pk=provider.pk)
        )  # file after file
        waiting = ExchangeOrder.objects.filter(provider=provider, state=OrderState.PENDING.value)
        unsent = waiting.exclude(pk__in=AccrualRecord.objects.filter(released=False).values("order"))
        held = unsent.select_for_update(no_key=True, of=("self",)).select_related("member")
        orders = _fitting(list(held.order_by("pk")[:MOST_RECORDS]), at)
        return _made(row, orders, at) if orders else None

    return write(effect)


def _fitting(orders: list[ExchangeOrder], at: datetime) -> list[ExchangeOrder]:
    """Those that a file can hold, up to its total; one whose fields are too narrow is for staff, and stops no other."""
    chosen, total = [], 0
    for order in orders:
        if not fits(accrual_of(order, 1)):
            move(order, OrderState.PARKED, at=at, reason=TOO_WIDE)
        elif total + order.received <= HIGHEST_TOTAL:
            chosen.append(order)
            total += order.received
    return chosen


def _made(provider: Provider, orders: list[ExchangeOrder], at: datetime) -> AccrualFile:
    last = AccrualFile.objects.filter(provider=provider).aggregate(last=Max("sequence"))["last"] or 0
    sequence = max(last + 1, provider.files_next or 1)
    records = [accrual_of(order, line) for line, order in enumerate(orders, 1)]
    sender = plain(provider.credential_id, SENDER_LENGTH)
    content = encode_accruals(sender, sequence, at, records)
    file = AccrualFile.objects.create(
        brand_id=provider.brand_id,
        provider=provider,
        sequence=sequence,
        name=f"{provider.programme.implementation_name}-{sequence:08}{ENDING}",
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
        records=len(records),
        total=sum(record.miles for record in records),
        made_at=at,
    )
    AccrualRecord.objects.bulk_create(
        AccrualRecord(brand_id=provider.brand_id, file=file, order=order, line=line) for line, order in enumerate(orders, 1)
    )
    return file


def accrual_of(order: ExchangeOrder, line: int) -> Accrual:
    """The record of an order."""
    return Accrual(
        line=line,
        reference=str(order.reference),
        membership_number=order.membership_number,
        last_name=plain(order.member.second_name or "", LAST_NAME),
        first_name=plain(order.member.first_name or "", FIRST_NAME),
        points=order.points,
        miles=order.received,
    )


def deliver_files(*, provider: Provider, folders: SftpFolders, folder: str, at: datetime) -> int:
    """Leave the files that are made and not delivered, in their order; answers how many. Raises as SftpFolders does."""
    delivered = 0
    for file in AccrualFile.objects.filter(provider=provider, delivered_at__isnull=True).order_by("sequence"):
        folders.put(folder, file.name, bytes(file.content or b""))
        AccrualFile.objects.filter(pk=file.pk, delivered_at__isnull=True).update(delivered_at=at, content=None)
        delivered += 1
    return delivered


def release_records(*, order: ExchangeOrder) -> None:
    """Let an order whose file was refused whole go into another."""
    AccrualRecord.objects.filter(~Q(file__refused_as=""), order=order, answered_at__isnull=True).update(released=True)

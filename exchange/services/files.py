"""Exchanging files with partners that take them: make, deliver, fetch and book, one worker a partner at a time."""

import csv
from collections.abc import Callable
from datetime import date, datetime, timedelta

import asyncssh
import structlog
from django.db.models import F, Q

from exchange.adapters.accrual.sftp import SftpFolders
from exchange.adapters.base import StatementUnavailableError
from exchange.models import AdapterKind, Provider
from exchange.rules.orders import wait_after
from exchange.rules.reconciling import StatementLine, read_statement
from exchange.services.accruals import deliver_files, make_file
from exchange.services.answers import ENDING, read_answers, refuse_unread, unread
from exchange.services.credentials import secret_of

log = structlog.get_logger()
LEASE = timedelta(minutes=15)  # longer than a round takes; one that lasts longer meets the next without harm
FILES_A_ROUND = 20
LONGEST_NAME = 200
STATEMENT_ENDING = ".csv"
DAY_SECONDS = 86_400
Clock = Callable[[], datetime]


def exchange_files(*, clock: Clock) -> int:
    """Do a round with each partner whose time has come; answers with how many."""
    due = Provider.objects.filter(adapter=AdapterKind.ACCRUAL_FILES, active=True).select_related("programme")
    rounds = 0
    for provider in due.filter(Q(files_due_at__isnull=True) | Q(files_due_at__lte=clock())).order_by("pk"):
        mine = Provider.objects.filter(pk=provider.pk, files_due_at=provider.files_due_at)
        if provider.files_due_at is None:
            mine = Provider.objects.filter(pk=provider.pk, files_due_at__isnull=True)
        if mine.update(files_due_at=clock() + LEASE):
            _round(provider, clock)
            rounds += 1
    return rounds


def _round(provider: Provider, clock: Clock) -> None:
    """One round; what fails is told to staff, and tried again later, ever more seldom."""
    row = Provider.objects.filter(pk=provider.pk)
    try:
        while make_file(provider=provider, at=clock()) is not None:
            pass
        with _folders(provider) as folders:
            outgoing, incoming = (str(provider.terms.get(name, name)) for name in ("outgoing", "incoming"))
            deliver_files(provider=provider, folders=folders, folder=outgoing, at=clock())
            _fetch(provider, folders, incoming, clock)
    except Exception as error:  # noqa: BLE001 - a partner that fails in whatever way holds up no other
        log.warning("exchange_files_failed", provider=provider.pk, error=type(error).__name__)
        wait = wait_after(provider.files_failures + 1, 1.0)
        row.update(files_failures=F("files_failures") + 1, files_fault=_fault(error), files_due_at=clock() + wait)
        return
    row.update(files_failures=0, files_fault="", files_due_at=clock() + interval(provider))


def statement_over_sftp(*, provider: Provider, days: list[date], needed: date) -> list[StatementLine]:
    """A partner's statements of some days, of which that of `needed` must be there; a line that comes twice counts once.

    Raises StatementUnavailableError.
    """
    lines = set[StatementLine]()
    try:
        with _folders(provider) as folders:
            incoming = str(provider.terms.get("incoming", "incoming"))
            left = {one.name for one in folders.listing(incoming, STATEMENT_ENDING)}
            names = {f"statement-{day:%Y%m%d}{STATEMENT_ENDING}": day for day in days}
            if missing := [name for name, day in names.items() if day == needed and name not in left]:
                raise StatementUnavailableError(f"{missing[0]} is not there")
            for name in left & names.keys():
                lines |= set(read_statement(folders.get(incoming, name).decode().splitlines()))
    except (OSError, asyncssh.Error, ValueError, csv.Error) as error:
        raise StatementUnavailableError(_fault(error)) from None
    return sorted(lines)


def interval(provider: Provider) -> timedelta:
    """How long from one round to the next: the terms' `interval_seconds`, an hour unless they say."""
    told = provider.terms.get("interval_seconds", 3600)
    return timedelta(seconds=min(max(told, 1), DAY_SECONDS) if isinstance(told, int) else 3600)


def _folders(provider: Provider) -> SftpFolders:
    return SftpFolders(
        address=provider.address,
        username=provider.credential_id,
        secret=secret_of(provider),
        host_key=str(provider.terms.get("host_key", "")),
    )


def _fetch(provider: Provider, folders: SftpFolders, folder: str, clock: Clock) -> None:
    found = [one for one in folders.listing(folder, ENDING) if len(one.name) <= LONGEST_NAME and one.name.isprintable()]
    faults = []
    for listed in unread(provider=provider, listed=found)[:FILES_A_ROUND]:
        try:
            content = folders.get(folder, listed.name)
        except ValueError as error:
            refuse_unread(provider=provider, listed=listed, reason=str(error), at=clock())
            continue
        Provider.objects.filter(pk=provider.pk).update(files_due_at=clock() + LEASE)
        try:
            read_answers(provider=provider, listed=listed, content=content, at=clock())
        except Exception as error:
            log.exception("exchange_answers_not_read", provider=provider.pk)
            faults.append(error)
    if faults:  # told and tried again, but only after the files that can be read
        raise faults[0]


def _fault(error: Exception) -> str:
    """The kind of error, and of wrong settings the words: they are ours."""
    return (f"{type(error).__name__}: {error}" if isinstance(error, ValueError) else type(error).__name__)[:200]

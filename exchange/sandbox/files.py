"""The airline's file side: an SFTP server with a folder for what comes in and one for its answers, and what reads them.

It checks a file as a partner does before any record is booked, and answers a duplicate without booking it again.
"""

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from queue import Queue

import asyncssh
import structlog
from django.conf import settings

from exchange.adapters.accrual.sftp import UNFINISHED
from exchange.rules.accrual import (
    Accrual,
    AccrualFile,
    AnswerHeader,
    FileFault,
    FileRefusedError,
    FileStatus,
    RecordAnswer,
    RecordStatus,
    decode_accruals,
    encode_answer,
)
from exchange.sandbox.ledger import AirlineLedger, BrokenError, Order, SilenceError
from exchange.sandbox.server import CREDENTIAL_ID, SECRET

log = structlog.get_logger()
INCOMING, OUTGOING, DONE = "outgoing", "incoming", "done"  # as the partner calls them, who writes into the first
READ_EVERY_SECONDS = 1.0
START_SECONDS = 30
MERGED, PARTLY = 96, 99
SENDER = "SANDBOX"
STATUSES = {"success": RecordStatus.ACCEPTED, "failure": RecordStatus.REJECTED}


AIRLINES_BY_FILE = ["flying_blue"]


def files_folder() -> Path:
    """Where the sandbox's files lie."""
    folder: Path = settings.VAR_DIR / "sandbox" / "files"
    return folder


def host_key(folder: Path) -> asyncssh.SSHKey:
    """The airline's key, made when it is missing."""
    path = folder / "host_key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(UNFINISHED)
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(fresh))
        fresh.rename(path)
    return asyncssh.read_private_key(str(path))


def public_key(folder: Path) -> str:
    """What its partners know it by."""
    return host_key(folder).export_public_key().decode().strip()


class Guard(asyncssh.SSHServer):
    """Lets in whoever knows what everybody knows."""

    def begin_auth(self, username: str) -> bool:
        """Ask everyone."""
        return True

    def password_auth_supported(self) -> bool:
        """By password."""
        return True

    def validate_password(self, username: str, password: str) -> bool:
        """The credentials are those of the HTTP side."""
        return (username, password) == (CREDENTIAL_ID, SECRET)


class AirlineFiles:
    """The SFTP server of some airlines, `<folder>/<airline>/outgoing` and `.../incoming`, and the reading of what came."""

    def __init__(self, folder: Path, ledger: AirlineLedger, airlines: list[str]) -> None:
        self.folder, self.ledger, self.airlines, self.read_every = folder, ledger, airlines, READ_EVERY_SECONDS
        for airline in airlines:
            for name in (INCOMING, OUTGOING, DONE):
                (folder / airline / name).mkdir(parents=True, exist_ok=True)

    @property
    def public_key(self) -> str:
        """What partners know the server by."""
        return public_key(self.folder)

    def serve(self, host: str, port: int, listening: Callable[[int], None]) -> None:
        """Serve for ever; `listening` is told the port. Raises OSError where it cannot listen."""
        asyncio.run(self._serve(host, port, listening))

    def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Serve in a thread; answers the port. Raises OSError where it cannot listen."""
        told: Queue[int | OSError] = Queue()

        def serve() -> None:
            try:
                self.serve(host, port, told.put)
            except OSError as error:
                told.put(error)

        threading.Thread(target=serve, daemon=True).start()
        found = told.get(timeout=START_SECONDS)
        if isinstance(found, OSError):
            raise found
        return found

    async def _serve(self, host: str, port: int, listening: Callable[[int], None]) -> None:
        server = await asyncssh.listen(
            host,
            port,
            server_factory=Guard,
            server_host_keys=[host_key(self.folder)],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(self.folder).encode()),
        )
        listening(server.get_port())
        while True:
            await asyncio.sleep(self.read_every)
            for airline in self.airlines:
                try:
                    self.read_folder(airline)
                except Exception:
                    log.exception("sandbox_folder_not_read", airline=airline)

    def read_folder(self, airline: str) -> None:
        """Book and answer what lies in an airline's folder, and decide what it left open."""
        for path in sorted((self.folder / airline / INCOMING).glob("*.acc")):
            self._answer(airline, path)
        for open_one in sorted((self.folder / airline / DONE).glob("*.open")):
            self._answer_later(airline, open_one)

        self._write_statement(airline, datetime.now(UTC).date())

    def _write_statement(self, airline: str, day: date) -> None:
        lines = self.ledger.statement(airline, day.isoformat(), after="", limit=-1)
        text = "".join(f"{line['callback']},{line['amount']},{line['at']}\n" for line in lines)
        fresh = self.folder / airline / OUTGOING / f"statement-{day:%Y%m%d}.csv{UNFINISHED}"
        fresh.write_text("reference,amount,credited_at\n" + text)
        fresh.rename(fresh.with_suffix(""))

    def _answer(self, airline: str, path: Path) -> None:
        content = path.read_bytes()
        try:
            told = decode_accruals(content)
        except FileRefusedError as error:
            status = FileStatus.TOTALS if error.fault in {FileFault.COUNT, FileFault.TOTAL} else FileStatus.FORMAT
            self._write(airline, int("0" + "".join(filter(str.isdigit, path.stem))) % 10**8, status, [])
            path.rename(path.parent.parent / DONE / f"{path.name}.refused")
            return
        done = path.parent.parent / DONE / f"{told.header.sequence:08}.acc"
        if done.exists():
            self._write(airline, told.header.sequence, FileStatus.DUPLICATE, [])
            path.unlink()
            return
        self._write(airline, told.header.sequence, FileStatus.TAKEN, self._booked(airline, told, done))
        path.rename(done)

    def _booked(self, airline: str, told: AccrualFile, done: Path) -> list[RecordAnswer]:
        """Book each record; what stays open is answered by a later file."""
        answers = [self._book(airline, record) for record in told.records]
        if None in answers:
            done.with_suffix(".open").touch()
        return [answer for answer in answers if answer is not None]

    def _book(self, airline: str, record: Accrual) -> RecordAnswer | None:
        miles = record.miles // 2 if record.points == PARTLY else record.miles
        order = Order(
            airline=airline, callback=record.reference, member=record.membership_number, amount=miles, points=record.points
        )
        try:
            told = self.ledger.transact(order)
        except (SilenceError, BrokenError):
            return None
        if told["status"] not in STATUSES:
            return None
        status = STATUSES[told["status"]]
        if status is RecordStatus.REJECTED:
            return RecordAnswer(record.line, record.reference, status, 0, told["statusMessage"], "")
        if record.points == PARTLY:
            return RecordAnswer(record.line, record.reference, RecordStatus.PARTLY, miles, "CAPPED", "")
        if record.points == MERGED:
            merged = record.membership_number[::-1]
            return RecordAnswer(record.line, record.reference, RecordStatus.MERGED, miles, "", merged)
        return RecordAnswer(record.line, record.reference, status, miles, "", "")

    def _answer_later(self, airline: str, open_one: Path) -> None:
        told = decode_accruals(open_one.with_suffix(".acc").read_bytes())
        answers = [self._book(airline, record) for record in told.records]
        if None not in answers:
            self._write(airline, told.header.sequence, FileStatus.TAKEN, [answer for answer in answers if answer is not None])
            open_one.unlink()

    def _write(self, airline: str, answers: int, status: FileStatus, records: list[RecordAnswer]) -> None:
        """Leave an answer file, under the next number of its own."""
        folder = self.folder / airline / OUTGOING
        sequence = len(list(folder.glob("*.ans"))) + 1
        total = sum(record.miles for record in records)
        header = AnswerHeader(SENDER, sequence, answers, status, datetime.now(UTC), len(records), total)
        fresh = folder / f"{sequence:08}.ans{UNFINISHED}"
        fresh.write_bytes(encode_answer(header, records))
        fresh.rename(folder / f"{sequence:08}.ans")

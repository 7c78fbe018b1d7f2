"""Run the sandbox airline."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange.sandbox.files import AIRLINES_BY_FILE, AirlineFiles, files_folder
from exchange.sandbox.ledger import AirlineLedger
from exchange.sandbox.server import Airline


class Command(BaseCommand):
    """A partner to try exchanges with; not for production."""

    help = "Run an airline that credits miles worth nothing, with outcomes chosen by the points exchanged."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare where it listens, and how slow it is."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8100)
        parser.add_argument("--sftp-port", type=int, help="where accrual files are left and answered; nowhere unless given")
        parser.add_argument("--latency", type=float, default=0, metavar="SECONDS", help="before each answer")
        parser.add_argument("--ledger", type=Path, help="the file of its ledger; var/sandbox/airline.sqlite3 unless given")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until told to stop."""
        if settings.PRODUCTION:
            raise CommandError("the sandbox airline is not for production: its secret stands in its source")
        ledger = AirlineLedger(options["ledger"] or settings.VAR_DIR / "sandbox" / "airline.sqlite3")
        try:
            server = Airline((options["host"], options["port"]), ledger, latency_seconds=options["latency"])
        except OSError as error:
            raise CommandError(f"cannot listen on {options['host']}:{options['port']}: {error.strerror}") from None
        if options["sftp_port"] is not None:
            self._serve_files(options["host"], options["sftp_port"], ledger)
        self.stdout.write(f"the sandbox airline listens on http://{options['host']}:{options['port']}")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            server.server_close()

    def _serve_files(self, host: str, port: int, ledger: AirlineLedger) -> None:
        files = AirlineFiles(files_folder(), ledger, AIRLINES_BY_FILE)
        try:
            files.start(host, port)
        except OSError as error:
            raise CommandError(f"cannot listen on {host}:{port}: {error.strerror}") from None
        self.stdout.write(f"it takes files at sftp://{host}:{port}; its host key is {files.public_key}")

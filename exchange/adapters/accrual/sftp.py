"""A partner's folders over SFTP. Files appear in them whole: they are written as `.tmp`, then renamed."""

import asyncio
import secrets
import stat
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar, cast
from urllib.parse import unquote, urlsplit

import asyncssh

LARGEST_FILE = 20_000_000
CONNECT_SECONDS, TRANSFER_SECONDS = 15, 60
STANDARD_PORT = 22
UNFINISHED = ".tmp"
Result = TypeVar("Result")


class Listed(NamedTuple):
    """A file as the partner's folder shows it."""

    name: str
    size: int
    modified: int


class SftpFolders:
    """One conversation. Every call ends in time, or raises OSError, asyncssh.Error or ValueError (settings are wrong)."""

    def __init__(self, *, address: str, username: str, secret: str, host_key: str) -> None:
        parts = urlsplit(address)
        if parts.scheme != "sftp" or not parts.hostname:
            raise ValueError("the address must be sftp://host[:port]/folder")
        self.host, self.port, self.path = parts.hostname, parts.port or STANDARD_PORT, unquote(parts.path).rstrip("/")
        self.username, self.secret = username, secret
        name = self.host if self.port == STANDARD_PORT else f"[{self.host}]:{self.port}"
        if not host_key.strip():
            raise ValueError("the partner's host key is missing from the terms")
        self.known_hosts = asyncssh.import_known_hosts(f"{name} {host_key.strip()}")

    def __enter__(self) -> Self:
        """Connect; the host must show the key that was agreed."""
        self.runner = asyncio.Runner()
        try:
            self._do(self._connect(), CONNECT_SECONDS)
        except BaseException:
            self.runner.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Hang up."""
        self.connection.abort()
        self.runner.close()

    def put(self, folder: str, name: str, content: bytes) -> None:
        """Leave a file, whole or not at all. The very same is there already: it was left before."""
        self._do(self._put(f"{self.path}/{folder}/{name}", content))

    def listing(self, folder: str, ending: str) -> list[Listed]:
        """The whole files of a folder with that ending, in the order of their names."""
        return self._do(self._listing(f"{self.path}/{folder}", ending))

    def get(self, folder: str, name: str) -> bytes:
        """A file's bytes. Raises ValueError when it is too large."""
        return self._do(self._get(f"{self.path}/{folder}/{name}"))

    def _do(self, work: Coroutine[Any, Any, Result], seconds: float = TRANSFER_SECONDS) -> Result:
        return self.runner.run(asyncio.wait_for(work, seconds))

    async def _connect(self) -> None:
        is_key = self.secret.lstrip().startswith("-----BEGIN")
        self.connection = await asyncssh.connect(
            self.host,
            self.port,
            username=self.username,
            password=None if is_key else self.secret,
            client_keys=[asyncssh.import_private_key(self.secret)] if is_key else None,
            known_hosts=self.known_hosts,
            agent_path=None,
            config=None,
        )
        self.sftp = await self.connection.start_sftp_client()

    async def _put(self, path: str, content: bytes) -> None:
        if await self.sftp.exists(path):
            if await self._get(path) != content:
                raise FileExistsError("another file of that name is there")
            return
        unfinished = f"{path}.{secrets.token_hex(4)}{UNFINISHED}"  # of this attempt alone
        async with self.sftp.open(unfinished, "wb") as handle:
            await handle.write(content)
        await self.sftp.rename(unfinished, path)

    async def _listing(self, path: str, ending: str) -> list[Listed]:
        found = [
            Listed(str(entry.filename), entry.attrs.size or 0, int(entry.attrs.mtime or 0))
            for entry in await self.sftp.readdir(path)
            if str(entry.filename).endswith(ending) and stat.S_ISREG(entry.attrs.permissions or stat.S_IFREG)
        ]
        return sorted(found)

    async def _get(self, path: str) -> bytes:
        async with self.sftp.open(path, "rb") as handle:
            content = cast("bytes", await handle.read(LARGEST_FILE + 1))
        if len(content) > LARGEST_FILE:
            raise ValueError("the file is too large")
        return content

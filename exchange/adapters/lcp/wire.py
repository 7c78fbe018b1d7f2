"""Connections to one partner, on which a whole call ends in time, however slowly its answer drips."""

import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

import httpcore
import httpx

CONNECT_SECONDS, KEPT_SECONDS = 5, 30
LONGEST_ANSWER = 100_000


class Reply(NamedTuple):
    """What came back."""

    status: int
    retry_after: str
    content: bytes


class Wire:
    """A pool of connections that the threads of a worker share. No redirect is followed, no proxy asked."""

    def __init__(self, *, timeout_seconds: float, most_calls: int) -> None:
        self.timeout_seconds, self._call = timeout_seconds, threading.local()
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=most_calls,
            max_keepalive_connections=most_calls,
            keepalive_expiry=KEPT_SECONDS,
            network_backend=_Backend(self._call),
        )

    def post(self, url: str, headers: dict[str, str], body: bytes, *, seconds: float | None = None) -> Reply:
        """Send one POST, all of it in so many seconds, or else in the time-out.

        Raises httpcore's errors, and ValueError where the address is none.
        """
        self._call.ends_at = time.monotonic() + (seconds or self.timeout_seconds)
        limits = {"timeout": {"connect": min(self.timeout_seconds, CONNECT_SECONDS), "pool": self.timeout_seconds}}
        sent = list((headers | {"Host": _host(url), "Content-Length": str(len(body))}).items())
        with self._pool.stream("POST", url, headers=sent, content=body, extensions=limits) as response:
            content = b""
            for part in response.iter_stream():
                content += part
                if len(content) > LONGEST_ANSWER:
                    raise httpcore.ReadError("the answer is too long")
            told = {name.lower(): value for name, value in response.headers}
            return Reply(response.status, told.get(b"retry-after", b"").decode("latin-1"), content)

    def close(self) -> None:
        """Hang up."""
        self._pool.close()


def _host(url: str) -> str:
    parts = httpx.URL(url)
    return parts.netloc.decode("ascii")


class _Backend(httpcore.SyncBackend):
    """Opens connections that know the call they serve."""

    def __init__(self, call: threading.local) -> None:
        self._call = call

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        seconds = min(timeout or CONNECT_SECONDS, _left(self._call, httpcore.ConnectTimeout))
        return _Stream(super().connect_tcp(host, port, seconds, local_address, socket_options), self._call)


class _Stream(httpcore.NetworkStream):
    """A connection; the call that uses it now says how long each step may take."""

    def __init__(self, stream: httpcore.NetworkStream, call: threading.local) -> None:
        self._stream, self._call = stream, call

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._call, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._call, httpcore.WriteTimeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = _left(self._call, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, seconds), self._call)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(call: threading.local, too_late: type[httpcore.TimeoutException]) -> float:
    seconds: float = call.ends_at - time.monotonic()
    if seconds <= 0:
        raise too_late("the call took too long")
    return seconds

"""Requests to addresses that brands name: only to public machines, and never for longer than was allowed.

The name is looked up when the request is made, every IP address it has is judged, and the connection goes to one of the
very addresses that were judged, so a name that changes its mind in between leads nowhere else. No redirect is followed and
no proxy asked.
"""

import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_network
from typing import Any

import httpcore
import httpx
from django.conf import settings

from users.rules.addresses import Address, AddressRefused, Network, Target, literal_of, may_be_reached, parse_address

LONGEST_ANSWER = 4_096
RESOLVERS = 32
Resolver = Callable[[str], Sequence[str]]


class NameNotFound(OSError):
    """The name has no IP address, or nobody could say which."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request: a status, or why there was none. None of the receiver's words are kept."""

    status: int | None = None
    fault: str = ""
    retry_after: str = ""


def private_networks() -> list[Network]:
    """Networks of the house that may be reached, in plain http too: none but for development and tests."""
    return [ip_network(network) for network in settings.WEBHOOK_PRIVATE_NETWORKS]


def look_up(name: str) -> list[str]:
    """The IP addresses of a name, as the system knows them."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in found))


def post(
    address: str, *, body: bytes, headers: Mapping[str, str], timeout_seconds: float, resolve: Resolver = look_up
) -> Answer:
    """Send one POST; all of it, from looking up the name to the end of the answer, within the time that is given."""
    deadline = Deadline(timeout_seconds)
    try:
        target = parse_address(address, private=private_networks())
        return _exchange(target, body, headers, GuardedBackend(target.scheme, resolve, deadline))
    except Exception as error:  # noqa: BLE001 - whatever a receiver does to us is its fault, and stops nobody
        return Answer(fault=_fault_of(error))


def _exchange(target: Target, body: bytes, headers: Mapping[str, str], backend: httpcore.NetworkBackend) -> Answer:
    url = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
    sent = {"Host": target.host_header, "Content-Length": str(len(body)), "Connection": "close", **headers}
    with (
        httpcore.HTTPConnection(url.origin, ssl_context=_trust(), network_backend=backend) as connection,
        connection.stream("POST", url, headers=list(sent.items()), content=body) as response,
    ):
        told = {name.lower(): value for name, value in response.headers}
        answer = Answer(status=response.status, retry_after=told.get(b"retry-after", b"").decode("latin-1"))
        # The status has decided; the rest is read so that nobody is cut off, and not for ever.
        with suppress(Exception):
            _read_some(response)
    return answer


def _read_some(response: httpcore.Response) -> None:
    length = 0
    for part in response.iter_stream():
        length += len(part)
        if length >= LONGEST_ANSWER:
            return


@cache
def _trust() -> ssl.SSLContext:
    """Whose certificates are believed; SSL_CERT_FILE names others than the usual ones."""
    return httpx.create_ssl_context()


FAULTS: tuple[tuple[type[Exception], str], ...] = (
    (AddressRefused, "address refused"),
    (NameNotFound, "name not found"),
    (TimeoutError, "too slow"),
    (ssl.SSLError, "no trusted connection"),
    (OSError, "connection failed"),
    (httpcore.NetworkError, "connection failed"),
    (httpcore.ProtocolError, "answer not understood"),
)
"""The first that fits; errors before those that they are kinds of."""


def _fault_of(error: Exception) -> str:
    return next((fault for kind, fault in FAULTS if isinstance(error, kind)), type(error).__name__[:40])


class Deadline:
    """An instant by which everything must be over."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    def left(self) -> float:
        """The seconds that are left. Raises TimeoutError when there are none."""
        seconds = self._ends_at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


class GuardedBackend(httpcore.NetworkBackend):
    """Connects to the addresses that it has judged itself."""

    def __init__(self, scheme: str, resolve: Resolver, deadline: Deadline) -> None:
        self.scheme, self.resolve, self.deadline = scheme, resolve, deadline

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        """Connect to the first of the host's addresses that answers. Raises AddressRefused when any is not public."""
        addresses = self.judged(host)
        for index, address in enumerate(addresses):
            seconds = self.deadline.left() / (len(addresses) - index)
            try:
                connected = socket.create_connection((str(address), port), timeout=seconds)
            except OSError:
                if index + 1 == len(addresses):
                    raise
            else:
                return GuardedStream(connected, self.deadline)
        raise NameNotFound

    def judged(self, host: str) -> list[Address]:
        """The host's addresses, all of which may be reached."""
        literal = literal_of(host)
        found = [literal] if literal is not None else [literal_of(text) for text in self._names(host)]
        private, addresses = private_networks(), [address for address in found if address is not None]
        if len(addresses) < len(found) or not all(
            may_be_reached(one, scheme=self.scheme, private=private) for one in addresses
        ):
            raise AddressRefused("the name leads to an address that is not public")
        return addresses

    def _names(self, host: str) -> Sequence[str]:
        """Look a name up beside this thread: the system's resolver keeps to no deadline."""
        try:
            return _resolvers().submit(self.resolve, host).result(timeout=self.deadline.left())
        except TimeoutError:
            raise
        except (OSError, UnicodeError):
            raise NameNotFound from None


@cache
def _resolvers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(RESOLVERS, thread_name_prefix="resolver")


class GuardedStream(httpcore.NetworkStream):
    """A connection on which each step has no more time than all steps together have left."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket, self._deadline = connected, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come in."""
        self._socket.settimeout(self._deadline.left())
        return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send it all. A receiver that closes early may have answered already, which is read next."""
        try:
            while buffer:
                self._socket.settimeout(self._deadline.left())
                buffer = buffer[self._socket.send(buffer) :]
        except TimeoutError:
            raise
        except OSError as error:
            raise httpcore.WriteError from error

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Speak TLS from here on, with a certificate for the name that was asked for."""
        self._socket.settimeout(self._deadline.left())
        try:
            return GuardedStream(ssl_context.wrap_socket(self._socket, server_hostname=server_hostname), self._deadline)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def get_extra_info(self, info: str) -> Any:
        """The TLS session, for whoever asks which protocol was agreed on."""
        return self._socket if info == "ssl_object" and isinstance(self._socket, ssl.SSLSocket) else None

"""A brand's system that hears webhooks: a real HTTP server that misbehaves as a test tells it to, and checks what it hears."""

import base64
import hashlib
import hmac
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.utils import timezone

from tests.conftest import NOON
from users.models import Brand, WebhookDelivery, WebhookEndpoint
from users.services.webhook_delivery import deliver_due
from users.services.webhooks import queue_event, register_endpoint

SETTLED = "exchange.settled"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Behaviour = Callable[["Conversation"], None] | bytes | int


@dataclass
class Heard:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verify(self, secret: str, *, tolerance_seconds: float = 300) -> bool:
        """As the standard tells a receiver to, written from its text alone."""
        if abs(time.time() - int(self.headers["webhook-timestamp"])) > tolerance_seconds:
            return False
        key = base64.b64decode(secret.split("_", 1)[1])
        signed = b".".join([self.id.encode(), self.headers["webhook-timestamp"].encode(), self.body])
        mine = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        versions = [part.split(",", 1) for part in self.headers["webhook-signature"].split(" ")]
        return any(version == "v1" and hmac.compare_digest(theirs, mine) for version, theirs in versions)


@dataclass
class Receiver:
    """What was heard; `answers` are given in turn, then `always`: bytes as they are, a status, or what an act does."""

    port: int = 0
    always: Behaviour = OK
    answers: list[Behaviour] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    busiest: int = 0
    busy: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?of=a"


class Conversation(BaseHTTPRequestHandler):
    """One client's."""

    receiver: Receiver

    def do_POST(self) -> None:
        ours, headers = self.receiver, {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers["content-length"]))
        with ours.lock:
            ours.heard.append(Heard(self.path, headers, body))
            ours.busy += 1
            ours.busiest = max(ours.busiest, ours.busy)
            answer = ours.answers.pop(0) if ours.answers else ours.always
        self.close_connection = True
        try:
            with suppress(OSError):
                if callable(answer):
                    answer(self)
                else:
                    self.wfile.write(answer if isinstance(answer, bytes) else f"HTTP/1.1 {answer} X\r\n\r\n".encode())
        finally:
            with ours.lock:
                ours.busy -= 1

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is no news."""


@contextmanager
def receiving(*, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Run a receiver on a port of its own."""
    receiver = Receiver()
    server = QuietServer(("127.0.0.1", 0), type("Ours", (Conversation,), {"receiver": receiver}))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


def hang(conversation: Conversation, seconds: float = 3) -> None:
    time.sleep(seconds)


def drip_headers(conversation: Conversation) -> None:
    """One byte at a time, each well within any time-out of a single read."""
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 400:
        conversation.wfile.write(bytes([byte]))
        time.sleep(0.05)


def pour(conversation: Conversation) -> None:
    """A body without an end."""
    conversation.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    for _ in range(1000):
        conversation.wfile.write(b"x" * 1_000_000)


def register(brand: Brand, address: str, *events: str) -> tuple[WebhookEndpoint, str]:
    return register_endpoint(brand_id=brand.pk, address=address, events=events or [SETTLED], at=NOON)


def tell(brand: Brand, *, at: datetime = NOON, **terms: Any) -> list[WebhookDelivery]:
    """Queue an event; its deliveries."""
    before = set(WebhookDelivery.objects.filter(brand=brand).values_list("pk", flat=True))
    queue_event(**({"brand_id": brand.pk, "type": SETTLED, "data": {"amount": 5}, "at": at} | terms))
    return list(WebhookDelivery.objects.filter(brand=brand).exclude(pk__in=before).order_by("pk"))


def deliver(*, at: datetime | None = None, **terms: Any) -> int:
    """Deliver what is due, as the worker does; with `at`, the clock stands there."""
    start = at or timezone.now()
    return deliver_due(clock=(lambda: start) if at else timezone.now, until=start + timedelta(seconds=20), **terms)

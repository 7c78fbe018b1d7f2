"""The airline's HTTP server.

POST /<airline>/validateMember, /transact, /inquire, /reverse and /statement, signed; GET /<airline>/ledger; POST /faults.
"""

import json
import random
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from exchange.adapters.lcp.signing import WINDOW_SECONDS, Signed, parts_of
from exchange.sandbox.ledger import AirlineLedger, BrokenError, Order, SilenceError
from exchange.sandbox.outcomes import DONE_BEFORE_THE_FAULT, Fault

CREDENTIAL_ID = "loyalty-sandbox"
SECRET = "c2FuZGJveCBhaXJsaW5lLCBubyBzZWNyZXQgYXQgYWxs"  # noqa: S105 - everybody may know it, the miles are worth nothing
LARGEST_BODY = 100_000
HANG_SECONDS = 30
PAGE = 500
UNKNOWN_MEMBER = "Unknown"
KEPT_NONCES = 100_000


class Faults:
    """Which faults are switched on, and for which share of the requests."""

    def __init__(self) -> None:
        self.chance, self.share, self.kinds = random.Random(0), 0.0, list[Fault]()  # noqa: S311 - not a secret
        self.lock = threading.Lock()

    def switch(self, told: dict[str, Any]) -> None:
        """Set them: {"faults": [...], "share": 0.3, "seed": 1}. Raises ValueError."""
        with self.lock:
            self.kinds = [Fault(name) for name in told.get("faults", [])]
            self.share = float(told.get("share", 1.0))
            self.chance = random.Random(told.get("seed", 0))  # noqa: S311 - not a secret

    def draw(self) -> Fault | None:
        """Answer the fault of the next request, if it has one."""
        with self.lock:
            return self.chance.choice(self.kinds) if self.kinds and self.chance.random() < self.share else None


class Airline(ThreadingHTTPServer):
    """The server with what its requests share."""

    daemon_threads, request_queue_size, allow_reuse_address = True, 512, True

    def __init__(self, address: tuple[str, int], ledger: AirlineLedger, *, latency_seconds: float = 0) -> None:
        super().__init__(address, Handler)
        self.ledger, self.latency_seconds, self.faults = ledger, latency_seconds, Faults()
        self.nonces, self.lock = dict[str, float](), threading.Lock()

    def is_fresh(self, nonce: str, timestamp: str) -> bool:
        """Whether a signed request is of now, and seen for the first time."""
        if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > WINDOW_SECONDS:
            return False
        with self.lock:
            if len(self.nonces) > KEPT_NONCES:
                self.nonces = {seen: at for seen, at in self.nonces.items() if at > time.time() - 2 * WINDOW_SECONDS}
            if nonce in self.nonces:
                return False
            self.nonces[nonce] = time.time()
        return True


class Handler(BaseHTTPRequestHandler):
    """One connection of a partner."""

    server: Airline
    protocol_version = "HTTP/1.1"
    timeout = 120
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Show an airline's ledger, for whoever wants to compare."""
        airline, _, what = self.path.strip("/").partition("/")
        if what != "ledger":
            self._answer(404, {"errors": [{"code": "NOT_FOUND"}]})
            return
        self._answer(200, {"credits": self.server.ledger.rows(airline)})

    def do_POST(self) -> None:
        """Do what a partner asks for."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            self._answer(413, {"errors": [{"code": "VALUE_TOO_LONG"}]})
            return
        raw = self.rfile.read(int(length))
        body = _object(raw)
        if body is None:
            self._answer(400, {"errors": [{"code": "MALFORMED"}]})
        elif self.path == "/faults":
            self._switch(body)
        elif not self._is_signed(raw):
            self._answer(401, {"errors": [{"code": "UNAUTHORIZED"}]})
        else:
            time.sleep(self.server.latency_seconds)
            self._serve(body, self.server.faults.draw())

    def _switch(self, body: dict[str, Any]) -> None:
        try:
            self.server.faults.switch(body)
        except (ValueError, TypeError) as error:
            self._answer(400, {"errors": [{"code": "INVALID", "description": str(error)}]})
        else:
            self._answer(200, {})

    def _serve(self, body: dict[str, Any], fault: Fault | None) -> None:
        if fault is not None and fault not in DONE_BEFORE_THE_FAULT:
            self._fail(fault, {})
            return
        try:
            told = self._do(body)
        except SilenceError:
            self._reset()
            return
        except BrokenError:
            self._answer(500, {"errors": [{"code": "INTERNAL"}]})
            return
        except (KeyError, TypeError, ValueError) as error:
            self._answer(400, {"errors": [{"code": "INVALID", "description": str(error)}]})
            return
        if fault is None:
            self._answer(200, told)
        else:
            self._fail(fault, told)

    def _do(self, body: dict[str, Any]) -> dict[str, Any]:
        airline, _, operation = self.path.strip("/").partition("/")
        match operation:
            case "validateMember":
                known = body["lastName"] != UNKNOWN_MEMBER
                return {
                    "status": "success" if known else "failure",
                    "statusMessage": "SUCCESS" if known else "UNKNOWN_MEMBER",
                }
            case "transact":
                order = Order(
                    airline=airline,
                    callback=str(body["callback"]),
                    member=str(body["memberId"]),
                    amount=int(body["amount"]),
                    points=int(body.get("order", {}).get("basePoints", 0)),
                )
                return self.server.ledger.transact(order)
            case "inquire":
                return self.server.ledger.inquire(airline, str(body["callback"]))
            case "reverse":
                return self.server.ledger.reverse(airline, str(body["transactionId"]), int(body["amount"]))
            case "statement":
                lines = self.server.ledger.statement(airline, str(body["date"]), after=str(body["after"]), limit=PAGE)
                return {"credits": lines, "next": lines[-1]["callback"] if len(lines) == PAGE else ""}
        raise ValueError("unknown operation")

    def _is_signed(self, raw: bytes) -> bool:
        header = self.headers.get("Authorization", "")
        parts = parts_of(header)
        host, _, port = self.headers.get("Host", "").partition(":")
        signed = Signed(
            method="POST",
            path=self.path,
            host=host,
            port=int(port) if port.isdecimal() else 80,
            content_type=self.headers.get("Content-Type", ""),
            body=raw,
        )
        return (
            parts.get("id") == CREDENTIAL_ID
            and signed.is_signed_by(SECRET, header)
            and self.server.is_fresh(parts["nonce"], parts["ts"])
        )

    def _fail(self, fault: Fault, told: dict[str, Any]) -> None:
        match fault:
            case Fault.ERROR_BEFORE | Fault.ERROR_AFTER:
                self._answer(500, {"errors": [{"code": "INTERNAL"}]})
            case Fault.BUSY:
                self._answer(429, {"errors": [{"code": "BUSY"}]}, {"Retry-After": "1"})
            case Fault.BAD_REQUEST:
                self._answer(400, {})
            case Fault.RESET_BEFORE | Fault.RESET_AFTER:
                self._reset()
            case Fault.HANG:
                time.sleep(HANG_SECONDS)
                self._reset()
            case Fault.CUT_BODY:
                self._send(200, json.dumps(told).encode(), cut=True)
            case Fault.INVALID_JSON:
                self._send(200, b'{"status": "succ')
            case Fault.SYSTEM_ERROR:
                self._answer(200, {"status": "systemError", "statusMessage": "SYSTEM_ERROR"})

    def _answer(self, status: int, told: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(told).encode(), headers)

    def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None, *, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.wfile.flush()
        if cut:
            self._reset()

    def _reset(self) -> None:
        """Hang up without a word."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_: Any) -> None:
        """Keep quiet: what it does is in its ledger."""


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None

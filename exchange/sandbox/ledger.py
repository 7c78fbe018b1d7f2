"""The airline's own ledger, in a file of its own: one row for each key that a credit was asked for with."""

import sqlite3
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from exchange.sandbox.outcomes import BY_POINTS, DECIDED_AFTER_SECONDS, Outcome

TABLE = """
CREATE TABLE IF NOT EXISTS credit (
  airline TEXT NOT NULL, callback TEXT NOT NULL, member TEXT NOT NULL, amount INTEGER NOT NULL, points INTEGER NOT NULL,
  state TEXT NOT NULL, tries INTEGER NOT NULL, credits INTEGER NOT NULL, decides TEXT, decided_at REAL,
  credited_at TEXT,
  PRIMARY KEY (airline, callback)
)
"""
WRITE = """
INSERT OR REPLACE INTO credit
  (airline, callback, member, amount, points, state, tries, credits, decides, decided_at, credited_at)
VALUES (:airline, :callback, :member, :amount, :points, :state, :tries, :credits, :decides, :decided_at, :credited_at)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A credit that was asked for."""

    airline: str
    callback: str
    member: str
    amount: int
    points: int


class SilenceError(Exception):
    """The airline does not answer."""


class BrokenError(Exception):
    """The airline answers with an error of its own."""


class AirlineLedger:
    """Credits each key once, however often it is asked; `credits` counts how often it did, to be compared with."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.lock = threading.Lock()
        self.store = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.store.row_factory = sqlite3.Row
        self.store.execute("PRAGMA journal_mode = WAL")
        self.store.execute("PRAGMA synchronous = NORMAL")
        self.store.execute(TABLE)

    def transact(self, order: Order) -> dict[str, Any]:
        """Credit, or do what the points stand for. Raises SilenceError, BrokenError, ValueError (another amount)."""
        with self.lock:
            known = self._find(order.airline, order.callback)
            if known is not None and (known["amount"], known["member"]) != (order.amount, order.member):
                raise ValueError("this callback was used for something else")
            if known is not None and known["state"] != "unheard":
                return self._told(self._decided(known))
            tries = 1 if known is None else known["tries"] + 1
            return self._try(order, BY_POINTS.get(order.points, Outcome.CREDITED), tries)

    def inquire(self, airline: str, callback: str) -> dict[str, Any]:
        """Tell what became of a key."""
        with self.lock:
            known = self._find(airline, callback)
            if known is None or known["state"] == "unheard":
                return {"status": "notFound", "statusMessage": "NOT_FOUND"}
            return self._told(self._decided(known))

    def reverse(self, airline: str, callback: str, amount: int) -> dict[str, Any]:
        """Take a whole credit back. Raises ValueError where there is none, or of another amount."""
        with self.lock:
            known = self._find(airline, callback)
            if known is None or known["state"] not in {"credited", "reversed"} or known["amount"] != amount:
                raise ValueError("there is no such credit")
            self.store.execute("UPDATE credit SET state = 'reversed' WHERE airline = ? AND callback = ?", (airline, callback))
            return {"status": "success", "statusMessage": "SUCCESS", "transactionId": callback, "amount": amount}

    def statement(self, airline: str, day: str, *, after: str, limit: int) -> list[dict[str, Any]]:
        """What was credited on a day (UTC), in the order of the keys, from the one after `after` on."""
        with self.lock:
            found = self.store.execute(
                "SELECT callback, amount, credited_at AS at FROM credit WHERE airline = ? AND state = 'credited'"
                " AND substr(credited_at, 1, 10) = ? AND callback > ? ORDER BY callback LIMIT ?",
                (airline, day, after, limit),
            )
            return [dict(row) for row in found]

    def rows(self, airline: str) -> list[dict[str, Any]]:
        """Everything it knows of one airline."""
        with self.lock:
            found = self.store.execute("SELECT * FROM credit WHERE airline = ? ORDER BY callback", (airline,))
            return [dict(row) for row in found]

    def _try(self, order: Order, outcome: Outcome, tries: int) -> dict[str, Any]:
        match outcome:
            case Outcome.TWO_ERRORS_THEN_CREDITED if tries <= 2:
                self._write(order, "unheard", tries)
                raise BrokenError
            case Outcome.LOST_THEN_CREDITED if tries == 1:
                self._write(order, "unheard", tries)
                raise SilenceError
            case Outcome.REFUSED:
                return self._told(self._write(order, "refused", tries))
            case Outcome.PENDING_THEN_CREDITED:
                return self._told(self._write(order, "pending", tries, decides="credited"))
            case Outcome.PENDING_THEN_REFUSED:
                return self._told(self._write(order, "pending", tries, decides="refused"))
        row = self._write(order, "credited", tries)
        if outcome is Outcome.CREDITED_SILENTLY:
            raise SilenceError
        return self._told(row)

    def _find(self, airline: str, callback: str) -> dict[str, Any] | None:
        key = (airline, callback)
        row = self.store.execute("SELECT * FROM credit WHERE airline = ? AND callback = ?", key).fetchone()
        return None if row is None else dict(row)

    def _write(self, order: Order, state: str, tries: int, *, decides: str | None = None) -> dict[str, Any]:
        row = {
            "airline": order.airline,
            "callback": order.callback,
            "member": order.member,
            "amount": order.amount,
            "points": order.points,
            "state": state,
            "tries": tries,
            "credits": int(state == "credited"),
            "decides": decides,
            "decided_at": time.time() + DECIDED_AFTER_SECONDS if decides else None,
            "credited_at": _now() if state == "credited" else None,
        }
        self.store.execute(WRITE, row)
        return row

    def _decided(self, row: dict[str, Any]) -> dict[str, Any]:
        """Decide what was pending, once its time has come."""
        if row["state"] != "pending" or time.time() < row["decided_at"]:
            return row
        credited = row["decides"] == "credited"
        row |= {"state": row["decides"], "credits": int(credited), "credited_at": _now() if credited else None}
        self.store.execute(WRITE, row)
        return row

    def _told(self, row: dict[str, Any]) -> dict[str, Any]:
        words = {
            "credited": ("success", "SUCCESS"),
            "pending": ("pending", "PENDING"),
            "refused": ("failure", "INELIGIBLE"),
            "reversed": ("failure", "REVERSED"),
        }
        status, message = words[row["state"]]
        return {"status": status, "statusMessage": message, "transactionId": row["callback"], "amount": row["amount"]}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

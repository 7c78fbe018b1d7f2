"""The proof of one account, told step by step: for whoever watches it, and for accounts with millions of rows.

Rows are read in chunks, each by a statement of its own, so that no transaction stays open while someone watches; rows never
change, so no chunk can contradict an earlier one. At the end, in one short snapshot, come the rows that were posted meanwhile,
the account itself and its lots. What is kept while reading is a chain's head, and three numbers a lot.
"""

import hashlib
from array import array
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime

import psycopg
from django.db import connection, transaction

from ledger.models import Account, Transaction
from ledger.services.proof import HIGHEST_ID, Chain, Check, Difference, Prover, microseconds
from ledger.services.statement import row_of
from loyalty.horizon import read_one_instant

ROWS_AT_A_TIME = 20_000
BLOCK = 4_096
COPY_CHUNK = f"""
COPY (SELECT record_send({row_of({})}), expires_at, lots, previous_hash, hash FROM ledger_transaction
      WHERE brand_id = %s AND account_id = %s AND sequence > %s AND sequence <= %s
      ORDER BY sequence) TO STDOUT (FORMAT BINARY)
"""
OVERDONE_REVERSALS = """
SELECT o.sequence FROM ledger_transaction o
CROSS JOIN LATERAL (SELECT sum(r.amount) AS undone FROM ledger_transaction r WHERE r.reverses_id = o.id) s
WHERE o.brand_id = %s AND o.account_id = %s AND o.sequence > %s AND o.sequence <= %s
  AND s.undone IS NOT NULL AND (abs(s.undone) > abs(o.amount) OR sign(s.undone) = sign(o.amount))
ORDER BY 1
"""
NOTES = """
SELECT t.sequence FROM ledger_transaction t LEFT JOIN ledger_note n ON n.transaction_id = t.id
WHERE t.brand_id = %s AND t.account_id = %s AND t.sequence > %s AND t.sequence <= %s
  AND CASE WHEN n.transaction_id IS NOT NULL THEN t.note_digest IS DISTINCT FROM sha256(n.salt || convert_to(n.text, 'UTF8'))
      ELSE t.note_digest IS NOT NULL AND EXISTS (SELECT FROM ledger_account a WHERE a.id = t.account_id AND a.closed_at IS NULL)
      END
ORDER BY 1
"""
ACCOUNT = """
SELECT id, balance, sequence, head, previous_head, least(floor, overdrawn_to), next_expiry_at FROM ledger_account
WHERE brand_id = %s AND id = %s
"""
RECORD = f"SELECT previous_hash, record_send({row_of({})}) FROM ledger_transaction WHERE brand_id = %s AND id = %s"
LOTS = """
SELECT sequence, amount, remaining, expires_at FROM ledger_lot
WHERE brand_id = %s AND account_id = %s AND sequence > %s ORDER BY sequence LIMIT %s
"""


class CompactLots(MutableMapping[int, list[int]]):
    """Lots by number, in three numbers each: a million of them take 24 MB. An amount of 0 is no lot."""

    def __init__(self) -> None:
        self.blocks: dict[int, array[int]] = {}
        self.count = 0

    def __getitem__(self, number: int) -> list[int]:
        at, place = divmod(number, BLOCK)
        block = self.blocks.get(at)
        if block is None or not block[3 * place]:
            raise KeyError(number)
        return list(block[3 * place : 3 * place + 3])

    def __setitem__(self, number: int, lot: list[int]) -> None:
        at, place = divmod(number, BLOCK)
        block = self.blocks.get(at)
        if block is None:
            block = self.blocks[at] = array("q", bytes(24 * BLOCK))
        self.count += not block[3 * place]
        block[3 * place : 3 * place + 3] = array("q", lot)

    def __delitem__(self, number: int) -> None:
        raise TypeError("a lot stays")

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        for at in sorted(self.blocks):
            amounts = self.blocks[at][::3]
            yield from (at * BLOCK + place for place, amount in enumerate(amounts) if amount)


@dataclass(slots=True)
class Progress:
    """How far a proof has come: the first fault of each check, and how many there are."""

    rows: int
    total: int
    lots: int = 0
    finished: bool = False
    first: dict[Check, Difference] = field(default_factory=dict)
    count: dict[Check, int] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether nothing was found so far."""
        return not self.first


def prove_account(account: Account, *, rows_at_a_time: int = ROWS_AT_A_TIME) -> Iterator[Progress]:
    """Recompute one account, and tell how far it is after each chunk; the last one told is finished. Changes nothing."""
    total = account.sequence
    prover = _AccountProver(account.brand_id, account.pk, total)
    yield prover.progress
    for after in range(0, total, rows_at_a_time):
        prover.prove_rows(after, min(after + rows_at_a_time, total))
        yield prover.progress
    prover.prove_end(total)
    yield prover.progress


class _AccountProver(Prover):
    """One run of the proof of one account."""

    def __init__(self, brand_id: int, account_id: int, total: int) -> None:
        connection.ensure_connection()
        super().__init__(connection.connection, lambda _: None)
        self.brand_id, self.account_id = brand_id, account_id
        self.progress = Progress(rows=0, total=total)
        self.chain = Chain(lots=CompactLots())

    def differ(self, account_id: int, sequence: int, fault: str, check: Check = Check.CHAIN) -> None:
        """Keep the first fault of each check, for a broken account may have millions."""
        found = Difference(account_id, sequence, fault, check)
        first = self.progress.first.get(check)
        if first is None or sequence < first.sequence:
            self.progress.first[check] = found
        self.progress.count[check] = self.progress.count.get(check, 0) + 1

    def prove_rows(self, after: int, to: int) -> None:
        """Follow the chain through the rows of these numbers."""
        place = [self.brand_id, self.account_id, after, to]
        with psycopg.Cursor(self.connection) as cursor, cursor.copy(COPY_CHUNK, place) as copy:
            self.read_rows(copy, {self.account_id: self.chain})
        for query, fault, check in (
            (OVERDONE_REVERSALS, "more of it is reversed than was posted", Check.REVERSALS),
            (NOTES, "the note is not the one that was posted", Check.NOTES),
        ):
            for (sequence,) in self.fetch(query, place):
                self.differ(self.account_id, sequence, fault, check)
        self.progress.rows = self.proof.rows

    def prove_end(self, after: int) -> None:
        """Compare the account and its lots with what the rows came to, as one instant sees them."""
        alone = not connection.in_atomic_block  # a transaction that is open already keeps its own isolation
        with transaction.atomic():
            if alone:
                read_one_instant()
            self.prove_rows(after, HIGHEST_ID)
            account = self.fetch(ACCOUNT, [self.brand_id, self.account_id])[0]
            self.check_account(account, self.chain, {})
            self.compare_lots(account[-1])
        self.progress.total = self.progress.rows
        self.progress.lots = self.proof.lots
        self.progress.finished = True

    def check_lots(self, account_id: int, chain: Chain, lots: dict[int, list[int]], next_expiry_at: datetime | None) -> None:
        """Lots are compared by themselves, for there may be millions."""

    def compare_lots(self, next_expiry_at: datetime | None) -> None:
        """Walk along the stored lots and the recomputed ones, both in the order of their numbers."""
        expected = iter(self.chain.lots)
        opening = next(expected, None)
        remaining, soonest = 0, None
        for number, *stored in self.stored_lots():
            while opening is not None and opening < number:
                self.compare_lot(self.account_id, opening, None, self.chain.lots[opening])
                opening = next(expected, None)
            self.compare_lot(self.account_id, number, stored, self.chain.lots.get(number))
            opening = next(expected, None) if opening == number else opening
        while opening is not None:
            self.compare_lot(self.account_id, opening, None, self.chain.lots[opening])
            opening = next(expected, None)
        for lot in self.chain.lots.values():
            remaining += lot[1]
            soonest = lot[2] if lot[1] and (soonest is None or lot[2] < soonest) else soonest
        self.check_open(self.account_id, self.chain, remaining, soonest, next_expiry_at)

    def stored_lots(self) -> Iterator[tuple[int, int, int, int]]:
        """The account's lots in the order of their numbers."""
        after = -1
        while rows := self.fetch(LOTS, [self.brand_id, self.account_id, after, ROWS_AT_A_TIME]):
            for number, amount, remaining, expires_at in rows:
                yield number, amount, remaining, microseconds(expires_at)
            self.proof.lots += len(rows)
            after = rows[-1][0]


def recomputed_hash(row: Transaction) -> bytes:
    """The hash of a row, computed anew from its fields and the hash before it."""
    with connection.cursor() as cursor:
        cursor.execute(RECORD, [row.brand_id, row.pk])
        previous_hash, record = cursor.fetchone()
    return hashlib.sha256(bytes(previous_hash) + bytes(record)).digest()

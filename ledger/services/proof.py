"""Proof: every chain, balance and lot recomputed from the rows, outside of the database.

Rows are read in PostgreSQL's binary form (statement.HASHED says which fields), so hashing one costs a slice and a
SHA-256; accounts come in ranges, so memory stays flat. All of it sees one snapshot: work may go on meanwhile.
Not provable from inside: a superuser who rewrites an account's newest rows together with the account itself.
Against that, keep the `root` of an earlier proof elsewhere and compare (`roots` of the same accounts differ).
"""

import hashlib
import struct
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import psycopg
from django.db import connection, transaction

from ledger.models.accounts import GENESIS
from ledger.services.statement import row_of
from loyalty.horizon import read_one_instant

ACCOUNTS_AT_A_TIME = 20_000
ROWS_TOLD_AT_A_TIME = 20_000
HIGHEST_ID = 2**63 - 1
SIGNATURE = b"PGCOPY\n\xff\r\n\x00"
HEADER_LENGTH, TRAILER = 19, b"\xff\xff"
POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
# A copied row: count of fields (2 bytes), length of the record (4), the record; then expires_at, lots,
# previous_hash and hash, each after its length (4). In the record: count of columns (4), then each column's type
# (4), length (4) and value; the first six are integers of 8 bytes.
RECORD_AT = 6
TAIL_LENGTH = 72  # previous_hash and hash with their lengths
NO_LOTS_LENGTH = 8  # expires_at and lots, where both are null
NUMBERS = struct.Struct("!4x" + "8xq" * 6)
LENGTH = struct.Struct("!i")
INTEGER = struct.Struct("!q")
ARRAY_HEADER_LENGTH, ARRAY_ELEMENT = 20, struct.Struct("!4xq")

COPY_ROWS = f"""
COPY (SELECT record_send({row_of({})}), expires_at, lots, previous_hash, hash FROM ledger_transaction
      WHERE brand_id = %s AND account_id > %s AND account_id <= %s
      ORDER BY brand_id, account_id, sequence) TO STDOUT (FORMAT BINARY)
"""
BRANDS = """
WITH RECURSIVE met AS (
  SELECT min(brand_id) AS id FROM ledger_transaction
  UNION ALL SELECT (SELECT min(brand_id) FROM ledger_transaction WHERE brand_id > met.id) FROM met WHERE met.id IS NOT NULL
) SELECT id FROM met WHERE id IS NOT NULL UNION SELECT brand_id FROM ledger_account ORDER BY 1
"""
ACCOUNTS = """
SELECT id, balance, sequence, head, previous_head, least(floor, overdrawn_to), next_expiry_at FROM ledger_account
WHERE brand_id = %s AND id > %s ORDER BY brand_id, id LIMIT %s
"""
LOTS = """
SELECT account_id, sequence, amount, remaining, expires_at FROM ledger_lot
WHERE brand_id = %s AND account_id > %s AND account_id <= %s
"""
OVERDONE_REVERSALS = """
SELECT o.account_id, o.sequence FROM ledger_transaction o
JOIN (SELECT reverses_id, sum(amount) AS undone FROM ledger_transaction
      WHERE reverses_id IS NOT NULL GROUP BY reverses_id) r ON r.reverses_id = o.id
WHERE (%(brand)s::bigint IS NULL OR o.brand_id = %(brand)s)
  AND (abs(r.undone) > abs(o.amount) OR sign(r.undone) = sign(o.amount))
"""
# A note's text is not in the chain, its digest is; a note may only be gone with its member.
NOTES = """
SELECT t.account_id, t.sequence FROM ledger_transaction t
LEFT JOIN ledger_note n ON n.transaction_id = t.id
LEFT JOIN ledger_account a ON a.id = t.account_id
WHERE (%(brand)s::bigint IS NULL OR t.brand_id = %(brand)s) AND (n.transaction_id IS NOT NULL OR t.note_digest IS NOT NULL)
  AND CASE WHEN n.transaction_id IS NULL THEN a.closed_at IS NULL
      ELSE t.note_digest IS DISTINCT FROM sha256(n.salt || convert_to(n.text, 'UTF8')) END
"""


class Check(StrEnum):
    """What is proven of an account."""

    CHAIN = "chain"
    BALANCE = "balance"
    LOTS = "lots"
    REVERSALS = "reversals"
    NOTES = "notes"


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as the rows say: where, and what."""

    account_id: int
    sequence: int
    fault: str
    check: Check = Check.CHAIN


@dataclass(slots=True)
class Proof:
    """The outcome: what was checked, what differs, and a digest over the heads of all chains."""

    accounts: int = 0
    rows: int = 0
    lots: int = 0
    differences: list[Difference] = field(default_factory=list)
    root: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


@dataclass(slots=True)
class Chain:
    """What the rows of one account have come to so far; a lot is [amount, remaining, expiry in microseconds]."""

    sequence: int = 0
    balance: int = 0
    head: bytes = GENESIS
    previous_head: bytes = GENESIS
    lots: MutableMapping[int, list[int]] = field(default_factory=dict)


Tell = Callable[[int], None]


def rows_to_prove(*, brand_id: int | None = None) -> int:
    """About how many rows a proof will read, for a progress bar."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(sequence), 0) FROM ledger_account WHERE (%(brand)s::bigint IS NULL OR brand_id = %(brand)s)",
            {"brand": brand_id},
        )
        return int(cursor.fetchone()[0])


def prove(*, brand_id: int | None = None, tell: Tell = lambda _: None) -> Proof:
    """Recompute the ledger of one brand, or of all; `tell` hears of rows as they are read. Changes nothing."""
    with transaction.atomic(), connection.cursor() as cursor:
        read_one_instant()
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        prover = Prover(connection.connection, tell)
        cursor.execute(BRANDS)
        for (brand,) in cursor.fetchall():
            if brand_id in {None, brand}:
                prover.prove_brand(brand)
        cursor.execute(OVERDONE_REVERSALS, {"brand": brand_id})
        for account_id, sequence in cursor.fetchall():
            prover.differ(account_id, sequence, "more of it is reversed than was posted", Check.REVERSALS)
        cursor.execute(NOTES, {"brand": brand_id})
        for account_id, sequence in cursor.fetchall():
            prover.differ(account_id, sequence, "the note is not the one that was posted", Check.NOTES)
    prover.proof.root = prover.root.hexdigest()
    return prover.proof


class Prover:
    """One run of the proof."""

    def __init__(self, psycopg_connection: psycopg.Connection[Any], tell: Tell) -> None:
        self.connection, self.tell = psycopg_connection, tell
        self.proof, self.root = Proof(), hashlib.sha256()

    def differ(self, account_id: int, sequence: int, fault: str, check: Check = Check.CHAIN) -> None:
        """Write down what is not as the rows say."""
        self.proof.differences.append(Difference(account_id, sequence, fault, check))

    def prove_brand(self, brand_id: int) -> None:
        """Go through a brand's accounts in ranges that leave no gap, so that rows of no account are met too."""
        after = -1
        while True:
            accounts = self.fetch(ACCOUNTS, [brand_id, after, ACCOUNTS_AT_A_TIME])
            last = accounts[-1][0] if len(accounts) == ACCOUNTS_AT_A_TIME else HIGHEST_ID
            self.prove_range(brand_id, after, last, accounts)
            if last == HIGHEST_ID:
                return
            after = last

    def prove_range(self, brand_id: int, after: int, last: int, accounts: list[Any]) -> None:
        """Prove the accounts of a range of ids, and meet rows and lots of none."""
        chains = {account[0]: Chain() for account in accounts}
        with psycopg.Cursor(self.connection) as cursor, cursor.copy(COPY_ROWS, [brand_id, after, last]) as copy:
            self.read_rows(copy, chains)
        lots: dict[int, dict[int, list[int]]] = {}
        for account_id, sequence, amount, remaining, expires_at in self.fetch(LOTS, [brand_id, after, last]):
            lots.setdefault(account_id, {})[sequence] = [amount, remaining, microseconds(expires_at)]
        for account in accounts:
            self.check_account(account, chains[account[0]], lots.pop(account[0], {}))
        for account_id, strays in lots.items():
            self.differ(account_id, min(strays), "a lot belongs to no account", Check.LOTS)

    def read_rows(self, copy: psycopg.Copy, chains: dict[int, Chain]) -> None:
        """Follow every chain of a range. This loop runs once a row: keep it short."""
        sha256, numbers, length = hashlib.sha256, NUMBERS.unpack_from, LENGTH.unpack_from
        told = rows = 0
        for data in _rows(copy):
            _, account_id, sequence, amount, balance_after, _ = numbers(data, RECORD_AT)
            chain = chains.get(account_id)
            if chain is None:
                self.differ(account_id, sequence, "the row belongs to no account of its brand")
                chain = chains[account_id] = Chain()
            end = RECORD_AT + length(data, 2)[0]
            record = data[RECORD_AT:end]
            loose = end + NO_LOTS_LENGTH + TAIL_LENGTH == len(data)
            head = sha256(chain.head + record).digest()
            if (
                sequence != chain.sequence + 1
                or balance_after != chain.balance + amount
                or data[-68:-36] != chain.head
                or data[-32:] != head
            ):
                self.differ(account_id, sequence, *_fault(chain, data, head))
                head = data[-32:]  # go on from what stands there, so that each fault is told once
            if not loose and (fault := _move_lots(chain, sequence, data)):
                self.differ(account_id, sequence, fault, Check.LOTS)
            chain.sequence, chain.balance, chain.previous_head, chain.head = sequence, balance_after, chain.head, head
            rows += 1
            if rows - told >= ROWS_TOLD_AT_A_TIME:
                self.tell(rows - told)
                told = rows
        self.tell(rows - told)
        self.proof.rows += rows

    def check_account(self, account: Any, chain: Chain, lots: dict[int, list[int]]) -> None:
        """Compare the account and its lots with what the rows came to."""
        account_id, balance, sequence, head, previous_head, floor, next_expiry_at = account
        self.proof.accounts += 1
        self.proof.lots += len(lots)
        self.root.update(INTEGER.pack(account_id) + INTEGER.pack(sequence) + bytes(head))
        if sequence != chain.sequence:
            self.differ(
                account_id, min(sequence, chain.sequence) + 1, f"the account counts {sequence} rows, not {chain.sequence}"
            )
        if balance != chain.balance:
            self.differ(account_id, sequence, f"the account holds {balance}, its rows come to {chain.balance}", Check.BALANCE)
        if bytes(head) != chain.head or bytes(previous_head) != chain.previous_head:
            self.differ(account_id, sequence, "the account's heads are not its last rows' hashes")
        if balance < floor:
            self.differ(account_id, sequence, f"the balance {balance} is below the floor {floor}", Check.BALANCE)
        if lots or chain.lots or next_expiry_at is not None:
            self.check_lots(account_id, chain, lots, next_expiry_at)

    def check_lots(self, account_id: int, chain: Chain, lots: dict[int, list[int]], next_expiry_at: datetime | None) -> None:
        """Compare an account's lots with what the rows came to."""
        for opening in sorted(lots.keys() | chain.lots.keys()):
            self.compare_lot(account_id, opening, lots.get(opening), chain.lots.get(opening))
        remaining = sum(lot[1] for lot in chain.lots.values())
        soonest = min((lot[2] for lot in chain.lots.values() if lot[1]), default=None)
        self.check_open(account_id, chain, remaining, soonest, next_expiry_at)

    def compare_lot(self, account_id: int, opening: int, stored: list[int] | None, expected: list[int] | None) -> None:
        """Judge one lot, named by the number of the row that opened it."""
        if stored != expected:
            self.differ(account_id, opening, f"the lot is {stored}, its rows come to {expected}", Check.LOTS)

    def check_open(
        self, account_id: int, chain: Chain, remaining: int, soonest: int | None, next_expiry_at: datetime | None
    ) -> None:
        """Judge what the open lots hold together, and when the first of them lapses."""
        if remaining > max(chain.balance, 0):
            self.differ(account_id, chain.sequence, f"the lots hold {remaining}, the account {chain.balance}", Check.LOTS)
        expected = None if next_expiry_at is None else microseconds(next_expiry_at)
        if (soonest is None) != (expected is None) or (soonest is not None and expected is not None and expected > soonest):
            fault = "the account expects its next expiry at another instant than its lots"
            self.differ(account_id, chain.sequence, fault, Check.LOTS)

    def fetch(self, query: str, parameters: list[Any]) -> list[Any]:
        """Read rows as PostgreSQL sends them."""
        with psycopg.Cursor(self.connection) as cursor:
            return cursor.execute(query, parameters).fetchall()


def _rows(copy: psycopg.Copy) -> Iterator[bytes]:
    for chunk in copy:
        data = bytes(chunk)
        if data.startswith(SIGNATURE):
            data = data[HEADER_LENGTH:]
        if data and data != TRAILER:
            yield data


def _fault(chain: Chain, data: bytes, head: bytes) -> tuple[str, Check]:
    """Say what is wrong with a row, the most telling thing first."""
    _, _, sequence, amount, balance_after, _ = NUMBERS.unpack_from(data, RECORD_AT)
    if sequence != chain.sequence + 1:
        return f"number {sequence} follows number {chain.sequence}", Check.CHAIN
    if data[-68:-36] != chain.head:
        return "the row does not continue the chain", Check.CHAIN
    if balance_after != chain.balance + amount:
        return f"the balance is {balance_after}, the rows come to {chain.balance + amount}", Check.BALANCE
    return f"the hash is {data[-32:].hex()}, the fields come to {head.hex()}", Check.CHAIN


def _move_lots(chain: Chain, sequence: int, data: bytes) -> str:
    """Let one row's allocations act on its account's lots; says what cannot be."""
    at = RECORD_AT + LENGTH.unpack_from(data, 2)[0]
    expiry = None
    (length,) = LENGTH.unpack_from(data, at)
    at += LENGTH.size
    if length > 0:
        (expiry,) = INTEGER.unpack_from(data, at)
        at += length
    (length,) = LENGTH.unpack_from(data, at)
    if length <= 0:
        return ""
    at += LENGTH.size + ARRAY_HEADER_LENGTH
    numbers = [number for (number,) in ARRAY_ELEMENT.iter_unpack(data[at : at + length - ARRAY_HEADER_LENGTH])]
    for opening, part in zip(numbers[::2], numbers[1::2], strict=True):
        if opening == sequence and expiry is not None:
            chain.lots[opening] = [part, part, expiry]
            continue
        lot = chain.lots.get(opening)
        if lot is None or not 0 <= lot[1] + part <= lot[0]:
            return f"lot {opening} cannot move by {part}"
        lot[1] += part
        if expiry is not None:
            if part or expiry <= lot[2]:
                return f"lot {opening} cannot be extended so"
            lot[2] = expiry
        chain.lots[opening] = lot
    return ""


def microseconds(instant: datetime) -> int:
    """An instant as PostgreSQL counts it."""
    return (instant - POSTGRES_EPOCH) // timedelta(microseconds=1)

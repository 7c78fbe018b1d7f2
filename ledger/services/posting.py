"""Posting: the only way points move.

`post` moves points on one account in one round trip; `post_many` does thousands with the same statement. What
needs a closer look (lots to draw on, points that have lapsed, an account to be made) takes the account's lock and
then writes through that statement, too.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import msgspec
from django.db import IntegrityError, connection

from ledger.errors import AccountClosed, BalanceLimit, InsufficientBalance, LedgerBroken, ReferenceAlreadyUsed
from ledger.models import Account, Counterpart, Lot, Note, Token, Transaction, TransactionType
from ledger.models.accounts import BALANCE_LIMIT
from ledger.models.transactions import new_salt
from ledger.rules.lots import Allocation, OpenLot, due, flat, take
from ledger.services.statement import GIVEN, Form, build
from loyalty.database import constraint_of, execute_prepared, write
from loyalty.errors import LoyaltyError
from users.errors import UserNotFound
from users.models import Member
from users.services.members import locked_member

SYSTEM = "system"
NUMBERS = {"to_id", *(name for name, kind in GIVEN if kind == "bigint")}
MOVE_LOTS = """
UPDATE ledger_lot SET remaining = remaining + moved.part, expires_at = coalesce(moved.expiry, expires_at)
FROM (SELECT %s::bigint AS brand, %s::bigint AS account, %s::timestamptz AS expiry,
        unnest(%s::bigint[]) AS lot, unnest(%s::bigint[]) AS part) AS moved
WHERE brand_id = moved.brand AND account_id = moved.account AND sequence = moved.lot
RETURNING sequence
"""
# Joined, not compared with ANY: a plan that is made once for every array would go through it for each row.
ACCOUNTS = """
SELECT a.member_id, a.id FROM unnest(%s::bigint[]) AS given(member_id)
JOIN ledger_account a ON a.member_id = given.member_id AND a.brand_id = %s::bigint AND a.token_id = %s::bigint
"""
NEXT_EXPIRY = """
UPDATE ledger_account SET next_expiry_at =
  (SELECT min(expires_at) FROM ledger_lot WHERE account_id = %s AND remaining > 0)
WHERE id = %s
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """An account by its holder: the brand, the member's auth_id, the token. The account is made when first needed."""

    brand_id: int
    auth_id: str
    token_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """An order to move points. `amount` is signed and whole; `at` is now, `effective_at` when it happened (default: at).

    `expires_at` opens a lot (credits only). `allocation` says which lots the points come from or go back to;
    None leaves it to the rule: soonest to lapse first. Together they move the expiry of the lots that are named.
    `take_first` names a lot to draw on before others. `below_floor` takes what is not there, too: a debt that later
    credits pay off; nothing else can be taken meanwhile.
    """

    account: Holder | int
    amount: int
    type: TransactionType
    counterpart: Counterpart
    at: datetime
    effective_at: datetime | None = None
    expires_at: datetime | None = None
    reference_id: str | None = None
    reverses_id: int | None = None
    actor: str = SYSTEM
    explanation: dict[str, Any] | None = None
    note: str = ""
    allocation: Allocation | None = None
    take_first: int | None = None
    below_floor: bool = False
    salt: bytes = field(default_factory=new_salt, repr=False)

    def note_digest(self) -> bytes | None:
        """What the chain keeps of the free text."""
        return hashlib.sha256(self.salt + self.note.encode()).digest() if self.note else None

    def parameters(self, *, settled: bool) -> tuple[Any, ...]:
        """The values of statement.GIVEN, in its order."""
        return (
            self.amount,
            str(self.type),
            str(self.counterpart),
            self.reference_id,
            self.reverses_id,
            flat(self.allocation) if self.allocation else None,
            self.expires_at,
            self.actor,
            msgspec.json.encode(self.explanation).decode() if self.explanation is not None else None,
            self.note_digest(),
            self.effective_at or self.at,
            self.at,
            settled,
        )


class Posted(NamedTuple):
    """The receipt: the stored row's names and what it left behind. `email` is told where the holder was named."""

    posting: Posting
    id: int
    account_id: int
    sequence: int
    balance_after: int
    hash: bytes
    member_id: int
    recorded_at: datetime
    email: str | None = None


def post(posting: Posting) -> Posted:
    """Move points on one account: durable and chained when this returns, unless a transaction is open around it.

    Raises InsufficientBalance, BalanceLimit, AccountClosed, ReferenceAlreadyUsed, UserNotFound.
    """
    if posting.allocation is None and not posting.note:
        try:
            written = _write_one(posting, settled=False)
        except IntegrityError as error:
            if connection.in_atomic_block or constraint_of(error) != "transaction_reference_once":
                raise
            written = None  # lost a race for the reference_id; the closer look finds the winner
        if written is not None:
            return written
    return write(lambda: _post_locked(posting))


def post_many(postings: Sequence[Posting]) -> list[Posted | LoyaltyError]:
    """Post many in one transaction; answers, in their order, the receipt or the refusal of each.

    Accounts are taken in the order of their ids, so two batches seldom wait for each other in a circle; when they
    do, PostgreSQL ends one of them, and it is tried again.
    """
    return write(lambda: _post_batch(postings))


def open_account(*, brand_id: int, member_id: int, token_id: int) -> int:
    """The id of a member's account, made when it is first needed. Raises UserNotFound of who was erased or merged."""
    found = open_accounts(brand_id=brand_id, member_ids=[member_id], token_id=token_id)
    if member_id not in found:
        raise UserNotFound
    return found[member_id]


def open_accounts(*, brand_id: int, member_ids: Collection[int], token_id: int) -> dict[int, int]:
    """The ids of many members' accounts of one token, by member, made where they are needed.

    Whose account is to be made is held first, as erasing and merging hold them, so that none is made behind their back;
    who was erased or merged before gets none, and is left out.
    """
    found = _accounts_of(brand_id, member_ids, token_id)
    missing = set(member_ids) - found.keys()
    if missing:
        here = Member.objects.filter(brand_id=brand_id, pk__in=missing, erased_at__isnull=True, merged_into__isnull=True)
        held = list(here.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
        accounts = [Account(brand_id=brand_id, member_id=member_id, token_id=token_id) for member_id in held]
        Account.objects.bulk_create(accounts, ignore_conflicts=True)
        found |= _accounts_of(brand_id, held, token_id)
    return found


def _accounts_of(brand_id: int, member_ids: Collection[int], token_id: int) -> dict[int, int]:
    return dict(execute_prepared(ACCOUNTS, [array_of(member_ids), brand_id, token_id]))


def settle_due_lots(account: Account, *, at: datetime) -> list[OpenLot]:
    """Post what has lapsed on a locked account, and answer the lots that are left, brought up to date."""
    lots = open_lots(account)
    lapsed = due(lots, at)
    if not lapsed:
        if account.next_expiry_at is not None and account.next_expiry_at <= at:
            execute_prepared(NEXT_EXPIRY, [account.pk, account.pk])
        return lots
    posting = Posting(
        account=account.pk,
        amount=-sum(lot.remaining for lot in lapsed),
        type=TransactionType.EXPIRY,
        counterpart=Counterpart.EXPIRY,
        at=at,
        allocation=[(lot.sequence, -lot.remaining) for lot in lapsed],
    )
    account.balance = _write_settled(account, posting).balance_after
    return open_lots(account)


def lock_account(account_id: int) -> Account:
    """The account, held against every other posting until the transaction ends."""
    return Account.objects.select_for_update(no_key=True).get(pk=account_id)


def open_lots(account: Account) -> list[OpenLot]:
    """The lots of an account that have points left."""
    lots = Lot.objects.filter(brand_id=account.brand_id, account=account, remaining__gt=0)
    rows = lots.values_list("sequence", "remaining", "expires_at")
    return [OpenLot(*row) for row in rows]


@cache
def _statement(form: Form) -> str:
    return build(form, limit=BALANCE_LIMIT)


def _write_one(posting: Posting, *, settled: bool) -> Posted | None:
    """Write one row; None when the account is missing or the statement refuses."""
    account = posting.account
    by_holder = isinstance(account, Holder)
    target: list[Any] = [account.auth_id, account.token_id, account.brand_id] if isinstance(account, Holder) else [account]
    form = Form(by_holder=by_holder, lots=posting.expires_at is not None and not posting.allocation)
    rows = execute_prepared(_statement(form), [*target, *posting.parameters(settled=settled)])
    return Posted(posting, *rows[0][1:]) if rows else None


def _post_locked(posting: Posting) -> Posted:
    """Post under the account's lock, where every question has one answer."""
    account = _locked(posting.account)
    check_reference(account.brand_id, posting.reference_id)
    if account.closed_at is not None:
        raise AccountClosed
    lots = settle_due_lots(account, at=posting.at)
    if posting.amount < 0 and account.balance + posting.amount < account.floor:
        if not posting.below_floor:
            raise InsufficientBalance
        _overdraw(account, account.balance + posting.amount)
    if account.balance + posting.amount >= BALANCE_LIMIT:
        raise BalanceLimit
    settled = posting
    if posting.amount < 0 and posting.allocation is None:
        settled = replace(posting, allocation=take(lots, -posting.amount, first=posting.take_first))
    written = _write_settled(account, settled)
    if posting.note:
        Note.objects.create(
            transaction_id=written.id, brand_id=account.brand_id, account=account, salt=posting.salt, text=posting.note
        )
    return written


def _overdraw(account: Account, balance: int) -> None:
    """Let a held account fall to a balance below its floor, and no further."""
    lowest = min(balance, account.overdrawn_to if account.overdrawn_to is not None else balance)
    Account.objects.filter(pk=account.pk).update(overdrawn_to=lowest)


def _locked(target: Holder | int) -> Account:
    if isinstance(target, int):
        return lock_account(target)
    accounts = Account.objects.filter(brand_id=target.brand_id, member__auth_id=target.auth_id, token_id=target.token_id)
    account_id = accounts.values_list("pk", flat=True).first()
    if account_id is None:
        # The member is held, as erasing holds them, so that no account is made behind an erasure's back.
        member = locked_member(brand_id=target.brand_id, auth_id=target.auth_id)
        account_id = open_account(brand_id=target.brand_id, member_id=member.pk, token_id=target.token_id)
    return lock_account(account_id)


def check_reference(brand_id: int, reference_id: str | None) -> None:
    """Refuse a reference_id that a transaction of the brand has: whoever asks again learns that first. None is none.

    Raises ReferenceAlreadyUsed.
    """
    if reference_id is None:
        return
    earlier = Transaction.objects.filter(brand_id=brand_id, reference_id=reference_id).values_list("pk", flat=True).first()
    if earlier is not None:
        raise ReferenceAlreadyUsed(transaction_id=earlier)


@contextmanager
def reference_first(brand_id: int, reference_id: str | None) -> Iterator[None]:
    """Let no other refusal hide that the reference_id was used: its twin, sent at once, may have taken what is refused.

    Raises ReferenceAlreadyUsed.
    """
    check_reference(brand_id, reference_id)
    try:
        yield
    except LoyaltyError:
        check_reference(brand_id, reference_id)
        raise


def _write_settled(account: Account, posting: Posting) -> Posted:
    """Write a row whose lots are settled, and move the lots with it. The caller holds the account's lock."""
    written = _write_one(posting, settled=True)
    if written is None:
        raise LedgerBroken(f"account {account.pk} refused what its lock had allowed")
    if posting.allocation:
        _move_lots(account, posting.allocation, posting.expires_at)
    return written


def _move_lots(account: Account, allocation: Allocation, expiry: datetime | None) -> None:
    columns = map(list, zip(*allocation, strict=True))
    moved = execute_prepared(MOVE_LOTS, [account.brand_id, account.pk, expiry, *columns])
    if len(moved) != len(allocation):
        raise LedgerBroken(f"account {account.pk} lacks a lot that its rows name")
    execute_prepared(NEXT_EXPIRY, [account.pk, account.pk])


def _post_batch(postings: Sequence[Posting]) -> list[Posted | LoyaltyError]:
    outcomes: dict[int, Posted | LoyaltyError] = {}
    for wave in _waves(postings):
        written = _write_wave([postings[index] for index in wave])
        outcomes |= {wave[ordinal]: receipt for ordinal, receipt in written.items()}
        for index in wave:
            if index not in outcomes:
                outcomes[index] = _outcome(postings[index])
    return [outcomes[index] for index in range(len(postings))]


def _outcome(posting: Posting) -> Posted | LoyaltyError:
    try:
        return _post_locked(posting)
    except LoyaltyError as refusal:
        return refusal


def _waves(postings: Sequence[Posting]) -> list[list[int]]:
    """Parts the postings so that no account or reference_id stands twice in one statement, keeping each account's order."""
    references = [posting.reference_id for posting in postings if posting.reference_id]
    if len({posting.account for posting in postings}) == len(postings) and len(set(references)) == len(references):
        return [list(range(len(postings)))]
    waves: list[list[int]] = []
    turn: dict[Any, int] = {}
    for index, posting in enumerate(postings):
        keys = [posting.account, *([posting.reference_id] if posting.reference_id else [])]
        number = max(turn.get(key, 0) for key in keys)
        turn |= dict.fromkeys(keys, number + 1)
        if number == len(waves):
            waves.append([])
        waves[number].append(index)
    return waves


def _write_wave(postings: list[Posting]) -> dict[int, Posted]:
    """Write all that need no closer look in one statement; answers receipts by position."""
    plain = [
        (posting.account, position, posting)
        for position, posting in enumerate(postings)
        if isinstance(posting.account, int) and posting.allocation is None and not posting.note
    ]
    if not plain:
        return {}
    plain.sort()
    columns = list(zip(*((account, *posting.parameters(settled=False)) for account, _, posting in plain), strict=True))
    names = ["to_id", *(name for name, _ in GIVEN)]
    varying = {name for name, column in zip(names, columns, strict=True) if name == "to_id" or _varies(column)}
    form = Form(
        by_holder=False,
        lots=any(posting.expires_at for *_, posting in plain),
        varying=tuple(name for name in names if name in varying),
    )
    once = [column[0] for name, column in zip(names, columns, strict=True) if name not in varying]
    arrays = [_array(name, column) for name, column in zip(names, columns, strict=True) if name in varying]
    written = execute_prepared(_statement(form), [*once, *arrays])
    receipts = {}
    for ordinal, *answer in written:
        _, position, posting = plain[ordinal - 1]
        receipts[position] = Posted(posting, *answer)
    return receipts


def _array(name: str, column: Sequence[Any]) -> Any:
    """A column as PostgreSQL takes it."""
    return array_of(column) if name in NUMBERS else list(column)


def array_of(numbers: Iterable[int | None]) -> str:
    """An array of numbers as one text, for psycopg looks at each item of a list by itself."""
    return "{" + ",".join("NULL" if value is None else str(value) for value in numbers) + "}"


def _varies(column: Sequence[Any]) -> bool:
    first = column[0]
    return any(value is not first and value != first for value in column)


def lapse_of(token: Token, *, at: datetime) -> datetime | None:
    """When points credited now lapse, by the token's policy and the brand's calendar."""
    return token.expiry.lapses_at(at, token.brand.zone)

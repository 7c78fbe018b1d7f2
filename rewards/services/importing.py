"""Earnings out of a file: thousands in a transaction, each transaction_id once, whatever stops on the way.

A batch is stored whole or not at all, and whoever runs the file again passes what is stored, so it goes on where it
stopped. Baskets are judged by the rules of the tills; those that count against limits or budgets go one by one. What is
kept of a basket tells of the promotions that it met, and not of all that it might have: nobody waits for that answer.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import psycopg
from django.db import connection, transaction

from ledger.models import Counterpart, TransactionType
from ledger.models.tokens import TokenType
from ledger.selectors import find_token
from ledger.services.posting import Posted, Posting, lapse_of, open_accounts, post_many
from loyalty.database import execute_prepared, write
from loyalty.errors import LoyaltyError
from rewards.errors import ProgrammeMissing, TransactionIdReused
from rewards.models import Programme
from rewards.rules.earn_files import FileBasket, FileFault, read_basket
from rewards.rules.earning import Circumstances, evaluate
from rewards.services.books import Rules, rules_of
from rewards.services.business_keys import Earlier, fingerprint, first_answer
from rewards.services.earning import Earned, EarnOrder, earn, rules_paid
from rewards.services.evaluating import BasketOrder, Judged, check_total, judged_instant, told
from users.models import Member

# Joined, not compared with ANY: a plan that is made once for every array would go through it for each row.
KNOWN = """
SELECT e.transaction_id, e.salt, e.fingerprint, e.answer FROM unnest(%s::text[]) AS given(name)
JOIN rewards_earning e ON e.brand_id = %s::bigint AND e.transaction_id = given.name
"""
MEMBERS = """
SELECT m.auth_id, m.id, ARRAY(SELECT s.segment_id FROM users_segmentmember s WHERE s.member_id = m.id)
FROM unnest(%s::text[]) AS given(name) JOIN users_member m ON m.brand_id = %s::bigint AND m.auth_id = given.name
"""
NO_MEMBER = "member_id: the brand has no such member"
STORE = """
COPY rewards_earning (brand_id, member_id, token_id, transaction_id, salt, fingerprint, occurred_at, points, remaining,
  basket, rules, answer, posting_id, actor, recorded_at) FROM STDIN
"""


class FileLine(NamedTuple):
    """A line of the file: its number, and its columns."""

    number: int
    columns: Mapping[str, str]


@dataclass(slots=True)
class Tally:
    """What became of the lines so far."""

    lines: int = 0
    earned: int = 0
    already: int = 0
    rejected: int = 0
    points: int = 0


@dataclass(slots=True)
class _Batch:
    """A batch at work: whose, under which rules, and what it comes to."""

    brand_id: int
    rules: Rules
    actor: str
    at: datetime
    rejected: list[tuple[FileLine, str]] = field(default_factory=list)
    already: int = 0
    earned: int = 0
    points: int = 0

    def reject(self, line: FileLine, why: object) -> None:
        """A line cannot be taken."""
        self.rejected.append((line, str(why)))


Content = tuple[FileLine, FileBasket, bytes]


class _Gain(NamedTuple):
    """What a line comes to: judged, its points, and the rules that give them."""

    content: Content
    judged: Judged
    points: int
    paid: dict[str, object]


def import_earnings(
    *, brand_id: int, lines: Sequence[FileLine], actor: str, at: datetime, tally: Tally, reject: Callable[[FileLine, str], None]
) -> None:
    """Earn on a batch of lines, all of them or none; `reject` hears of each line that cannot be taken, once it is settled.

    Raises ProgrammeMissing.
    """
    batch = write(lambda: _earn_all(brand_id, lines, actor, at))
    for line, reason in batch.rejected:
        reject(line, reason)
    tally.lines += len(lines)
    tally.earned += batch.earned
    tally.already += batch.already
    tally.rejected += len(batch.rejected)
    tally.points += batch.points


def _earn_all(brand_id: int, lines: Sequence[FileLine], actor: str, at: datetime) -> _Batch:
    revision = Programme.objects.filter(brand_id=brand_id).values_list("revision", flat=True).first()
    if revision is None:
        raise ProgrammeMissing
    batch = _Batch(brand_id, rules_of(brand_id, revision), actor, at)
    fresh = _fresh(batch, _read(batch, lines))
    members, book = _members(brand_id, fresh), batch.rules.book(batch.rules.token_id)
    gains: list[_Gain] = []
    for content in fresh:
        line, basket, _ = content
        known = members.get(basket.member_id)
        if known is None:
            batch.reject(line, NO_MEMBER)
            continue
        met = book.concerned((basket.line,), known[1])
        if any(book.rules[place].is_limited for place in met):
            _earn_alone(batch, content)
            continue
        try:
            gains.append(_judge(batch, content, known, met))
        except LoyaltyError as refusal:
            batch.reject(line, refusal)
    _store(batch, _post(batch, gains))
    return batch


def _read(batch: _Batch, lines: Sequence[FileLine]) -> list[Content]:
    """The lines that can be read, each transaction_id once."""
    read: dict[str, Content] = {}
    rules = batch.rules
    for line in lines:
        try:
            basket = read_basket(line.columns, currency=rules.currency, decimals=rules.decimals)
        except FileFault as fault:
            batch.reject(line, fault)
            continue
        content = msgspec.json.encode(sorted(line.columns.items()))
        twin = read.get(basket.transaction_id)
        if twin is None:
            read[basket.transaction_id] = (line, basket, content)
        elif twin[2] == content:
            batch.already += 1
        else:
            batch.reject(line, f"transaction_id: line {twin[0].number} has it, with another content")
    return list(read.values())


def _fresh(batch: _Batch, contents: list[Content]) -> list[Content]:
    """Those that are not stored yet."""
    rows = execute_prepared(KNOWN, [[basket.transaction_id for _, basket, _ in contents], batch.brand_id])
    known = {name: Earlier(*rest) for name, *rest in rows}
    fresh = []
    for line, basket, content in contents:
        earlier = known.get(basket.transaction_id)
        if earlier is None:
            fresh.append((line, basket, content))
            continue
        try:
            first_answer(earlier, content, reused=TransactionIdReused)
            batch.already += 1
        except LoyaltyError as refusal:
            batch.reject(line, refusal)
    return fresh


def _members(brand_id: int, contents: list[Content]) -> dict[str, tuple[int, frozenset[int]]]:
    names = list({basket.member_id for _, basket, _ in contents})
    rows = execute_prepared(MEMBERS, [names, brand_id])
    return {auth_id: (member_id, frozenset(segments)) for auth_id, member_id, segments in rows}


def _earn_alone(batch: _Batch, content: Content) -> None:
    """Earn on one basket as a till would, where limits and budgets must be held."""
    line, basket, told_so = content
    order = BasketOrder(
        brand_id=batch.brand_id,
        member=basket.member_id,
        currency=batch.rules.currency,
        lines=(basket.line,),
        occurred_at=basket.occurred_at,
        store_id=basket.store_id,
        channel=basket.channel,
    )
    given: list[int] = []

    def render(earned: Earned) -> str:
        given.append(earned.judged.outcome.total)
        return _answer(basket.transaction_id, earned)

    wanted = EarnOrder(basket=order, transaction_id=basket.transaction_id, content=told_so, actor=batch.actor)
    try:
        with transaction.atomic():
            answered = earn(order=wanted, at=batch.at, render=render)
    except LoyaltyError as refusal:
        batch.reject(line, refusal)
        return
    if not answered.first:  # another run of the file was faster
        batch.already += 1
        return
    batch.earned += 1
    batch.points += given[-1]


def _judge(
    batch: _Batch, content: Content, known: tuple[int, frozenset[int]], met: Mapping[int, Sequence[int] | None]
) -> _Gain:
    """What a basket earns. Raises InvalidRequest (its date), BalanceLimit."""
    rules, (_, basket, _), (member_id, segments) = batch.rules, content, known
    judged_instant(basket.occurred_at, rules.backdating_days, batch.at)
    seen = Circumstances(basket.occurred_at.astimezone(rules.zone), segments, basket.store_id, basket.channel)
    outcome = evaluate(rules.book(rules.token_id), (basket.line,), seen, met=met, tells_unmet=False)
    check_total(outcome)
    judged = Judged(rules, rules.token_id, member_id, (basket.line,), basket.occurred_at, seen, outcome)
    return _Gain(content, judged, outcome.total, rules_paid(judged))


def _post(batch: _Batch, gains: list[_Gain]) -> list[tuple[_Gain, Posted | None]]:
    """Post what is not nothing; what the ledger refuses is rejected."""
    if not gains:
        return []
    brand_id, token_id = batch.brand_id, batch.rules.token_id
    token = find_token(brand_id=brand_id, token_id=token_id, type_=TokenType.ERC20)
    members = {gain.judged.member_id or 0 for gain in gains if gain.points}
    accounts = open_accounts(brand_id=brand_id, member_ids=members, token_id=token_id)
    lapses_at = lapse_of(token, at=batch.at)
    paying = [gain for gain in gains if gain.points and gain.judged.member_id in accounts]
    receipts = iter(post_many([_posting(batch, gain, accounts[gain.judged.member_id or 0], lapses_at) for gain in paying]))
    here = _held({gain.judged.member_id or 0 for gain in gains if not gain.points})
    stored: list[tuple[_Gain, Posted | None]] = []
    for gain in gains:
        if gain.judged.member_id not in (accounts if gain.points else here):  # erased or merged meanwhile
            batch.reject(gain.content[0], NO_MEMBER)
            continue
        receipt = next(receipts) if gain.points else None
        if isinstance(receipt, LoyaltyError):
            batch.reject(gain.content[0], receipt)
            continue
        stored.append((gain, receipt))
        batch.earned += 1
        batch.points += gain.points
    return stored


def _held(member_ids: Collection[int]) -> set[int]:
    """Those who are neither erased nor merged, and will not be before the transaction ends: no posting holds them."""
    if not member_ids:
        return set()
    rows = Member.objects.filter(pk__in=member_ids, erased_at__isnull=True, merged_into__isnull=True).order_by("pk")
    return set(rows.select_for_update(no_key=True).values_list("pk", flat=True))


def _posting(batch: _Batch, gain: _Gain, account_id: int, lapses_at: datetime | None) -> Posting:
    return Posting(
        account=account_id,
        amount=gain.points,
        type=TransactionType.EARN,
        counterpart=Counterpart.ISSUANCE,
        at=batch.at,
        effective_at=gain.judged.occurred_at,
        expires_at=lapses_at,
        actor=batch.actor,
        explanation=gain.paid | {"transaction_id": gain.content[1].transaction_id},
    )


def _answer(transaction_id: str, earned: Earned) -> str:
    posted: Posted | None = earned.posted
    receipt = None if posted is None else {"id": str(posted.id), "points": earned.judged.outcome.total}
    answer: dict[str, Any] = {"transaction_id": transaction_id, **told(earned.judged), "balance": earned.balance}
    return msgspec.json.encode(answer | {"transaction": receipt}).decode()


def _store(batch: _Batch, earned: Sequence[tuple[_Gain, Posted | None]]) -> None:
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor, cursor.copy(STORE) as copy:
        for gain, posted in earned:
            (_, basket, content), judged, line = gain.content, gain.judged, gain.content[1].line
            salt, digest = fingerprint(content)
            kept = {"lines": [[line.name, line.sku, line.category, line.quantity, line.amount]]}
            balance = posted.balance_after if posted is not None else None
            copy.write_row(
                [
                    batch.brand_id,
                    judged.member_id,
                    judged.token_id,
                    basket.transaction_id,
                    salt,
                    digest,
                    judged.occurred_at,
                    gain.points,
                    gain.points,
                    msgspec.json.encode(kept | {"store_id": basket.store_id, "channel": basket.channel}).decode(),
                    msgspec.json.encode(gain.paid).decode(),
                    _answer(basket.transaction_id, Earned(judged, posted, balance)),
                    posted.id if posted is not None else None,
                    batch.actor,
                    batch.at,
                ]
            )

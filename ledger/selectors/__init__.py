"""Reads over the ledger: tokens, balances, history, statements."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from ledger.errors import TokenNotFound, TransactionNotFound
from ledger.models import Account, DailyFlow, Lot, OpenLots, Tally, TallyMark, Token, Transaction, TransactionType
from ledger.models.tokens import TokenStatus, TokenType
from users.models import Member
from users.selectors import family_of

FUNGIBLE_POINTS = TokenType.ERC20
TOKEN_CACHE_SECONDS = 4.0
CACHED_TOKENS = 1_000
_tokens: dict[tuple[int, int, str], tuple[float, Token]] = {}


def find_token(*, brand_id: int, token_id: int, type_: TokenType) -> Token:
    """An active token of the brand and of that type, remembered for a few seconds. Raises TokenNotFound."""
    name = (brand_id, token_id, type_.value)
    remembered = _tokens.get(name)
    if remembered is not None and remembered[0] > time.monotonic():
        return remembered[1]
    rows = Token.objects.select_related("brand").filter(brand_id=brand_id, pk=token_id, status=TokenStatus.ACTIVE)
    token = rows.filter(type=type_).first()
    if token is None:
        _tokens.pop(name, None)
        raise TokenNotFound
    if len(_tokens) >= CACHED_TOKENS:
        _tokens.clear()
    _tokens[name] = (time.monotonic() + TOKEN_CACHE_SECONDS, token)
    return token


@dataclass(frozen=True, slots=True)
class Balance:
    """What a member holds of one token, points that have lapsed left out."""

    token: Token
    points: int


def balances_of(member: Member, *, at: datetime) -> list[Balance]:
    """One entry for each active points token of the brand, zero included, in the order of the tokens' ids."""
    tokens = Token.objects.filter(brand_id=member.brand_id, status=TokenStatus.ACTIVE, type=FUNGIBLE_POINTS)
    accounts = {
        account.token_id: account
        for account in Account.objects.filter(brand_id=member.brand_id, member=member, closed_at__isnull=True)
    }
    return [
        Balance(token, _spendable(accounts[token.pk], at) if token.pk in accounts else 0) for token in tokens.order_by("pk")
    ]


def spendable(*, brand_id: int, member_id: int, token_id: int, at: datetime) -> int:
    """What a member holds of one token, points that have lapsed left out; 0 without an account."""
    account = Account.objects.filter(brand_id=brand_id, member_id=member_id, token_id=token_id).first()
    return 0 if account is None else _spendable(account, at)


def _spendable(account: Account, at: datetime) -> int:
    if account.next_expiry_at is None or account.next_expiry_at > at:
        return account.balance
    lapsed = Lot.objects.filter(brand_id=account.brand_id, account=account, remaining__gt=0, expires_at__lte=at)
    total: int = lapsed.aggregate(total=Sum("remaining", default=0))["total"]
    return account.balance - total


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Which transactions of a brand to list. `reversed_` None: whatever is left of them; `where` is for rooms above.

    `family` is a member's id: theirs and those of duplicates that were merged into them.
    """

    brand_id: int
    auth_id: str | None = None
    token_id: int | None = None
    types: tuple[str, ...] = ()
    from_time: datetime | None = None
    to_time: datetime | None = None
    reversed_: bool | None = None
    where: Q | None = None
    family: int | None = None

    def rows(self) -> QuerySet[Transaction]:
        """The transactions, in no order yet."""
        rows = Transaction.objects.filter(brand_id=self.brand_id)
        if self.auth_id is not None or self.family is not None:
            rows = rows.filter(account_id__in=[account.pk for account in self.accounts()])
        elif self.token_id is not None:
            rows = rows.filter(account__token_id=self.token_id)
        if self.types:
            rows = rows.filter(type__in=self.types)
        if self.from_time is not None:
            rows = rows.filter(recorded_at__gte=self.from_time)
        if self.to_time is not None:
            rows = rows.filter(recorded_at__lt=self.to_time)
        if self.where is not None:
            rows = rows.filter(self.where)
        if self.reversed_ is not None:
            undone = Transaction.objects.filter(reverses=OuterRef("pk")).order_by().values("reverses")
            rows = rows.annotate(left=F("amount") + Coalesce(Subquery(undone.values(total=Sum("amount"))), Value(0)))
            nothing_left = Q(left=0) & ~Q(amount=0)
            rows = rows.filter(nothing_left if self.reversed_ else ~nothing_left)
        return rows

    def accounts(self) -> list[Account]:
        """The accounts of the one member that is asked for."""
        accounts = Account.objects.filter(brand_id=self.brand_id)
        if self.family is not None:
            accounts = accounts.filter(member__in=family_of(self.family))
        else:
            accounts = accounts.filter(member__auth_id=self.auth_id)
        return list(accounts if self.token_id is None else accounts.filter(token_id=self.token_id))

    def total(self) -> int:
        """How many there are: from the accounts' own numbers or the tallies where that is enough, else counted."""
        if any(limit is not None for limit in (self.from_time, self.to_time, self.reversed_, self.where)):
            return self.rows().count()
        if self.auth_id is not None or self.family is not None:
            return self.rows().count() if self.types else sum(account.sequence for account in self.accounts())
        marked = TallyMark.objects.filter(brand_id=self.brand_id).values_list("counted_ids", flat=True).first()
        tallies = Tally.objects.filter(brand_id=self.brand_id)
        if self.types:
            tallies = tallies.filter(type__in=self.types)
        if self.token_id is not None:
            tallies = tallies.filter(token_id=self.token_id)
        tallied: int = tallies.aggregate(total=Sum("count", default=0))["total"]
        return tallied + self.rows().filter(pk__gt=marked[0] if marked else 0).count()


class Place(NamedTuple):
    """Where a row stands in a list that is newest first."""

    recorded_at: datetime
    id: int


def page_of(history: History, *, limit: int, offset: int = 0, before: Place | None = None) -> list[Transaction]:
    """One page of a history, newest first; `before` goes on where a page ended.

    A member's newest rows are read account by account, for PostgreSQL would else sort all of them.
    """
    rows = history.rows()
    if before is not None:
        rows = rows.filter(recorded_at__lte=before.recorded_at)
        rows = rows.exclude(recorded_at=before.recorded_at, pk__gte=before.id)
    if history.auth_id is not None:
        rows = Transaction.objects.filter(pk__in=_newest_of_accounts(history, rows, limit, offset))
        offset = 0
    page = rows.select_related("account__token", "account__member").order_by("-recorded_at", "-pk")
    return list(page[offset : offset + limit])


def _newest_of_accounts(history: History, rows: QuerySet[Transaction], limit: int, offset: int) -> list[int]:
    """The ids of one page, merged over the accounts; in each the rows stand in the order of recording by number."""
    found: list[tuple[datetime, int]] = []
    for account in history.accounts():
        own = rows.filter(account=account).order_by("-sequence").values_list("recorded_at", "pk")
        found += own[: limit + offset]
    return [pk for _, pk in sorted(found, reverse=True)[offset : offset + limit]]


def find_transaction(*, brand_id: int, transaction_id: int) -> Transaction:
    """One transaction of the brand, with its account. Raises TransactionNotFound."""
    rows = Transaction.objects.select_related("account__token", "account__member")
    found = rows.filter(brand_id=brand_id, pk=transaction_id).first()
    if found is None:
        raise TransactionNotFound
    return found


def reversed_among(transactions: Iterable[Transaction]) -> set[int]:
    """The ids of those of which nothing is left."""
    amounts = {row.pk: abs(row.amount) for row in transactions}
    sums = (
        Transaction.objects.filter(reverses_id__in=amounts).order_by().values_list("reverses_id").annotate(total=Sum("amount"))
    )
    return {pk for pk, total in sums if pk is not None and abs(total) >= amounts[pk]}


@dataclass(frozen=True, slots=True)
class Statement:
    """An account over a span of time: what it held before, every movement, what it held after."""

    opening_balance: int
    transactions: list[Transaction]
    closing_balance: int


def statement_of(account: Account, *, from_time: datetime, to_time: datetime) -> Statement:
    """The statement from `from_time` (included) to `to_time` (not), by the instant of recording; always adds up."""
    own = Transaction.objects.filter(brand_id=account.brand_id, account=account)
    rows = list(own.filter(recorded_at__gte=from_time, recorded_at__lt=to_time).order_by("sequence"))
    if not rows:
        held = balance_at(account, at=from_time)
        return Statement(held, [], held)
    return Statement(rows[0].balance_after - rows[0].amount, rows, rows[-1].balance_after)


def balance_at(account: Account, *, at: datetime) -> int:
    """The balance just before an instant."""
    own = Transaction.objects.filter(brand_id=account.brand_id, account=account)
    last = own.filter(recorded_at__lt=at).order_by("-sequence").first()
    return last.balance_after if last is not None else 0


def total_of(token: Token) -> int:
    """All points of a token that members hold."""
    total: int = Account.objects.filter(brand_id=token.brand_id, token=token).aggregate(total=Sum("balance", default=0))[
        "total"
    ]
    return total


@dataclass(frozen=True, slots=True)
class Flow:
    """What was recorded of a token on one day. A reversal counts on its own day: it gives back, or takes back."""

    day: date
    earned: int
    burned: int
    expired: int
    given_back: int
    taken_back: int


LAPSED = (TransactionType.EXPIRY, TransactionType.CLOSURE)
UNDOING = (TransactionType.REVERSAL,)
MOVING = (TransactionType.MERGE,)  # from one member to another: in sum neither earned nor burned


def flows_of(*, brand_id: int, token_id: int, first: date, last: date) -> list[Flow]:
    """The days on which anything moved, oldest first: from the sums by day, exact up to their mark.

    What leaves with an erased member has lapsed.
    """
    rows = DailyFlow.objects.filter(brand_id=brand_id, token_id=token_id, day__gte=first, day__lte=last)
    sums = {
        "earned": Sum("credited_points", filter=~Q(type__in=[*UNDOING, *MOVING]), default=0),
        "burned": Sum("debited_points", filter=~Q(type__in=[*UNDOING, *MOVING, *LAPSED]), default=0),
        "expired": Sum("debited_points", filter=Q(type__in=LAPSED), default=0),
        "given_back": Sum("credited_points", filter=Q(type__in=UNDOING), default=0),
        "taken_back": Sum("debited_points", filter=Q(type__in=UNDOING), default=0),
    }
    return [Flow(*row) for row in rows.order_by("day").values_list("day").annotate(**sums).values_list("day", *sums)]


AGES_DAYS = (30, 90, 180, 365)


@dataclass(frozen=True, slots=True)
class Liability:
    """What is owed of a token: open lots by age, at most so many days and then older; and points that are in no lot."""

    by_age: tuple[int, ...]
    without_lot: int

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self.by_age) + self.without_lot


def liability_of(*, brand_id: int, token_id: int, today: date) -> Liability:
    """What members hold of a token, from the sums by day, exact up to their mark."""
    edges = [today - timedelta(days=days) for days in AGES_DAYS]
    spans = [Q(day__gte=edges[0])]
    spans += [Q(day__lt=newer, day__gte=older) for newer, older in pairwise(edges)]
    spans += [Q(day__lt=edges[-1])]
    sums = {f"age_{number}": Sum("points", filter=span, default=0) for number, span in enumerate(spans)}
    lots = OpenLots.objects.filter(brand_id=brand_id, token_id=token_id).aggregate(**sums)
    flows = DailyFlow.objects.filter(brand_id=brand_id, token_id=token_id)
    held = flows.aggregate(total=Sum(F("credited_points") - F("debited_points"), default=0))["total"]
    by_age = tuple(int(lots[name]) for name in sums)
    return Liability(by_age, int(held) - sum(by_age))

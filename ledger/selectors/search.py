"""The explorer's search: transactions by what an index finds, however many there are.

What the indexes carry: one reference or hash; a member's accounts, by number; a brand's rows by time, also of one type
or of one of its staff. Whatever else is asked for (a token, a sign, an actor that is no staff) is looked for among those,
through a bounded number of them a window.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.db import connection
from django.db.models import Q, QuerySet, Sum

from ledger.models import Account, Tally, TallyMark, Transaction
from loyalty import keyset
from loyalty.keyset import Key, Place, Window, estimated_count, read_window, window_of
from users.models import Brand, Member

OF_BRAND, OF_HOUSE = Key(("recorded_at", "pk")), Key(("pk",))
STAFF = "staff:"
TICK = timedelta(microseconds=1)
# Within an account time never runs backwards, so the number of the first row at or after an instant is found by halving.
FIRST_SINCE = """
WITH RECURSIVE span AS (
  SELECT brand_id, id AS account_id, 1::bigint AS low, sequence + 1 AS high FROM ledger_account WHERE id = ANY(%(accounts)s)
  UNION ALL
  SELECT s.brand_id, s.account_id, CASE WHEN t.recorded_at < %(at)s THEN m.middle + 1 ELSE s.low END,
    CASE WHEN t.recorded_at < %(at)s THEN s.high ELSE m.middle END
  FROM span s CROSS JOIN LATERAL (SELECT (s.low + s.high) / 2 AS middle) m
  JOIN ledger_transaction t ON t.brand_id = s.brand_id AND t.account_id = s.account_id AND t.sequence = m.middle
  WHERE s.low < s.high
) SELECT account_id, min(high) FROM span GROUP BY account_id
"""


@dataclass(frozen=True, kw_only=True)
class Search:
    """Which transactions to show: of one brand, or of all for the house. `sign` is 1, -1, or 0 for any amount."""

    brand_id: int | None
    auth_id: str = ""
    account_id: int | None = None
    token_id: int | None = None
    type: str = ""
    from_time: datetime | None = None
    to_time: datetime | None = None
    sign: int = 0
    reference_id: str = ""
    hash: bytes = b""
    actor: str = ""

    @property
    def key(self) -> Key:
        """What the list is ordered by, newest first."""
        return OF_HOUSE if self.brand_id is None else OF_BRAND

    def window(self, *, size: int, older: Place | None = None, newer: Place | None = None) -> Window[Transaction]:
        """Some of them, with their accounts, members and tokens."""
        if self._of_accounts:
            return _AccountsWindow(self, size=size, older=older, newer=newer).read()
        rows = self.rows()
        if self._exact:  # found before they are ordered, lest the planner walk along the order to find them
            rows = Transaction.objects.filter(pk__in=list(rows.values_list("pk", flat=True)[: keyset.SCAN]))
        within = self._within() if self._is_searched else None
        return read_window(_with_account(rows), self.key, size=size, older=older, newer=newer, within=within)

    def walk(self, *, size: int) -> Iterator[list[Transaction]]:
        """All of them in windows, each read by itself: no transaction stays open, and nothing is kept."""
        window = self.window(size=size)
        yield window.rows
        while window.older is not None:
            window = self.window(size=size, older=window.older)
            yield window.rows

    def estimate(self) -> int:
        """About how many there are, without a count of them."""
        if self._of_accounts and not (self._narrowed or self.type):
            return sum(account.sequence for account in self.accounts)
        if self.brand_id is None or self._of_accounts or self._narrowed:
            return estimated_count(self.rows())
        tallies = Tally.objects.filter(brand_id=self.brand_id)
        tallies = tallies.filter(type=self.type) if self.type else tallies
        tallies = tallies.filter(token_id=self.token_id) if self.token_id is not None else tallies
        marked = TallyMark.objects.filter(brand_id=self.brand_id).values_list("counted_ids", flat=True).first()
        tallied: int = tallies.aggregate(total=Sum("count", default=0))["total"]
        return tallied + estimated_count(self.rows().filter(pk__gt=marked[0] if marked else 0))

    def rows(self) -> QuerySet[Transaction]:
        """All of them, in no order."""
        rows = self._indexed().filter(self.residue)
        if self._of_accounts:
            rows = rows.filter(account_id__in=[account.pk for account in self.accounts])
        return rows

    @cached_property
    def accounts(self) -> list[Account]:
        """The accounts that are asked for: one, or a member's."""
        members = Member.objects.filter(self._of_brand, auth_id=self.auth_id)
        accounts = Account.objects.filter(self._of_brand)
        accounts = accounts.filter(pk=self.account_id) if self.account_id is not None else accounts
        accounts = accounts.filter(member__in=members) if self.auth_id else accounts
        return list(accounts if self.token_id is None else accounts.filter(token_id=self.token_id))

    @property
    def residue(self) -> Q:
        """What is asked for beyond what an index finds."""
        wanted = Q()
        if self.token_id is not None and not self._of_accounts:
            wanted &= Q(account__token_id=self.token_id)
        if self.sign:
            wanted &= Q(amount__gt=0) if self.sign > 0 else Q(amount__lt=0)
        if self.actor and not self._by_staff:
            wanted &= Q(actor=self.actor)
        if self.type and not self._by_type:
            wanted &= Q(type=self.type)
        return wanted

    def _indexed(self) -> QuerySet[Transaction]:
        rows = Transaction.objects.filter(self._of_brand if self.brand_id is not None or self._exact else Q())
        if self.reference_id:
            rows = rows.filter(reference_id=self.reference_id)
        if self.hash:
            rows = rows.filter(hash=self.hash)
        if self._by_staff:
            rows = rows.filter(actor=self.actor, actor__startswith=STAFF)
        if self._by_type:
            rows = rows.filter(type=self.type)
        rows = rows.filter(recorded_at__gte=self.from_time) if self.from_time is not None else rows
        return rows.filter(recorded_at__lt=self.to_time) if self.to_time is not None else rows

    def _within(self) -> QuerySet[Transaction]:
        """The rows that are looked through; of the whole house no index knows more than their ids."""
        return Transaction.objects.all() if self.brand_id is None else self._indexed()

    @property
    def _of_brand(self) -> Q:
        """The brand's, or that of any brand, told in a way that an index which begins with the brand can use."""
        return Q(brand_id__in=Brand.objects.values("pk")) if self.brand_id is None else Q(brand_id=self.brand_id)

    @property
    def _exact(self) -> bool:
        return bool(self.reference_id or self.hash)

    @property
    def _of_accounts(self) -> bool:
        return not self._exact and bool(self.auth_id or self.account_id is not None)

    @property
    def _by_staff(self) -> bool:
        return self.brand_id is not None and not self._exact and not self._of_accounts and self.actor.startswith(STAFF)

    @property
    def _by_type(self) -> bool:
        return bool(self.type) and self.brand_id is not None and not (self._exact or self._of_accounts or self._by_staff)

    @property
    def _is_searched(self) -> bool:
        """Whether rows are looked for among what an index finds."""
        timed = self.brand_id is None and (self.from_time is not None or self.to_time is not None)
        return not self._exact and (bool(self.residue) or timed)

    @property
    def _narrowed(self) -> bool:
        return bool(self.from_time or self.to_time or self.sign or self.actor or self._exact)


def _with_account(rows: QuerySet[Transaction]) -> QuerySet[Transaction]:
    return rows.select_related("account__token", "account__member", "brand")


class _AccountsWindow:
    """One window of a search of some accounts: each is read by number, for PostgreSQL would else sort all of their rows."""

    def __init__(self, search: Search, *, size: int, older: Place | None, newer: Place | None) -> None:
        self.search, self.size = search, size
        self.backwards, self.start = newer is not None, newer if newer is not None else older
        self.ranges = {account.pk: (1, account.sequence + 1) for account in search.accounts}

    def read(self) -> Window[Transaction]:
        """The window; when the list begins in it, a whole one from the top."""
        self._narrow()
        limit = self._limit() if self.search.residue else None
        found = self._found(limit)
        if self.backwards and len(found) <= self.size and limit is None:
            return self.search.window(size=self.size)
        key = self.search.key
        return window_of(found, key, size=self.size, start=self.start, backwards=self.backwards, limit=limit)

    def _narrow(self) -> None:
        """Let time narrow each account's numbers: the period's, and the place from which to go on."""
        start_at = self.start[0] if self.start is not None and self.search.brand_id is not None else None
        from_times = [self.search.from_time, start_at if self.backwards else None]
        to_times = [self.search.to_time, start_at + TICK if start_at is not None and not self.backwards else None]
        from_time = max((at for at in from_times if at is not None), default=None)
        to_time = min((at for at in to_times if at is not None), default=None)
        for bound, at in enumerate((from_time, to_time)):
            if at is None or not self.ranges:
                continue
            for account_id, number in first_since(list(self.ranges), at).items():
                low, high = self.ranges[account_id]
                self.ranges[account_id] = (max(low, number), high) if bound == 0 else (low, min(high, number))

    def _limit(self) -> Place | None:
        """The place to which every account is searched when each is looked through for a bounded number of rows."""
        ends = []
        for account_id, (low, high) in self.ranges.items():
            if high - low > keyset.SCAN:
                self.ranges[account_id] = (low, low + keyset.SCAN) if self.backwards else (high - keyset.SCAN, high)
                ends.append((account_id, low + keyset.SCAN - 1 if self.backwards else high - keyset.SCAN))
        chosen = Q()
        for account_id, number in ends:
            chosen |= Q(account_id=account_id, sequence=number)
        rows = Transaction.objects.filter(self.search._of_brand, chosen) if ends else ()  # noqa: SLF001 - its own reader
        places = [self.search.key.place_of(row) for row in rows]
        return (min if self.backwards else max)(places, default=None)

    def _found(self, limit: Place | None) -> list[Transaction]:
        """The rows that follow, one more than the window's size where there are."""
        key, order = self.search.key, "sequence" if self.backwards else "-sequence"
        parts = []
        for account in self.search.accounts:
            low, high = self.ranges[account.pk]
            rows = Transaction.objects.filter(self.search.residue, brand_id=account.brand_id, account_id=account.pk)
            rows = rows.filter(sequence__gte=low, sequence__lt=high)
            rows = rows if self.start is None else key.beyond(rows, self.start, backwards=self.backwards)
            rows = rows if limit is None else key.beyond(rows, limit, backwards=not self.backwards, included=True)
            parts.append(rows.order_by(order))
        if len(parts) < 2:  # an account's numbers follow time, so one account's rows need no merging
            return [row for part in parts for row in _with_account(part)[: self.size + 1]]
        slices = [part.values("pk")[: self.size + 1] for part in parts]
        ids = slices[0].union(*slices[1:], all=True)
        found = _with_account(Transaction.objects.filter(pk__in=[row["pk"] for row in ids]))
        return list(found.order_by(*key.ordering(backwards=self.backwards))[: self.size + 1])


def first_since(account_ids: list[int], at: datetime) -> dict[int, int]:
    """The number of each account's first transaction that was recorded at an instant or later; one above its last for none."""
    with connection.cursor() as cursor:
        cursor.execute(FIRST_SINCE, {"accounts": account_ids, "at": at})
        return dict(cursor.fetchall())

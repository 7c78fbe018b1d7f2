"""What has changed about members since a cursor: nothing is missed, and no change is told twice, whoever writes meanwhile.

A row gets its id before its transaction commits, so the newest ids may still have gaps that fill. A cursor therefore goes no
further than the ids below which every transaction has ended; while one runs for long, the feed is as far behind as it is old.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate, takewhile
from typing import NamedTuple

from django.db.models import QuerySet

from ledger.models import Account, Transaction
from loyalty.horizon import instant, newest_ids
from rewards.errors import CursorExpired, FeedBusy
from rewards.models import GiftOrderMove, Reward
from rewards.selectors.doings import EARNING, Earn, with_gains
from rewards.selectors.users import SeenUser, seen_users
from rewards.services.programme import programme_of
from users.models import Member, MemberChange

IDS_AT_A_TIME, ROWS_OF_A_MEMBER, MOST_ROWS = 20_000, 5, 20_000
WAITS, FIRST_WAITS, WAIT_SECONDS = 20, 200, 0.01
LOGS = ["ledger_transaction_id_seq", "users_memberchange_id_seq", "rewards_giftordermove_id_seq"]


class Marks(NamedTuple):
    """Up to which rows: of the ledger, of the log of members, and of the moves of gifts' orders."""

    transaction: int
    change: int
    move: int


class Cursor(NamedTuple):
    """Where to go on: at first member by member after `member`, then by what is newer than the marks.

    All is told of the one token that the programme has.
    """

    marks: Marks
    token_id: int
    member: int | None = None


@dataclass(slots=True)
class Changed:
    """A member of whom something is new; without `seen` they are gone."""

    name: str
    seen: SeenUser | None
    earns: list[Earn] = field(default_factory=list)
    burns: list[Reward] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Page:
    """Changes, where to go on, and whether there is more already."""

    users: list[Changed]
    cursor: Cursor
    more: bool


def changes_since(*, brand_id: int, cursor: Cursor | None, limit: int, at: datetime) -> Page:
    """A page of what has changed; without a cursor everybody, with all that they earned and bought.

    Raises ProgrammeMissing; FeedBusy where nobody can begin yet, as transactions run for long; and CursorExpired where a change
    since then is forgotten, the programme has another token, or the cursor is of another time than the ledger, which a backup
    brought back.
    """
    token_id = programme_of(brand_id).token_id
    if cursor is None:
        marks = _settled(newest=Marks(*newest_ids(LOGS)), waits=FIRST_WAITS)
        if marks is None:
            raise FeedBusy
        cursor = Cursor(marks, token_id, 0)
    if cursor.token_id != token_id:
        raise CursorExpired
    if cursor.member is not None:
        return _everybody(brand_id, cursor, limit, at)
    return _newer(brand_id, cursor, limit, at)


def _settled(*, newest: Marks, waits: int) -> Marks | None:
    """The newest ids, once every transaction has ended that may have taken lower ones; None where that takes too long."""
    noted_at, oldest = instant()
    for _ in range(waits):
        if oldest is None or oldest > noted_at:
            return newest
        time.sleep(WAIT_SECONDS)
        _, oldest = instant()
    return None


def _everybody(brand_id: int, cursor: Cursor, limit: int, at: datetime) -> Page:
    rows = Member.objects.filter(brand_id=brand_id, auth_id__isnull=False, pk__gt=cursor.member or 0).order_by("pk")
    members = list(rows[: limit + 1])
    everybody = {member.pk: member for member in members[:limit]}
    duplicates = Member.objects.filter(brand_id=brand_id, merged_into__in=everybody)
    everybody |= {pk: everybody[heir] for pk, heir in duplicates.values_list("pk", "merged_into") if heir is not None}
    page = _bearable(brand_id, cursor.token_id, members[:limit], everybody)
    more, told = len(page) < len(members), {member.pk for member in page}
    users, heirs = _told(page, at), {pk: heir for pk, heir in everybody.items() if heir.pk in told}
    earned = Transaction.objects.filter(
        brand_id=brand_id,
        account__member__in=heirs,
        account__token=cursor.token_id,
        type__in=EARNING,
        amount__gt=0,
        pk__lte=cursor.marks.transaction,
    )
    _add_earns(users, brand_id, earned.select_related("account").order_by("pk"), heirs)
    bought = Reward.objects.filter(brand_id=brand_id, member__in=heirs, transaction__lte=cursor.marks.transaction)
    _add_burns(users, bought, heirs)
    onward = cursor._replace(member=page[-1].pk if more else None)
    return Page(list(users.values()), onward, more)


def _bearable(brand_id: int, token_id: int, members: Sequence[Member], heirs: Mapping[int, Member]) -> Sequence[Member]:
    """As many of the members as one page can tell all about, one at least."""
    rows: dict[int, int] = {}
    accounts = Account.objects.filter(brand_id=brand_id, member__in=heirs, token=token_id)
    for member_id, count in accounts.values_list("member", "sequence"):
        rows[heirs[member_id].pk] = rows.get(heirs[member_id].pk, 0) + count
    together = accumulate(rows.get(member.pk, 0) for member in members)
    fitting = sum(1 for _ in takewhile(lambda total: total <= MOST_ROWS, together))
    return members[: max(fitting, 1)]


def _newer(brand_id: int, cursor: Cursor, limit: int, at: datetime) -> Page:
    """One log after the other, as long as there is room for the users that it tells of.

    That of members comes first: who is called as someone was who went, earns and buys after it was told that these are gone.
    """
    marks, newest = cursor.marks, Marks(*newest_ids(LOGS))
    if any(mark > end for mark, end in zip(marks, newest, strict=True)):
        raise CursorExpired
    settled = _settled(newest=newest, waits=WAITS) or marks
    changes, change = _changed(brand_id, marks, settled, limit)
    told = list(dict.fromkeys(one.member_id for one in changes))
    rows, transaction, moved, move = list[Transaction](), marks.transaction, list[Reward](), marks.move
    if change == settled.change and len(told) < limit:
        rows, transaction = _moved(brand_id, marks, settled, limit - len(told))
        told += [row.account.member_id for row in rows]
        if transaction == settled.transaction and len(set(told)) < limit:
            moved, move = _fulfilled(brand_id, marks, settled, limit - len(set(told)))
    heirs = _standing_for(brand_id, [*told, *(reward.member_id for reward in moved if reward.member_id is not None)])
    users = _told(list({heir.pk: heir for heir in heirs.values()}.values()), at)
    earned = [row for row in rows if row.type in EARNING and row.amount > 0 and row.account.token_id == cursor.token_id]
    _add_earns(users, brand_id, earned, heirs)
    _add_burns(users, Reward.objects.filter(brand_id=brand_id, transaction__in=[row.pk for row in rows]), heirs)
    _add_burns(users, Reward.objects.filter(brand_id=brand_id, pk__in={reward.pk for reward in moved}), heirs)
    gone = [Changed(one.name, None) for one in changes if one.name is not None]
    onward = Marks(transaction, change, move)
    more = any(mark < end for mark, end in zip(onward, settled, strict=True))
    return Page([*gone, *users.values()], cursor._replace(marks=onward), more)


def _moved(brand_id: int, marks: Marks, settled: Marks, limit: int) -> tuple[list[Transaction], int]:
    """The next rows of the ledger, of at most so many members, and up to which id they go."""
    upto = min(settled.transaction, marks.transaction + IDS_AT_A_TIME)
    found = Transaction.objects.filter(brand_id=brand_id, pk__gt=marks.transaction, pk__lte=upto)
    most = limit * ROWS_OF_A_MEMBER
    rows = list(found.select_related("account").order_by("pk")[:most])
    if len(rows) == most:
        upto = rows[-1].pk
    seen: set[int] = set()
    for place, row in enumerate(rows):
        seen.add(row.account.member_id)
        if len(seen) > limit:
            return rows[:place], rows[place - 1].pk
    return rows, max(upto, marks.transaction)


def _changed(brand_id: int, marks: Marks, settled: Marks, most: int) -> tuple[list[MemberChange], int]:
    """The next changes of members, and up to which id they go. Raises CursorExpired where it is forgotten who went."""
    log = MemberChange.objects.filter(brand_id=brand_id, pk__gt=marks.change, pk__lte=settled.change).order_by("pk")
    changes = list(log[:most])
    if any(one.name == "" for one in changes):
        raise CursorExpired
    return changes, changes[-1].pk if len(changes) == most else max(settled.change, marks.change)


def _fulfilled(brand_id: int, marks: Marks, settled: Marks, most: int) -> tuple[list[Reward], int]:
    """The gifts whose orders moved on next, and up to which move that goes."""
    log = GiftOrderMove.objects.filter(brand_id=brand_id, pk__gt=marks.move, pk__lte=settled.move).order_by("pk")
    moves = list(log.select_related("order__reward")[:most])
    upto = moves[-1].pk if len(moves) == most else max(settled.move, marks.move)
    return [move.order.reward for move in moves], upto


def _standing_for(brand_id: int, ids: Sequence[int]) -> dict[int, Member]:
    """Those members, or who they were merged into, by their ids; who is gone is left out."""
    members = Member.objects.select_related("merged_into").in_bulk(list(dict.fromkeys(ids)))
    heirs = {pk: members[pk].heir for pk in ids if pk in members}
    return {pk: heir for pk, heir in heirs.items() if heir.brand_id == brand_id and heir.auth_id is not None}


def _told(members: Sequence[Member], at: datetime) -> dict[int, Changed]:
    return {seen.member.pk: Changed(seen.member.auth_id or "", seen) for seen in seen_users(members, at=at)}


def _add_earns(
    users: dict[int, Changed], brand_id: int, rows: Iterable[Transaction], heirs: Mapping[int, Member] | None = None
) -> None:
    for earn in with_gains(brand_id, list(rows)):
        user = _of(users, earn.row.account.member_id, heirs)
        if user is not None:
            user.earns.append(earn)


def _add_burns(users: dict[int, Changed], rows: QuerySet[Reward], heirs: Mapping[int, Member] | None = None) -> None:
    for reward in rows.select_related("reward_type", "order", "transaction").order_by("transaction_id"):
        user = _of(users, reward.member_id or 0, heirs)
        if user is not None and reward not in user.burns:  # bought and moved on: told once, as it stands
            user.burns.append(reward)


def _of(users: dict[int, Changed], member_id: int, heirs: Mapping[int, Member] | None) -> Changed | None:
    """The entry of whoever stands for a member."""
    heir = (heirs or {}).get(member_id)
    return users.get(heir.pk if heir is not None else member_id)

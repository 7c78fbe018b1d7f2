"""Many actions at once, each judged as if it came alone, in their order: a few statements do for all of them.

Every member is held first, as a single action holds its own, so that what is read of them stays so until the end; the
posting, the counts and the gains of all then go into the database together, or not at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from django.db import connection

from ledger.services.posting import Posted, array_of, open_accounts, post_many
from loyalty.database import execute_prepared, write
from loyalty.errors import LoyaltyError
from rewards.errors import ActionAlreadyDone
from rewards.rules.actions import Case, judge, left_of, unmet
from rewards.rules.periods import ALL
from rewards.services.actions import (
    ActionOrder,
    Done,
    Offer,
    Used,
    backdating_days_of,
    find_offer,
    gain_of,
    period_in,
    refusal_of,
)
from rewards.services.evaluating import judged_instant
from users.errors import UserNotFound
from users.models import Member, SegmentMember
from users.services.members import check_consent

COUNT = """
INSERT INTO rewards_actionuse AS u (brand_id, action_id, member_id, period, count)
SELECT %s::bigint, given.action, given.member, given.period, given.times
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::bigint[]) AS given(action, member, period, times)
ON CONFLICT (brand_id, action_id, member_id, period) DO UPDATE SET count = u.count + EXCLUDED.count
"""
KEEP = """
COPY rewards_actiongain (brand_id, action_id, member_id, param, salt, fingerprint, occurred_at, points, posting_id, recorded_at)
FROM STDIN
"""
# Of many, by arrays: a thousand parameters take longer to be put into a statement than to be found by it.
HELD = "SELECT * FROM users_member WHERE brand_id = %s AND auth_id = ANY(%s::text[]) ORDER BY id FOR NO KEY UPDATE"
DUPLICATES = "SELECT id, merged_into_id FROM users_member WHERE brand_id = %s AND merged_into_id = ANY(%s::bigint[])"
DONE_BEFORE = """
SELECT member_id, action_id, param FROM rewards_actiongain
WHERE brand_id = %s AND member_id = ANY(%s::bigint[]) AND action_id = ANY(%s::bigint[]) AND param = ANY(%s::text[])
"""
USES = """
SELECT member_id, action_id, period, count FROM rewards_actionuse
WHERE brand_id = %s AND action_id = ANY(%s::bigint[]) AND member_id = ANY(%s::bigint[]) AND period = ANY(%s::text[])
"""
Outcome = Done | LoyaltyError


class _Meant(NamedTuple):
    """An order that is to be rewarded: for whom, what, when, and how often it was done before."""

    place: int
    order: ActionOrder
    member: Member
    offer: Offer
    occurred_at: datetime
    period: str
    used: Used


@dataclass(slots=True)
class Known:
    """What is known of the members and actions of a batch; counts and parameters grow with what is meant."""

    members: Mapping[str, Member]
    offers: Mapping[str, Offer | LoyaltyError]
    segments: Mapping[int, set[int]]
    done: set[tuple[int, int, str]]
    backdating_days: int
    uses: dict[tuple[int, int, str], int] = field(default_factory=dict)


def do_actions(*, brand_id: int, orders: Sequence[ActionOrder], at: datetime) -> list[Outcome]:
    """Reward what members did; answers, in their order, what do_action would answer or raise. One refusal stops no other."""
    return write(lambda: do_all(brand_id, orders, at)[1])


def do_all(brand_id: int, orders: Sequence[ActionOrder], at: datetime) -> tuple[Known, list[Outcome]]:
    """As do_actions, inside the caller's transaction; answers what was found out about members and actions, too."""
    known = _known(brand_id, orders, at)
    outcomes: dict[int, Outcome] = {}
    meant: list[_Meant] = []
    for place, order in enumerate(orders):
        try:
            meant.append(_judge(place, order, known, at))
        except LoyaltyError as refusal:
            outcomes[place] = refusal
    for one, posted in zip(meant, _post(brand_id, meant, at), strict=True):
        outcomes[one.place] = posted if isinstance(posted, LoyaltyError) else _done(one, posted)
    rewarded = [(one, done) for one in meant if isinstance(done := outcomes[one.place], Done)]
    _count(brand_id, [one for one, _ in rewarded])
    _keep(brand_id, rewarded)
    return known, [outcomes[place] for place in range(len(orders))]


def _known(brand_id: int, orders: Sequence[ActionOrder], at: datetime) -> Known:
    names = {order.auth_id for order in orders if "\x00" not in order.auth_id}
    members = {member.auth_id or "": member for member in Member.objects.raw(HELD, [brand_id, list(names)])}
    ids = [member.pk for member in members.values()]
    offers = {tag: _offer(brand_id, tag) for tag in {order.tag for order in orders}}
    actions = [offer for offer in offers.values() if isinstance(offer, Offer)]
    action_ids, params = [offer.action.pk for offer in actions], {order.param for order in orders if order.param is not None}
    instants = {at, *(order.occurred_at for order in orders if order.occurred_at is not None)}
    return Known(
        members=members,
        offers=offers,
        segments=_segments(brand_id, ids, {segment for offer in actions for segment in offer.segments}),
        done=_done_before(brand_id, ids, action_ids, params),
        backdating_days=backdating_days_of(brand_id),
        uses=_uses(brand_id, ids, action_ids, {period_in(offer, instant) for offer in actions for instant in instants}),
    )


def _offer(brand_id: int, tag: str) -> Offer | LoyaltyError:
    try:
        return find_offer(brand_id, tag)
    except LoyaltyError as refusal:
        return refusal


def _segments(brand_id: int, members: Sequence[int], segments: set[int]) -> dict[int, set[int]]:
    """Which of the segments each member is in."""
    found: dict[int, set[int]] = {}
    if segments:
        rows = SegmentMember.objects.filter(brand_id=brand_id, segment_id__in=segments, member_id__in=members)
        for member_id, segment_id in rows.values_list("member_id", "segment_id"):
            found.setdefault(member_id, set()).add(segment_id)
    return found


def _done_before(brand_id: int, members: Sequence[int], actions: Sequence[int], params: set[str]) -> set[tuple[int, int, str]]:
    """What the members, or duplicates that were merged into them, had points for under these parameters."""
    if not params:
        return set()
    heirs = {pk: pk for pk in members}
    heirs |= dict(_rows(DUPLICATES, [brand_id, array_of(members)]))
    gains = _rows(DONE_BEFORE, [brand_id, array_of(heirs), array_of(actions), list(params)])
    return {(heirs[member_id], action_id, param) for member_id, action_id, param in gains}


def _uses(brand_id: int, members: Sequence[int], actions: Sequence[int], periods: set[str]) -> dict[tuple[int, int, str], int]:
    """How often each member did each action, in these periods and in all; what lies further back is of no account."""
    rows = _rows(USES, [brand_id, array_of(actions), array_of(members), list({*periods, ALL})])
    return {(member_id, action_id, period): count for member_id, action_id, period, count in rows}


def _rows(statement: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    """What a statement finds, planned for how many it asks for."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _judge(place: int, order: ActionOrder, known: Known, at: datetime) -> _Meant:
    """Judge one order by what is known, and count it there. Raises what do_action does, but for what the ledger refuses."""
    member = known.members.get(order.auth_id)
    if member is None or order.member_id not in (None, member.pk):
        raise UserNotFound
    check_consent(member)
    offer = known.offers[order.tag]
    if isinstance(offer, LoyaltyError):
        raise offer
    occurred_at = order.occurred_at or at
    if not order.judged:
        occurred_at = judged_instant(order.occurred_at, known.backdating_days, at)
    triplet = (member.pk, offer.action.pk, order.param or "")
    if order.param is not None and triplet in known.done:
        raise ActionAlreadyDone
    period, key = period_in(offer, occurred_at), triplet[:2]
    used = Used(known.uses.get((*key, period), 0), known.uses.get((*key, ALL), 0))
    case = Case(
        occurred_at=occurred_at,
        properties=order.properties,
        used_in_period=used.in_period,
        used_in_all=used.in_all,
        is_in_segment=not known.segments.get(member.pk, set()).isdisjoint(offer.segments),
    )
    refused = unmet(judge(offer.terms, case))
    if refused is not None:
        raise refusal_of(refused)
    for name in {period, ALL}:
        known.uses[(*key, name)] = known.uses.get((*key, name), 0) + 1
    if order.param is not None:
        known.done.add(triplet)
    return _Meant(place, order, member, offer, occurred_at, period, used)


def _post(brand_id: int, meant: Sequence[_Meant], at: datetime) -> list[Posted | LoyaltyError]:
    accounts: dict[int, dict[int, int]] = {}
    for token_id in {one.offer.token.pk for one in meant}:
        holders = {one.member.pk for one in meant if one.offer.token.pk == token_id}
        accounts[token_id] = open_accounts(brand_id=brand_id, member_ids=holders, token_id=token_id)
    postings = [
        gain_of(
            one.offer,
            accounts[one.offer.token.pk][one.member.pk],
            occurred_at=one.occurred_at,
            actor=one.order.actor,
            at=at,
        )
        for one in meant
    ]
    return post_many(postings) if postings else []


def _done(one: _Meant, posted: Posted) -> Done:
    left = left_of(one.offer.terms, used_in_period=one.used.in_period + 1, used_in_all=one.used.in_all + 1)
    return Done(one.offer.action, posted, left)


def _count(brand_id: int, meant: Sequence[_Meant]) -> None:
    """Count what is rewarded, in one order for everybody who counts."""
    times: dict[tuple[int, int, str], int] = {}
    for one in meant:
        for period in {one.period, ALL}:
            key = (one.offer.action.pk, one.member.pk, period)
            times[key] = times.get(key, 0) + 1
    if times:
        actions, members, periods = zip(*(keys := sorted(times)), strict=True)
        counts = array_of(times[key] for key in keys)
        execute_prepared(COUNT, [brand_id, array_of(actions), array_of(members), list(periods), counts])


def _keep(brand_id: int, rewarded: Sequence[tuple[_Meant, Done]]) -> None:
    if not rewarded:
        return
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor, cursor.copy(KEEP) as copy:
        for one, done in rewarded:
            row: list[Any] = [brand_id, one.offer.action.pk, one.member.pk, one.order.param, b"", b"", one.occurred_at]
            copy.write_row([*row, done.points, done.posted.id, done.posted.recorded_at])

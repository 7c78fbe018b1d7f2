"""Segments by rule are kept up to date: judged for everybody in spans of ids, and for those of whom something changed.

Judging writes the difference between who fulfils the rule and who is in the segment, in one statement. A lock of the
segment makes the statements come one after the other, and each looks at what was committed before it began: so the last
one leaves what is true, whoever runs beside it. Whatever changes a member adds to the queue (users_segmentdue) in its own
transaction, and what moves on accounts is found in the ledger itself, so a change is judged after it was committed.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from django.db import connection
from django.db.models import F, Q

from loyalty.database import execute_prepared, write
from rewards.services.segment_queries import SOME, SPAN, compile_rule
from users.errors import SegmentNotFound
from users.models import Segment, SegmentDue, SegmentKind
from users.rules.segments import parse_rule

Clock = Callable[[], datetime]
MEMBERS_AT_A_TIME = 20_000
DUE_AT_A_TIME = 2_000
LEASE = timedelta(minutes=2)  # longer than one span takes
SETTLING = timedelta(minutes=1)
"""A rule is judged once more so long after it was given: by then each transaction is over that did not know of it yet."""
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('users_segment ' || %s::bigint, 0))"
PATIENCE = "SET LOCAL lock_timeout = '2min'; SET LOCAL statement_timeout = '10min'"
NEXT_SPAN = """
SELECT max(id) FROM (SELECT id FROM users_member WHERE brand_id = %s::bigint AND id > %s::bigint ORDER BY id LIMIT %s::bigint)
  AS span
"""
# NOT IN, for it is always looked up in a hash: whatever the planner thinks of a table that was filled a moment ago.
DIFFERENCE = """
WITH {query},
gone AS (
  DELETE FROM users_segmentmember s
  WHERE s.brand_id = %(brand)s AND s.segment_id = %(segment)s AND {scope}
    AND s.member_id NOT IN (SELECT id FROM fit)
  RETURNING 1
), fresh AS (
  INSERT INTO users_segmentmember (brand_id, segment_id, member_id, added_at)
  SELECT %(brand)s, %(segment)s, fit.id, %(at)s FROM fit WHERE fit.id NOT IN (
    SELECT s.member_id FROM users_segmentmember s
    WHERE s.brand_id = %(brand)s AND s.segment_id = %(segment)s AND {scope})
  ORDER BY fit.id
  ON CONFLICT (brand_id, segment_id, member_id) DO NOTHING
  RETURNING 1
)
SELECT (SELECT count(*) FROM fresh), (SELECT count(*) FROM gone)
"""


class Judged(NamedTuple):
    """How many came in, and how many went."""

    added: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """Who is judged: a span of ids, or some."""

    after: int = 0
    upto: int = 0
    ids: Sequence[int] = ()

    @property
    def condition(self) -> str:
        """As SQL."""
        return SOME if self.ids else SPAN


def judge_segment(*, segment_id: int, clock: Clock, tell: Callable[[int], None] = lambda _upto: None) -> Judged:
    """Judge a segment for everybody, span by span. Killed anywhere, nothing is half done, and another run does it all.

    It ends early where the rule is changed meanwhile: then it is to be judged anew. Raises SegmentNotFound.
    """
    segment = Segment.objects.filter(pk=segment_id, kind=SegmentKind.RULE).first()
    if segment is None:
        raise SegmentNotFound
    began, added, removed, after = clock(), 0, 0, 0
    while (upto := _span_after(segment.brand_id, after)) is not None:
        judged = write(partial(_judge_span, segment=segment, scope=Scope(after, upto), clock=clock))
        if judged is None:
            return Judged(added, removed)
        added, removed, after = added + judged.added, removed + judged.removed, upto
        tell(upto)
    Segment.objects.filter(pk=segment.pk, ruled_at=segment.ruled_at).update(judged_at=began, judging_until=None)
    return Judged(added, removed)


def judge_stale(*, clock: Clock, until: datetime, before: datetime | None = None) -> int:
    """Judge for everybody the segments whose rule is new, and with `before` those not judged since then; answers how many.

    Each is claimed for some minutes at a time, so that nobody judges it beside.
    """
    count = 0
    while clock() < until and (segment_id := _claimed(clock(), before)) is not None:
        judge_segment(segment_id=segment_id, clock=clock)
        count += 1
    return count


def judge_members(*, brand_id: int, member_ids: Sequence[int], at: datetime) -> Judged:
    """Judge some members for all rules of their brand, inside the open transaction."""
    added = removed = 0
    if not member_ids:
        return Judged()
    segments = Segment.objects.filter(brand_id=brand_id, kind=SegmentKind.RULE)
    for segment_id in segments.order_by("pk").values_list("pk", flat=True):
        judged = _judge(segment_id, Scope(ids=member_ids), at)
        added, removed = added + judged.added, removed + judged.removed
    return Judged(added, removed)


def judge_due(*, clock: Clock, until: datetime) -> int:
    """Judge members that are queued, batch by batch; answers how many rows of the queue were done.

    A batch and its rows are one transaction: killed, it is done again; beside itself, each takes rows of its own.
    """
    done = 0
    while clock() < until and (count := write(partial(_judge_batch, clock=clock))):
        done += count
    return done


def _judge_batch(*, clock: Clock) -> int:
    rows = SegmentDue.objects.select_for_update(skip_locked=True).order_by("pk")[:DUE_AT_A_TIME]
    taken = list(rows.values_list("pk", "brand_id", "member_id"))
    by_brand: dict[int, set[int]] = defaultdict(set)
    for _, brand_id, member_id in taken:
        by_brand[brand_id].add(member_id)
    if taken:
        be_patient()
    for brand_id in sorted(by_brand):
        judge_members(brand_id=brand_id, member_ids=sorted(by_brand[brand_id]), at=clock())
    SegmentDue.objects.filter(pk__in=[pk for pk, *_ in taken]).delete()
    return len(taken)


def _judge_span(*, segment: Segment, scope: Scope, clock: Clock) -> Judged | None:
    """Judge a span under the rule that the run began with; None when it is another by now."""
    be_patient()
    execute_prepared(LOCK, [segment.pk])
    at = clock()
    held = Segment.objects.filter(pk=segment.pk, ruled_at=segment.ruled_at)
    if not held.update(judging_until=at + LEASE):
        return None
    return _judge(segment.pk, scope, at)


def _judge(segment_id: int, scope: Scope, at: datetime) -> Judged:
    """Write the difference. The lock comes first, in a statement of its own: the next one sees what was committed till then."""
    execute_prepared(LOCK, [segment_id])
    segment = Segment.objects.select_related("brand").get(pk=segment_id)
    query = compile_rule(parse_rule(segment.rule), brand=segment.brand, at=at, scope=scope.condition)
    terms = query.terms | {"segment": segment_id, "at": at, "after": scope.after, "upto": scope.upto, "ids": list(scope.ids)}
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENCE.format(query=query.text, scope=scope.condition.format(id="s.member_id")), terms)
        return Judged(*cursor.fetchone())


def be_patient() -> None:
    """Wait longer than a request would, for whoever judges the segment and for the statement itself, in this transaction."""
    with connection.cursor() as cursor:
        cursor.execute(PATIENCE)


def _span_after(brand_id: int, after: int) -> int | None:
    """The last id of the next span; None when nobody is left."""
    ((upto,),) = execute_prepared(NEXT_SPAN, [brand_id, after, MEMBERS_AT_A_TIME])
    return None if upto is None else int(upto)


def _claimed(at: datetime, before: datetime | None) -> int | None:
    """The id of a segment that is to be judged for everybody, claimed; None when there is none."""
    stale = Q(judged_at__isnull=True) | Q(judged_at__lt=F("ruled_at") + SETTLING, ruled_at__lte=at - SETTLING)
    if before is not None:
        stale |= Q(judged_at__lt=before)
    free = Q(judging_until__isnull=True) | Q(judging_until__lt=at)
    segments = Segment.objects.filter(stale, free, kind=SegmentKind.RULE)
    for segment_id in segments.order_by(F("judged_at").asc(nulls_first=True), "pk").values_list("pk", flat=True):
        if Segment.objects.filter(free, pk=segment_id).update(judging_until=at + LEASE):
            return segment_id
    return None

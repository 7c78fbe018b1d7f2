"""The ranking: points earned, less what was taken back of them, by period and in all; counted behind the ledger.

Whoever reads it first counts what has come since; under load that may be some seconds behind.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal, NamedTuple

from django.db import connection, transaction
from django.db.models import F, QuerySet

from ledger.services.rollups import Part, Rollup, count_brand_up, count_up, for_each_brand
from loyalty.database import execute_prepared, write
from loyalty.horizon import newest_ids, read_one_instant
from rewards.models import RankingMark, RankNode, RankScore
from rewards.models.ranking import BITS, LEVELS
from rewards.rules.periods import ALL, period_of
from users.models import Brand, Member
from users.services.merging import Merging
from users.signals import member_erased, member_merged

Period = Literal["all", "month", "week"]
LITTLE, STEP, AT_A_TIME = 20_000, 20_000, 10_000
FAR = 5 * STEP
KEPT_DAYS = 40  # a period that began longer ago is over
# Reversals count in the period of what they take back. What a merge or a gift gives back was earned before.
EARNED = f"""
SELECT coalesce(m.merged_into_id, m.id) AS member_id, p.period, sum(t.amount)::bigint AS points
FROM ledger_transaction t
LEFT JOIN ledger_transaction o ON o.id = t.reverses_id
JOIN ledger_account a ON a.id = t.account_id
JOIN rewards_programme g ON g.brand_id = t.brand_id AND g.token_id = a.token_id
JOIN users_member m ON m.id = a.member_id
CROSS JOIN LATERAL (SELECT coalesce(o.effective_at, t.effective_at) AS instant) AS e
CROSS JOIN LATERAL (VALUES ('{ALL}'), (to_char(e.instant AT TIME ZONE %(zone)s, 'YYYY-MM')),
  (to_char(e.instant AT TIME ZONE %(zone)s, 'IYYY-"W"IW'))) AS p(period)
WHERE t.brand_id = %(brand)s AND t.id > %(after_0)s AND t.id <= %(upto_0)s AND m.erased_at IS NULL
  AND coalesce(o.type, t.type) IN ('earn', 'event', 'credit_points', 'code_to_points') AND coalesce(o.amount, t.amount) > 0
  AND (p.period = '{ALL}' OR e.instant > now() - interval '{KEPT_DAYS} days')
GROUP BY 1, 2
"""  # noqa: S608 - words of our own


class _Scores(Part):
    """The part that gives each score its member's name; scores of members without a name wait for nobody."""

    def adding(self) -> str:
        """The statement that adds the sums to the scores; whoever counts is alone with them.

        Of a period that is over the scores may have gone already: what is taken back of them then takes no more than is there.
        """
        return f"""
        WITH f AS MATERIALIZED ({self.sums}), changed AS (
          UPDATE rewards_rankscore s SET points = greatest(s.points + f.points, 0) FROM f
          WHERE s.brand_id = %(brand)s AND s.member_id = f.member_id AND s.period = f.period RETURNING s.member_id, s.period)
        INSERT INTO rewards_rankscore (brand_id, member_id, period, name, points)
        SELECT m.brand_id, f.member_id, f.period, m.auth_id, f.points FROM f JOIN users_member m ON m.id = f.member_id
        WHERE m.auth_id IS NOT NULL AND f.points > 0
          AND NOT EXISTS (SELECT FROM changed c WHERE c.member_id = f.member_id AND c.period = f.period)
        """  # noqa: S608 - the statement above


class _Newcomers(Part):
    """The part that gives everybody a score, of nothing at first."""

    def adding(self) -> str:
        """The statement that adds those who have none."""
        return f"""
        INSERT INTO rewards_rankscore (brand_id, member_id, period, name, points)
        SELECT m.brand_id, m.id, '{ALL}', m.auth_id, 0 FROM users_member m
        WHERE m.id IN ({self.sums}) AND m.auth_id IS NOT NULL
        ON CONFLICT (brand_id, member_id, period) DO NOTHING
        """  # noqa: S608 - the statement above


CAME = "SELECT member_id FROM users_memberchange WHERE brand_id = %(brand)s AND id > %(after_1)s AND id <= %(upto_1)s"
RANKING = Rollup(
    mark=RankingMark,
    parts=(
        _Newcomers(RankScore, ("member_id", "period"), ("points",), CAME),
        _Scores(RankScore, ("member_id", "period"), ("points",), EARNED),
    ),
    step=STEP,
)
BEHIND = f"""
SELECT (SELECT count(*) FROM (
    SELECT FROM ledger_transaction
    WHERE brand_id = asked.brand AND id > asked.after_0 AND id <= asked.upto_0 LIMIT {LITTLE + 1}) AS t),
  (SELECT count(*) FROM (
    SELECT FROM users_memberchange
    WHERE brand_id = asked.brand AND id > asked.after_1 AND id <= asked.upto_1 LIMIT {LITTLE + 1}) AS c)
FROM (SELECT %s::bigint, %s::bigint, %s::bigint, %s::bigint, %s::bigint) AS asked(brand, after_0, after_1, upto_0, upto_1)
"""  # noqa: S608 - numbers of our own
HIGHER = f"""
SELECT given.points, 1 + coalesce((
  SELECT sum(n.members) FROM generate_series(0, {LEVELS - 1}) AS l(level)
  JOIN rewards_ranknode n ON n.brand_id = %s::bigint AND n.period = %s::text AND n.level = l.level
    AND n.node > given.points >> ({BITS} * l.level)
    AND n.node <= ((given.points >> ({BITS} * (l.level + 1))) << {BITS}) + {2**BITS - 1}), 0)::bigint
FROM unnest(%s::bigint[]) AS given(points)
"""  # noqa: S608 - numbers of our own
TIED_ABOVE = """
SELECT name, points FROM rewards_rankscore
WHERE brand_id = %s::bigint AND period = %s::text AND points = %s::bigint AND name < %s::text ORDER BY name DESC LIMIT %s::int
"""
ABOVE = """
SELECT name, points FROM rewards_rankscore
WHERE brand_id = %s::bigint AND period = %s::text AND points > %s::bigint ORDER BY points, name DESC LIMIT %s::int
"""
TIED_BELOW = """
SELECT name, points FROM rewards_rankscore
WHERE brand_id = %s::bigint AND period = %s::text AND points = %s::bigint AND name > %s::text ORDER BY name LIMIT %s::int
"""
BELOW = """
SELECT name, points FROM rewards_rankscore
WHERE brand_id = %s::bigint AND period = %s::text AND points < %s::bigint AND points > 0
ORDER BY points DESC, name LIMIT %s::int
"""
# Those with nothing in a period are the ones whose newest is an earlier one, or none, or a later one and they have no points
# in this. Periods that are over are forgotten every night, so of these there are few: of each the nearest names are looked up.
NOTHING_YET = """
WITH RECURSIVE asked(brand, name, period, most) AS (SELECT %s::bigint, %s::text, %s::text, %s::int),
newest(period) AS (
  SELECT (SELECT min(s.{kind}) FROM rewards_rankscore s WHERE s.brand_id = asked.brand AND s.period = 'all') FROM asked
  UNION ALL
  SELECT (SELECT min(s.{kind}) FROM rewards_rankscore s
    WHERE s.brand_id = asked.brand AND s.period = 'all' AND s.{kind} > newest.period)
  FROM newest, asked WHERE newest.period IS NOT NULL)
SELECT near.name, 0 FROM asked JOIN newest ON newest.period <> asked.period CROSS JOIN LATERAL (
  SELECT s.name FROM rewards_rankscore s
  WHERE s.brand_id = asked.brand AND s.period = 'all' AND s.{kind} = newest.period AND s.name {side} asked.name
    AND (newest.period < asked.period OR NOT EXISTS (SELECT FROM rewards_rankscore p
      WHERE p.brand_id = asked.brand AND p.member_id = s.member_id AND p.period = asked.period AND p.points > 0))
  ORDER BY s.name {order} LIMIT asked.most) AS near
ORDER BY near.name {order} LIMIT (SELECT most FROM asked)
"""
ABOVE_ORDER, BELOW_ORDER = {"side": "<", "order": "DESC"}, {"side": ">", "order": "ASC"}
NOTHING_ABOVE = {kind: NOTHING_YET.format(kind=kind, **ABOVE_ORDER) for kind in ("week", "month")}
NOTHING_BELOW = {kind: NOTHING_YET.format(kind=kind, **BELOW_ORDER) for kind in ("week", "month")}
OF_MEMBER = """
SELECT points FROM rewards_rankscore WHERE brand_id = %s::bigint AND member_id = %s::bigint AND period = %s::text
"""
NAMES = """
SELECT m.auth_id, m.first_name FROM unnest(%s::text[]) AS given(name)
JOIN users_member m ON m.brand_id = %s::bigint AND m.auth_id = given.name
"""


Row = tuple[str, int]
MOST_EARNED = 2**63 - 1
ABOVE_ALL: Row = ("", MOST_EARNED)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A member's place: `rank` is shared by those who earned as much."""

    rank: int
    auth_id: str
    first_name: str | None
    points: int
    me: bool


def neighbours(member: Member, *, count: int, period: Period, at: datetime) -> list[Ranked]:
    """The member's place and up to `count` places above and below it; everybody is ranked, those with nothing too.

    Points first, then the names in their order.
    """
    _catch_up(member.brand_id)
    with one_snapshot():
        return _places(member, count, period, at)


def places_below(brand: Brand, *, after: Row | None, count: int, period: Period, at: datetime) -> list[Ranked]:
    """The first `count` places, or those below one that `after` names by what it is called and its points."""
    _catch_up(brand.pk)
    span = _Span(brand.pk, period, period_of(period, at.astimezone(brand.zone)))
    with one_snapshot():
        return _ranked(brand.pk, span.name, _below(span, after or ABOVE_ALL, count), None)


@contextmanager
def one_snapshot() -> Iterator[None]:
    """Read everything as it stands at one instant, unless a transaction is open already."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        read_one_instant()
        yield


def _places(member: Member, count: int, period: Period, at: datetime) -> list[Ranked]:
    span = _Span(member.brand_id, period, period_of(period, at.astimezone(member.brand.zone)))
    found = execute_prepared(OF_MEMBER, [member.brand_id, member.pk, span.name])
    points = found[0][0] if found else 0
    me = (member.auth_id or "", points)
    rows = [*reversed(_above(span, me, count)), me, *_below(span, me, count)]
    return _ranked(member.brand_id, span.name, rows, me[0])


def _catch_up(brand_id: int) -> None:
    """Count what has come since, where that is little, and not far apart: a ranking that is far behind is for the task."""
    newest = newest_ids(RankingMark.SEQUENCES)
    mark = RankingMark.objects.filter(brand_id=brand_id).first()
    afresh = mark is None or not mark.counted_ids or mark.time_zone != Brand.objects.get(pk=brand_id).time_zone
    counted = [0] * len(newest) if mark is None or afresh else mark.counted_ids
    if max(new - old for new, old in zip(newest, counted, strict=True)) > FAR:
        return
    ((transactions, changes),) = execute_prepared(BEHIND, [brand_id, *counted, *newest])
    for _ in range(2 if transactions + changes <= LITTLE else 0):  # the first step notes what there is, the second counts it
        count_brand_up(RANKING, brand_id)


class _Span(NamedTuple):
    """A brand's period: of which kind, and its name."""

    brand_id: int
    kind: Period
    name: str


def _above(span: _Span, me: Row, count: int) -> list[Row]:
    """The places above, the nearest first."""
    name, points = me
    if points == 0:
        rows = _nothing(span, name, count, above=True)
    else:
        rows = execute_prepared(TIED_ABOVE, [span.brand_id, span.name, points, name, count])
    if len(rows) < count:
        rows += execute_prepared(ABOVE, [span.brand_id, span.name, points, count - len(rows)])
    return [(row[0], row[1]) for row in rows]


def _below(span: _Span, me: Row, count: int) -> list[Row]:
    """The places below, the nearest first."""
    name, points = me
    rows: list[tuple[Any, ...]] = []
    if points > 0:
        rows += execute_prepared(TIED_BELOW, [span.brand_id, span.name, points, name, count])
        if len(rows) < count:
            rows += execute_prepared(BELOW, [span.brand_id, span.name, points, count - len(rows)])
        name = ""
    if len(rows) < count:
        rows += _nothing(span, name, count - len(rows), above=False)
    return [(row[0], row[1]) for row in rows]


def _nothing(span: _Span, name: str, count: int, *, above: bool) -> list[tuple[Any, ...]]:
    """Those who earned nothing, before or after a name, the nearest first."""
    if span.kind == ALL:
        return execute_prepared(TIED_ABOVE if above else TIED_BELOW, [span.brand_id, span.name, 0, name, count])
    statement = (NOTHING_ABOVE if above else NOTHING_BELOW)[span.kind]
    return execute_prepared(statement, [span.brand_id, name, span.name, count])


def _ranked(brand_id: int, period: str, rows: list[Row], me: str | None) -> list[Ranked]:
    scores = sorted({points for _, points in rows})
    ranks = dict(execute_prepared(HIGHER, [brand_id, period, scores]))
    first_names = dict(execute_prepared(NAMES, [[name for name, _ in rows], brand_id]))
    return [Ranked(ranks[points], name, first_names.get(name), points, name == me) for name, points in rows]


def tally_ranking() -> int:
    """Bring every brand's ranking up to date; answers how many ids of transactions were passed."""
    return count_up(RANKING)


def forget_past_periods(*, at: datetime) -> int:
    """Delete scores of periods that are over, batch by batch, with what names these periods; answers how many scores went.

    Raises as for_each_brand does.
    """
    return for_each_brand(lambda brand: _sweep(brand, at), failure="not swept")


def _sweep(brand: Brand, at: datetime) -> int:
    local = at.astimezone(brand.zone)
    current = [period_of(kind, local) for kind in ("all", "month", "week")]
    past = RankScore.objects.filter(brand=brand).exclude(period__in=current)
    gone = _in_batches(brand.pk, past, lambda rows: rows.delete()[0])
    empty = RankNode.objects.filter(brand=brand, members=0).exclude(period__in=current)
    _in_batches(brand.pk, empty, lambda rows: rows.delete()[0])
    in_all = RankScore.objects.filter(brand=brand, period=ALL)
    for kind, period in (("month", current[1]), ("week", current[2])):
        named = in_all.filter(**{f"{kind}__gt": "", f"{kind}__lt": period})
        _in_batches(brand.pk, named, partial(_blank, kind))
    return gone


def _blank(kind: str, rows: QuerySet[Any]) -> int:
    return rows.update(**{kind: ""})


def _in_batches(brand_id: int, rows: QuerySet[Any], act: Callable[[QuerySet[Any]], int]) -> int:
    """Act on some of the rows until there are none, with nobody counting beside; answers how many that were.

    They are looked up before that: meanwhile nobody is erased or merged either. What changed since is left alone.
    """

    def effect() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '10min'")  # a step of counting may take its time
            cursor.execute("SET LOCAL statement_timeout = '10min'")
        _hold(brand_id)
        return act(rows.filter(pk__in=some))

    done = 0
    while some := list(rows.values_list("pk", flat=True)[:AT_A_TIME]):
        done += write(effect)
    return done


def _hold(brand_id: int) -> None:
    """Let nobody count meanwhile."""
    RankingMark.objects.bulk_create([RankingMark(brand_id=brand_id)], ignore_conflicts=True)
    RankingMark.objects.select_for_update().get(brand_id=brand_id)


def hand_over(*, merging: Merging) -> None:
    """What the duplicate earned counts for the kept one from now on."""
    brand_id, keep = merging.keep.brand_id, merging.keep
    _hold(brand_id)
    # in all first: the newest periods are noted beside it
    for score in RankScore.objects.filter(brand_id=brand_id, member=merging.duplicate).order_by("-period"):
        own = RankScore.objects.filter(brand_id=brand_id, member=keep, period=score.period)
        if not own.update(points=F("points") + score.points):
            RankScore.objects.create(
                brand_id=brand_id, member=keep, period=score.period, name=keep.auth_id or "", points=score.points
            )
    RankScore.objects.filter(brand_id=brand_id, member=merging.duplicate).delete()


def listen() -> None:
    """Hear of members who are erased or merged."""
    member_erased.connect(_on_member_erased, dispatch_uid="rewards.unrank_member")
    member_merged.connect(_on_member_merged, dispatch_uid="rewards.hand_over_rank")


def _on_member_erased(*, member: Member, **_: Any) -> None:
    _hold(member.brand_id)
    RankScore.objects.filter(brand_id=member.brand_id, member=member).delete()


def _on_member_merged(*, merging: Merging, **_: Any) -> None:
    hand_over(merging=merging)

"""The ranking: points earned, less what was taken back of them, by period and in all; counted behind the ledger.

Whoever reads it first counts what has come since; under load that may be some seconds behind.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db import connection, transaction
from django.db.models import F

from ledger.services.rollups import Part, Rollup, count_brand_up, count_up
from loyalty.database import execute_prepared
from rewards.models import RankingMark, RankNode, RankScore
from rewards.models.ranking import BITS, LEVELS
from rewards.rules.periods import ALL, period_of
from users.models import Brand, Member
from users.services.merging import Merging
from users.signals import member_erased, member_merged

Period = Literal["all", "month", "week"]
LITTLE, STEP, AT_A_TIME = 20_000, 20_000, 10_000
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
NOTHING_YET = """
SELECT m.auth_id, 0 FROM users_member m
WHERE m.brand_id = %s::bigint AND m.auth_id {side} %s::text AND NOT EXISTS (
  SELECT FROM rewards_rankscore s
  WHERE s.brand_id = m.brand_id AND s.member_id = m.id AND s.period = %s::text AND s.points > 0)
ORDER BY m.auth_id {order} LIMIT %s::int
"""
NOTHING_ABOVE = NOTHING_YET.format(side="<", order="DESC")
NOTHING_BELOW = NOTHING_YET.format(side=">", order="ASC")
OF_MEMBER = """
SELECT points FROM rewards_rankscore WHERE brand_id = %s::bigint AND member_id = %s::bigint AND period = %s::text
"""
NAMES = """
SELECT m.auth_id, m.first_name FROM unnest(%s::text[]) AS given(name)
JOIN users_member m ON m.brand_id = %s::bigint AND m.auth_id = given.name
"""


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


@contextmanager
def one_snapshot() -> Iterator[None]:
    """Read everything as it stands at one instant, unless a transaction is open already."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _places(member: Member, count: int, period: Period, at: datetime) -> list[Ranked]:
    name = period_of(period, at.astimezone(member.brand.zone))
    found = execute_prepared(OF_MEMBER, [member.brand_id, member.pk, name])
    points = found[0][0] if found else 0
    me = (member.auth_id or "", points)
    rows = [*reversed(_above(member, name, me, count)), me, *_below(member, name, me, count)]
    return _ranked(member.brand_id, name, rows, me)


def _catch_up(brand_id: int) -> None:
    """Count what has come since, where that is little: a ranking that is far behind is for the task."""
    ((newest,),) = execute_prepared("SELECT last_value FROM ledger_transaction_id_seq", [])
    mark = RankingMark.objects.filter(brand_id=brand_id).first()
    afresh = mark is None or not mark.counted_ids or mark.time_zone != Brand.objects.get(pk=brand_id).time_zone
    behind = newest - (0 if mark is None or afresh else mark.counted_ids[0])
    for _ in range(2 if behind <= LITTLE else 0):  # the first step notes what there is, the second counts it
        count_brand_up(RANKING, brand_id)


Row = tuple[str, int]


def _above(member: Member, period: str, me: Row, count: int) -> list[Row]:
    """The places above, the nearest first."""
    brand_id, (name, points) = member.brand_id, me
    if points > 0:
        rows = execute_prepared(TIED_ABOVE, [brand_id, period, points, name, count])
    elif period == ALL:
        rows = execute_prepared(TIED_ABOVE, [brand_id, period, 0, name, count])
    else:
        rows = execute_prepared(NOTHING_ABOVE, [brand_id, name, period, count])
    if len(rows) < count:
        rows += execute_prepared(ABOVE, [brand_id, period, points, count - len(rows)])
    return [(row[0], row[1]) for row in rows]


def _below(member: Member, period: str, me: Row, count: int) -> list[Row]:
    """The places below, the nearest first."""
    brand_id, (name, points) = member.brand_id, me
    rows: list[tuple[Any, ...]] = []
    if points > 0:
        rows += execute_prepared(TIED_BELOW, [brand_id, period, points, name, count])
        if len(rows) < count:
            rows += execute_prepared(BELOW, [brand_id, period, points, count - len(rows)])
        name = ""
    if len(rows) < count and period == ALL:
        rows += execute_prepared(TIED_BELOW, [brand_id, period, 0, name, count - len(rows)])
    elif len(rows) < count:
        rows += execute_prepared(NOTHING_BELOW, [brand_id, name, period, count - len(rows)])
    return [(row[0], row[1]) for row in rows]


def _ranked(brand_id: int, period: str, rows: list[Row], me: Row) -> list[Ranked]:
    scores = sorted({points for _, points in rows})
    ranks = dict(execute_prepared(HIGHER, [brand_id, period, scores]))
    first_names = dict(execute_prepared(NAMES, [[name for name, _ in rows], brand_id]))
    return [Ranked(ranks[points], name, first_names.get(name), points, name == me[0]) for name, points in rows]


def tally_ranking() -> int:
    """Bring every brand's ranking up to date; answers how many ids of transactions were passed."""
    return count_up(RANKING)


def forget_past_periods(*, at: datetime) -> int:
    """Delete scores of periods that are over, batch by batch, and the nodes of their trees; answers how many scores went."""
    gone = 0
    for brand in Brand.objects.only("pk", "time_zone"):
        local = at.astimezone(brand.zone)
        current = [period_of(kind, local) for kind in ("all", "month", "week")]
        past = RankScore.objects.filter(brand=brand).exclude(period__in=current)
        while count := past.filter(pk__in=past.order_by("pk").values("pk")[:AT_A_TIME]).delete()[0]:
            gone += count
        RankNode.objects.filter(brand=brand, members=0).exclude(period__in=current).delete()
    return gone


def _hold(brand_id: int) -> None:
    """Let nobody count meanwhile."""
    RankingMark.objects.bulk_create([RankingMark(brand_id=brand_id)], ignore_conflicts=True)
    RankingMark.objects.select_for_update().get(brand_id=brand_id)


def hand_over(*, merging: Merging) -> None:
    """What the duplicate earned counts for the kept one from now on."""
    brand_id, keep = merging.keep.brand_id, merging.keep
    _hold(brand_id)
    for score in RankScore.objects.filter(brand_id=brand_id, member=merging.duplicate):
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

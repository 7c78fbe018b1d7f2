"""Who earned how much, and how many earned more: kept behind the ledger, so that a rank is found in a few looks.

A score's rank is one more than the number of higher scores. These are counted in a tree: a node of level 0 is one score, a
node of the next level 64 of them, and so on, so that all that is higher lies in at most 63 nodes of each level.
"""

import pgtrigger
from django.db import models
from django.db.models import F, OrderBy, Q

from ledger.models import Mark
from users.models import Brand, Member

BITS, LEVELS = 6, 9
"""A node holds 2^6 of the level below; nine levels reach beyond every balance."""


class RankingMark(Mark):
    """Up to which transaction, and which change of a member, a brand's ranking has been counted."""

    SEQUENCES = ("ledger_transaction_id_seq", "users_memberchange_id_seq")


def _counted(operation: pgtrigger.Operation, tables: dict[str, str]) -> pgtrigger.Trigger:
    """Keep the tree true, for however many scores a statement writes."""
    changes = " UNION ALL ".join(
        f"SELECT brand_id, period, points, {sign} AS sign FROM {table}"  # noqa: S608 - names of our own
        for table, sign in tables.items()
    )
    return pgtrigger.Trigger(
        name=f"score_counts_{'_'.join(tables)}",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=operation,
        referencing=pgtrigger.Referencing(**{name.removesuffix("_rows"): name for name in tables}),  # type: ignore[no-untyped-call]
        func=f"""
            INSERT INTO rewards_ranknode AS n (brand_id, period, level, node, members)
            SELECT c.brand_id, c.period, l.level, c.points >> ({BITS} * l.level), sum(c.sign)
            FROM ({changes}) AS c CROSS JOIN generate_series(0, {LEVELS - 1}) AS l(level)
            WHERE c.points > 0 GROUP BY 1, 2, 3, 4 HAVING sum(c.sign) <> 0 ORDER BY 1, 2, 3, 4
            ON CONFLICT (brand_id, period, level, node) DO UPDATE SET members = n.members + EXCLUDED.members;
            RETURN NULL;
        """,  # noqa: S608 - names of our own
    )


def _newest(operation: pgtrigger.Operation, name: str) -> pgtrigger.Trigger:
    """Note beside what a member earned in all the newest week and month of which something is left."""
    newest = "greatest(coalesce(n.{kind}, ''), CASE WHEN s.{kind} = ANY(n.gone) THEN '' ELSE s.{kind} END)"
    week, month = newest.format(kind="week"), newest.format(kind="month")
    return pgtrigger.Trigger(
        name=f"score_newest_{name}",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=operation,
        referencing=pgtrigger.Referencing(new="new_rows"),  # type: ignore[no-untyped-call]
        func=f"""
            IF EXISTS (SELECT FROM new_rows WHERE period <> 'all') THEN
              UPDATE rewards_rankscore s SET week = {week}, month = {month}
              FROM (SELECT brand_id, member_id, coalesce(array_agg(period) FILTER (WHERE points = 0), '{{}}') AS gone,
                  max(period) FILTER (WHERE points > 0 AND period LIKE '%W%') AS week,
                  max(period) FILTER (WHERE points > 0 AND period NOT LIKE '%W%') AS month
                FROM new_rows WHERE period <> 'all' GROUP BY 1, 2) AS n
              WHERE s.brand_id = n.brand_id AND s.member_id = n.member_id AND s.period = 'all'
                AND (s.week, s.month) <> ({week}, {month});
            END IF;
            RETURN NULL;
        """,  # noqa: S608 - names of our own
    )


class RankScore(models.Model):
    """What one member earned within a period, or in all: there everybody has a score. `name` is their auth_id, by which ties
    are ordered.

    `week` and `month` tell beside a score in all the newest period with points, nothing where these were taken back or the
    period is over: whoever has an earlier one than this week, or none, has nothing this week.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    period = models.CharField(max_length=8, help_text="all, 2026-11 or 2026-W48, in the brand's time zone.")
    name = models.CharField(max_length=255)
    points = models.BigIntegerField()
    week = models.CharField(max_length=8, default="", db_default="")
    month = models.CharField(max_length=8, default="", db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="rank_score_once", fields=["brand", "member", "period"]),
            models.CheckConstraint(name="rank_score_not_negative", condition=Q(points__gte=0)),
        ]
        indexes = [
            models.Index("brand", "period", "points", OrderBy(F("name"), descending=True), name="rank_order"),
            models.Index(name="rank_newest_week", fields=["brand", "week", "name"], condition=Q(period="all")),
            models.Index(name="rank_newest_month", fields=["brand", "month", "name"], condition=Q(period="all")),
        ]
        triggers = [
            _counted(pgtrigger.Insert, {"new_rows": "1"}),
            _counted(pgtrigger.Update, {"new_rows": "1", "old_rows": "-1"}),
            _counted(pgtrigger.Delete, {"old_rows": "-1"}),
            _newest(pgtrigger.Insert, "inserted"),
            _newest(pgtrigger.Update, "updated"),
        ]

    def __str__(self) -> str:
        return f"{self.points} of {self.period}"


class RankNode(models.Model):
    """How many members have a score of this node."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    period = models.CharField(max_length=8)
    level = models.SmallIntegerField()
    node = models.BigIntegerField()
    members = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(name="rank_node_once", fields=["brand", "period", "level", "node"])]

    def __str__(self) -> str:
        return f"{self.members} at {self.level}:{self.node}"

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


class RankScore(models.Model):
    """What one member earned within a period, or in all: there everybody has a score. `name` is their auth_id, by which ties
    are ordered.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    period = models.CharField(max_length=8, help_text="all, 2026-11 or 2026-W48, in the brand's time zone.")
    name = models.CharField(max_length=255)
    points = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="rank_score_once", fields=["brand", "member", "period"]),
            models.CheckConstraint(name="rank_score_not_negative", condition=Q(points__gte=0)),
        ]
        indexes = [models.Index("brand", "period", "points", OrderBy(F("name"), descending=True), name="rank_order")]
        triggers = [
            _counted(pgtrigger.Insert, {"new_rows": "1"}),
            _counted(pgtrigger.Update, {"new_rows": "1", "old_rows": "-1"}),
            _counted(pgtrigger.Delete, {"old_rows": "-1"}),
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

"""Segments: groups of members, kept by hand or by a rule."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from users.models.brands import Brand
from users.models.members import Member


class SegmentKind(models.TextChoices):
    """Who says which members are in."""

    HAND = "hand", _("Kept by hand")
    RULE = "rule", _("By rule")


def _counted(operation: pgtrigger.Operation, table: str, sign: str) -> pgtrigger.Trigger:
    """Keep a segment's count true, for however many rows a statement writes."""
    return pgtrigger.Trigger(
        name=f"segment_counts_{table}",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=operation,
        referencing=pgtrigger.Referencing(**{table: "changed"}),  # type: ignore[no-untyped-call]
        func=f"""
            UPDATE users_segment s SET members_count = s.members_count {sign} c.count
            FROM (SELECT segment_id, count(*) AS count FROM changed GROUP BY segment_id ORDER BY segment_id) AS c
            WHERE s.id = c.segment_id;
            RETURN NULL;
        """,  # noqa: S608 - names of our own
    )


def _logged(operation: pgtrigger.Operation, table: str) -> pgtrigger.Trigger:
    """Write down that members changed: their segments are told of with them."""
    return pgtrigger.Trigger(
        name=f"segment_tells_{table}",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=operation,
        referencing=pgtrigger.Referencing(**{table: "changed"}),  # type: ignore[no-untyped-call]
        func="""
            INSERT INTO users_memberchange (brand_id, member_id) SELECT DISTINCT brand_id, member_id FROM changed;
            RETURN NULL;
        """,
    )


class Segment(models.Model):
    """A group of members. `members_count` is kept by the database with the rows themselves."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    kind = models.CharField(max_length=4, choices=SegmentKind, default=SegmentKind.HAND)
    rule = models.JSONField(null=True, blank=True, help_text="What members of a segment by rule fulfil (users.rules.segments).")
    members_count = models.BigIntegerField(default=0, db_default=0, editable=False)
    ruled_at = models.DateTimeField(null=True, editable=False, help_text="When it was given its rule.")
    judged_at = models.DateTimeField(null=True, editable=False, help_text="When its rule was last judged for everybody.")
    judging_until = models.DateTimeField(null=True, editable=False, help_text="Somebody judges it for everybody until then.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="segment_of_brand", fields=["brand", "id"]),
            models.UniqueConstraint(name="segment_name_once", fields=["brand", "name"]),
            models.CheckConstraint(
                name="segment_rule_by_kind",
                condition=Q(kind=SegmentKind.HAND, rule__isnull=True, ruled_at__isnull=True)
                | Q(kind=SegmentKind.RULE, rule__isnull=False, ruled_at__isnull=False),
            ),
            models.CheckConstraint(name="segment_count_not_negative", condition=Q(members_count__gte=0)),
        ]
        indexes = [models.Index(name="segment_by_rule", fields=["brand"], condition=Q(kind=SegmentKind.RULE))]

    def __str__(self) -> str:
        return self.name


class SegmentMember(models.Model):
    """One member in one segment."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    segment = models.ForeignKey(Segment, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    added_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(name="segment_member_once", fields=["brand", "segment", "member"])]
        indexes = [models.Index(name="segments_of_member", fields=["member", "segment"])]
        triggers = [
            _counted(pgtrigger.Insert, "new", "+"),
            _counted(pgtrigger.Delete, "old", "-"),
            _logged(pgtrigger.Insert, "new"),
            _logged(pgtrigger.Delete, "old"),
        ]

    def __str__(self) -> str:
        return f"member {self.member_id} in segment {self.segment_id}"


class SegmentDue(models.Model):
    """A member of whom something changed, so that rules must be judged again. The row is the queue.

    Whatever changes a member adds a row of its own, and waits for nobody: were there one row a member, a change that is
    not yet committed could leave it to someone who judges what was before.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    due_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"member {self.member_id}"


class SegmentDraft(models.Model):
    """The members of a file that someone has uploaded for a segment and looked at, and has not yet confirmed."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    segment = models.ForeignKey(Segment, models.CASCADE, related_name="+", db_constraint=False)
    actor = models.CharField(max_length=60)
    member_ids = ArrayField(models.BigIntegerField())
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"draft {self.pk} for segment {self.segment_id}"

"""Actions: what members do for points besides buying, as often as an action allows."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from ledger.models import Token, Transaction
from ledger.models.tokens import TokenType
from rewards.rules.actions import ConditionsFault, read_conditions
from users.models import Brand, Member, Segment
from users.models.guards import kept


class Frequency(models.TextChoices):
    """The period within which an action counts up to its limit."""

    ONCE = "once", _("Once")
    DAY = "day", _("A day")
    WEEK = "week", _("A week, from Monday")
    MONTH = "month", _("A month")
    NONE = "none", _("Without a period")


class Action(models.Model):
    """Something to do for points: its tag is what apps and shops call it. The points are the action's, never the caller's."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    tag = models.CharField(max_length=100)
    name = models.CharField(max_length=100)
    token = models.ForeignKey(Token, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    points = models.BigIntegerField()
    conditions = models.JSONField(
        default=list, blank=True, help_text="What properties must say, all of it (rewards.rules.actions)."
    )
    frequency = models.CharField(max_length=5, choices=Frequency, default=Frequency.NONE)
    period_limit = models.PositiveIntegerField(default=1, help_text="How often within its period.")
    total_limit = models.PositiveIntegerField(null=True, blank=True, help_text="How often in all; empty: no limit.")
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True, help_text="The first instant at which it is over.")
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="action_of_brand", fields=["brand", "id"]),
            models.UniqueConstraint(name="action_tag_once", fields=["brand", "tag"]),
            models.CheckConstraint(name="action_points_positive", condition=Q(points__gt=0)),
            models.CheckConstraint(name="action_frequency_known", condition=Q(frequency__in=Frequency.values)),
            models.CheckConstraint(
                name="action_limits_positive",
                condition=Q(period_limit__gt=0) & (Q(total_limit__isnull=True) | Q(total_limit__gt=0)),
            ),
            models.CheckConstraint(
                name="action_ends_after_start",
                condition=Q(starts_at__isnull=True) | Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a token that is not the brand's, and conditions that cannot be judged."""
        if not Token.objects.filter(pk=self.token_id, brand_id=self.brand_id, type=TokenType.ERC20).exists():
            raise ValidationError({"token": "a points token of the brand"})
        try:
            read_conditions(self.conditions)
        except ConditionsFault as fault:
            raise ValidationError({"conditions": str(fault)}) from None


class ActionSegment(models.Model):
    """An action is open to the members of a segment; tied to none, to everybody."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    action = models.ForeignKey(Action, models.CASCADE, related_name="ties", db_constraint=False, db_index=False)
    segment = models.ForeignKey(Segment, models.PROTECT, related_name="+", db_constraint=False)

    class Meta:
        constraints = [models.UniqueConstraint(name="action_segment_once", fields=["brand", "action", "segment"])]

    def __str__(self) -> str:
        return f"action {self.action_id} for segment {self.segment_id}"

    def clean(self) -> None:
        """Refuse a segment of another brand."""
        if self.segment_id and self.segment.brand_id != self.action.brand_id:
            raise ValidationError({"segment": "a segment of the brand"})


class ActionGain(models.Model):
    """An action that a member did and was given points for. Its names are used up for ever."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    action = models.ForeignKey(Action, models.PROTECT, related_name="+", db_constraint=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    event_id = models.CharField(max_length=255, null=True, help_text="The shop's own name of the event; once in the brand.")
    param = models.CharField(max_length=255, null=True, help_text="With member and action it pays once, for ever.")
    salt = models.BinaryField(max_length=16)
    fingerprint = models.BinaryField(max_length=32, help_text="Salted SHA-256 of the request; empty once it is forgotten.")
    occurred_at = models.DateTimeField()
    points = models.BigIntegerField()
    posting = models.OneToOneField(Transaction, models.PROTECT, related_name="gain", db_constraint=False)
    answer = models.TextField(null=True, help_text="The first answer, as JSON; null once the member is erased.")
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="action_gain_event_once", fields=["brand", "event_id"], condition=Q(event_id__isnull=False)
            ),
            models.UniqueConstraint(
                name="action_gain_param_once", fields=["brand", "member", "action", "param"], condition=Q(param__isnull=False)
            ),
            models.CheckConstraint(name="action_gain_positive", condition=Q(points__gt=0)),
        ]
        indexes = [models.Index(name="action_gain_of_member", fields=["member", "recorded_at", "id"])]
        triggers = kept("action_gain")

    def __str__(self) -> str:
        return f"action {self.action_id} by member {self.member_id}"


class ActionUse(models.Model):
    """How often one member did an action within a period, or in all."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    action = models.ForeignKey(Action, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    period = models.CharField(max_length=16, help_text="all, 2026-11-26, 2026-W48 or 2026-11, in the brand's time zone.")
    count = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(name="action_use_once", fields=["brand", "action", "member", "period"])]
        indexes = [models.Index(name="action_use_of_member", fields=["member"])]

    def __str__(self) -> str:
        return f"{self.count} times action {self.action_id} in {self.period}"

"""The programme of a brand and its promotions: what earns points, in versions that never change once they are published."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from ledger.models import Token
from users.models import Brand, Member, Segment
from users.models.guards import append_only


class Programme(models.Model):
    """What a brand's baskets earn in. `revision` grows with every change of what earns, so that nobody keeps an old rule."""

    brand = models.OneToOneField(Brand, models.PROTECT, primary_key=True, related_name="programme")
    token = models.ForeignKey(Token, models.PROTECT, related_name="+", help_text="What baskets earn unless they say otherwise.")
    backdating_days = models.PositiveSmallIntegerField(
        default=30, help_text="How old a purchase or an event may be when it is reported."
    )
    revision = models.BigIntegerField(default=0, db_default=0, editable=False)

    class Meta:
        triggers = [
            pgtrigger.Trigger(  # a ranking is of one token: what was counted in another, or in none, is counted anew
                name="programme_ranks_anew",
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("token_id"),  # type: ignore[no-untyped-call]
                func="UPDATE rewards_rankingmark SET time_zone = '' WHERE brand_id = NEW.brand_id; RETURN NULL;",
            )
        ]

    def __str__(self) -> str:
        return f"programme of brand {self.brand_id}"


def _revises(name: str, operation: pgtrigger.Operation, condition: pgtrigger.Condition | None = None) -> pgtrigger.Trigger:
    """Tell readers that the rules have changed."""
    row = "OLD" if operation == pgtrigger.Delete else "NEW"
    return pgtrigger.Trigger(
        name=f"{name}_revises",
        when=pgtrigger.After,
        operation=operation,
        condition=condition,
        func=f"UPDATE rewards_programme SET revision = revision + 1 WHERE brand_id = {row}.brand_id; RETURN NULL;",  # noqa: S608
    )


class BaseRate(models.Model):
    """What a token gives for one unit of the brand's currency; the newest counts, earlier ones stay to be read."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    token = models.ForeignKey(Token, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    number = models.PositiveIntegerField(help_text="1, 2, 3, ... for each token.")
    rate = models.DecimalField(max_digits=12, decimal_places=6, help_text="Points for one unit of the brand's currency.")
    published_at = models.DateTimeField(db_default=Now())
    actor = models.CharField(max_length=60)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="base_rate_once", fields=["brand", "token", "number"]),
            models.CheckConstraint(name="base_rate_not_negative", condition=Q(rate__gte=0)),
        ]
        triggers = [*append_only("base_rate"), _revises("base_rate", pgtrigger.Insert)]

    def __str__(self) -> str:
        return f"{self.rate} for one, version {self.number}"


class PromotionState(models.TextChoices):
    """Where a promotion stands by staff's decision; its dates narrow that."""

    DRAFT = "draft", _("Draft")
    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Paused")
    ENDED = "ended", _("Ended")


class Promotion(models.Model):
    """One reason for more points. `draft` is what staff are working on, `version` what counts; `spent_points` never passes
    the budget, whoever earns at once.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    name = models.CharField(max_length=100)
    token = models.ForeignKey(Token, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    state = models.CharField(max_length=8, choices=PromotionState, default=PromotionState.DRAFT)
    draft = models.JSONField(help_text="Terms that are not published (rewards.rules.promotions.Terms).")
    version = models.ForeignKey("PromotionVersion", models.PROTECT, null=True, blank=True, related_name="+", editable=False)
    budget_points = models.BigIntegerField(
        null=True, blank=True, help_text="What it may give from when this is set; empty: no limit."
    )
    spent_points = models.BigIntegerField(default=0, db_default=0, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        permissions = [("publish_promotion", "Can publish, pause and end promotions")]
        constraints = [
            models.UniqueConstraint(name="promotion_of_brand", fields=["brand", "id"]),
            models.UniqueConstraint(name="promotion_name_once", fields=["brand", "name"]),
            models.CheckConstraint(name="promotion_state_known", condition=Q(state__in=PromotionState.values)),
            models.CheckConstraint(
                name="promotion_within_budget",
                condition=Q(spent_points__gte=0) & (Q(budget_points__isnull=True) | Q(spent_points__lte=F("budget_points"))),
            ),
            models.CheckConstraint(
                name="promotion_published_has_version", condition=Q(state=PromotionState.DRAFT) | Q(version__isnull=False)
            ),
        ]
        triggers = [
            _revises(
                "promotion",
                pgtrigger.Update,
                pgtrigger.Q(old__state__df=pgtrigger.F("new__state"))
                | pgtrigger.Q(old__version__df=pgtrigger.F("new__version"))
                | pgtrigger.Q(old__name__df=pgtrigger.F("new__name"))
                | pgtrigger.Q(old__budget_points__df=pgtrigger.F("new__budget_points")),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PromotionVersion(models.Model):
    """The terms of a promotion as they were published. Rows stay, for what they gave is taken back under them."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    promotion = models.ForeignKey(Promotion, models.PROTECT, related_name="versions", db_constraint=False)
    number = models.PositiveIntegerField(help_text="1, 2, 3, ... for each promotion.")
    terms = models.JSONField(help_text="rewards.rules.promotions.Terms")
    published_at = models.DateTimeField(db_default=Now())
    actor = models.CharField(max_length=60)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="promotion_version_of_brand", fields=["brand", "id"]),
            models.UniqueConstraint(name="promotion_version_once", fields=["brand", "promotion", "number"]),
        ]
        triggers = append_only("promotion_version")

    def __str__(self) -> str:
        return f"version {self.number} of promotion {self.promotion_id}"


class PromotionSegment(models.Model):
    """A promotion serves the members of a segment; tied to none, it serves everybody."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    promotion = models.ForeignKey(Promotion, models.CASCADE, related_name="ties", db_constraint=False, db_index=False)
    segment = models.ForeignKey(Segment, models.PROTECT, related_name="+", db_constraint=False)

    class Meta:
        constraints = [models.UniqueConstraint(name="promotion_segment_once", fields=["brand", "promotion", "segment"])]
        triggers = [_revises("tie", pgtrigger.Insert), _revises("untie", pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"promotion {self.promotion_id} for segment {self.segment_id}"


class PromotionUse(models.Model):
    """What one member has had of a promotion with a limit, within a period."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    promotion = models.ForeignKey(Promotion, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    period = models.CharField(max_length=16, help_text="all, 2026-11-26, 2026-W48 or 2026-11, in the brand's time zone.")
    times = models.PositiveIntegerField()
    points = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="promotion_use_once", fields=["brand", "promotion", "member", "period"]),
            models.CheckConstraint(name="promotion_use_not_negative", condition=Q(points__gte=0)),
        ]
        indexes = [models.Index(name="promotion_use_of_member", fields=["member"])]

    def __str__(self) -> str:
        return f"{self.times} times promotion {self.promotion_id} in {self.period}"

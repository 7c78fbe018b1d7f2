"""Ads that apps show: of three kinds, for a time, for segments, per language; and how often they were shown."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from rewards.models.catalogue import WEB
from users.models import Brand, Segment

SHARDS = 8
"""So many rows count one day of one ad, so that many who are shown it at once seldom wait for each other."""


class AdKind(models.TextChoices):
    """Where an app shows it."""

    BONUS = "bonus", _("Bonus")
    SPECIALS = "specials", _("Special")
    NEWS = "news", _("News")


class Ad(models.Model):
    """One ad; those with a lower position come first."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=8, choices=AdKind)
    title = models.CharField(max_length=100)
    text = models.TextField(blank=True)
    image = models.CharField(max_length=500, blank=True, validators=[WEB], help_text="The address of a picture.")
    link = models.CharField(max_length=500, blank=True, validators=[WEB], help_text="Where it leads.")
    position = models.PositiveIntegerField(default=0)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True, help_text="The first instant at which it is over.")
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="ad_of_brand", fields=["brand", "id"]),
            models.CheckConstraint(name="ad_kind_known", condition=Q(kind__in=AdKind.values)),
            models.CheckConstraint(
                name="ad_ends_after_start",
                condition=Q(starts_at__isnull=True) | Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
            ),
        ]
        indexes = [models.Index(name="ad_of_kind", fields=["brand", "kind", "position", "id"])]

    def __str__(self) -> str:
        return self.title


class AdText(models.Model):
    """What an ad says in one language."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    ad = models.ForeignKey(Ad, models.CASCADE, related_name="texts", db_constraint=False)
    language = models.CharField(max_length=8)
    title = models.CharField(max_length=100)
    text = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(name="ad_text_once", fields=["brand", "ad", "language"])]

    def __str__(self) -> str:
        return f"{self.title} ({self.language})"

    def clean(self) -> None:
        """Refuse a language that the brand does not speak."""
        brand = Brand.objects.filter(pk=self.ad.brand_id).first()
        if brand is not None and self.language not in brand.languages:
            raise ValidationError({"language": f"one of {', '.join(brand.languages)}"})


class AdSegment(models.Model):
    """An ad is shown to the members of a segment; tied to none, to everybody."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    ad = models.ForeignKey(Ad, models.CASCADE, related_name="ties", db_constraint=False)
    segment = models.ForeignKey(Segment, models.PROTECT, related_name="+", db_constraint=False)

    class Meta:
        constraints = [models.UniqueConstraint(name="ad_segment_once", fields=["brand", "ad", "segment"])]

    def __str__(self) -> str:
        return f"{self.ad_id} for segment {self.segment_id}"

    def clean(self) -> None:
        """Refuse a segment of another brand."""
        if self.segment_id and self.segment.brand_id != self.ad.brand_id:
            raise ValidationError({"segment": "a segment of the brand"})


class AdDay(models.Model):
    """How often an ad was shown on one day, in the brand's time zone; several rows count together."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    ad = models.ForeignKey(Ad, models.CASCADE, related_name="days", db_constraint=False, db_index=False)
    day = models.DateField()
    shard = models.SmallIntegerField()
    shown = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="ad_day_once", fields=["brand", "ad", "day", "shard"]),
            models.CheckConstraint(name="ad_day_positive", condition=Q(shown__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.shown} on {self.day}"

"""Brands, and the people who work for them."""

from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from users.rules.colours import HEX, LEAST_CONTRAST, contrast_with_white


def validate_time_zone(name: str) -> None:
    """Refuse a name that the time zone database does not have."""
    if name not in available_timezones():
        raise ValidationError(f"{name!r} is not a time zone")


def validate_colour(colour: str) -> None:
    """Refuse what is no colour, and one on which white text cannot be read."""
    if not HEX.fullmatch(colour):
        raise ValidationError(_("A colour is # and six hexadecimal digits"))
    if contrast_with_white(colour) < LEAST_CONTRAST:
        raise ValidationError(_("White text cannot be read on this colour: choose a darker one"))


def default_languages() -> list[str]:
    """English alone, until a brand says more."""
    return ["en"]


class Brand(models.Model):
    """One programme owner: the wall that everything else stands behind."""

    name = models.CharField(max_length=100, unique=True)
    languages = ArrayField(
        models.CharField(max_length=8), default=default_languages, help_text="ISO 639-1 codes; the first is the default."
    )
    currency = models.CharField(max_length=3, default="EUR", help_text="ISO 4217.")
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    colour = models.CharField(
        max_length=7, default="#4f46e5", validators=[validate_colour], help_text="Of buttons and links in the back office."
    )
    sandbox = models.BooleanField(default=False, help_text="A brand for trying out; its API keys begin with lp_test_.")
    demands_second_factor = models.BooleanField(
        default=False, db_default=False, help_text="Its staff reach nothing before they have set up a second factor."
    )
    staff_limit_points = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        default=1_000,
        help_text="What one of the staff may move on a member's account within a day without a second person; empty: no limit.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(name="brand_has_a_language", condition=models.Q(languages__len__gte=1)),
        ]

    def __str__(self) -> str:
        return self.name

    def local_text(self, instant: datetime | None) -> str:
        """An instant as people read it, in the brand's time zone; empty for none, and for the end of all time."""
        try:
            return f"{instant.astimezone(self.zone):%Y-%m-%d %H:%M}" if instant is not None else ""
        except OverflowError:
            return ""

    @property
    def zone(self) -> ZoneInfo:
        """The brand's time zone, in which its days begin and end."""
        return ZoneInfo(self.time_zone)


class Staff(AbstractUser):
    """Someone who signs in to the back office: of one brand, or of none and then of the whole house."""

    brand = models.ForeignKey(Brand, models.PROTECT, null=True, blank=True, related_name="staff")
    let_in_by = models.ManyToManyField(
        "self",
        symmetrical=False,
        blank=True,
        related_name="+",
        editable=False,
        help_text="Whoever may be able to sign in as this one, for they made the way in; superusers of the house are not told.",
    )

"""Apps: a brand's mobile or web app and its back end, the keys that sign their tokens, and what their users agreed to."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from users.models.brands import Brand
from users.models.guards import append_only
from users.models.members import Consent, Member


class App(models.Model):
    """An app of a brand. Its back end proves itself by the partner's secret; its users are signed for with the app's secret.

    Of the partner's secret only the hash is kept; the app's signs, so it is kept encrypted, and the one before signs, too,
    until `previous_until`: apps in people's pockets are not updated at once.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    partner_id = models.CharField(max_length=40, unique=True, editable=False, help_text=_("What it calls APMPartnerID."))
    app_id = models.CharField(max_length=40, unique=True, editable=False, help_text=_("What it calls appId."))
    partner_secret = models.CharField(max_length=128, editable=False)
    app_secret = models.BinaryField(editable=False)
    previous_secret = models.BinaryField(null=True, editable=False)
    previous_until = models.DateTimeField(null=True, editable=False)
    rate_per_second = models.PositiveIntegerField(default=1_000)
    burst = models.PositiveIntegerField(default=2_000)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    rotated_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False, help_text=_("To the minute."))

    class Meta:
        permissions = [("rotate_app", "Can replace an app's secrets"), ("revoke_app", "Can revoke apps")]
        constraints = [
            models.UniqueConstraint(name="app_of_brand", fields=["brand", "id"]),
            models.CheckConstraint(name="app_rate_positive", condition=Q(rate_per_second__gte=1, burst__gte=1)),
            models.CheckConstraint(
                name="app_previous_whole",
                condition=Q(previous_secret__isnull=True, previous_until__isnull=True)
                | Q(previous_secret__isnull=False, previous_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.app_id}"


class SigningKey(models.Model):
    """What signs the tokens of a brand's apps and their users. The newest signs; those before it verify until they end."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    kid = models.CharField(max_length=32, unique=True, help_text="What a token calls it.")
    secret = models.BinaryField(editable=False, help_text="Encrypted.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    verifies_until = models.DateTimeField(
        null=True, help_text="When the last token that it signed has expired; empty: it signs."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(name="signing_key_signs_alone", fields=["brand"], condition=Q(verifies_until__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"signing key {self.kid}"


class ConsentChange(models.Model):
    """What a member said about the use of their data, and when: one row for each change."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    before = models.SmallIntegerField(choices=Consent)
    after = models.SmallIntegerField(choices=Consent)
    actor = models.CharField(max_length=60)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="consent_change_known", condition=Q(before__in=Consent.values, after__in=Consent.values)
            ),
        ]
        indexes = [models.Index(name="consent_of_member", fields=["member", "at", "id"])]
        triggers = [append_only("consent_change")[0]]

    def __str__(self) -> str:
        return f"consent of member {self.member_id}"

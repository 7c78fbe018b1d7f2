"""What staff changed in partnerships and providers: who, when, from what to what, and why. Nothing of it is ever lost."""

from django.db import models
from django.db.models.functions import Now

from exchange.models.partnerships import Partnership
from exchange.models.providers import Provider
from users.models import Brand
from users.models.guards import append_only


class PartnershipVerb(models.TextChoices):
    """What was done with a partnership."""

    REQUESTED = "requested"
    APPROVED = "approved"
    PROPOSED = "proposed", "other terms proposed"
    CHANGED = "changed", "terms changed"
    WITHDRAWN = "withdrawn", "proposal taken back or declined"
    CANCELLED = "cancelled"


class PartnershipChange(models.Model):
    """One step in the life of a partnership. `before` and `after` hold its terms and state, decimals as text."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    partnership = models.ForeignKey(Partnership, models.PROTECT, related_name="changes", db_index=False)
    verb = models.CharField(max_length=10, choices=PartnershipVerb)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    actor = models.CharField(max_length=60)
    reason = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(name="change_of_partnership", fields=["brand", "partnership", "id"])]
        triggers = [*append_only("partnership_change")]

    def __str__(self) -> str:
        return f"{self.get_verb_display()} by {self.actor}"


class ProviderVerb(models.TextChoices):
    """What was done with a provider."""

    PAUSED = "paused"
    RESUMED = "resumed"
    CLOSED_BREAKER = "breaker", "circuit breaker closed"
    NUMBERED_FILES = "numbered", "next file number set"


class ProviderChange(models.Model):
    """One intervention at a provider."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    provider = models.ForeignKey(Provider, models.PROTECT, related_name="changes", db_index=False)
    verb = models.CharField(max_length=10, choices=ProviderVerb)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    actor = models.CharField(max_length=60)
    reason = models.CharField(max_length=200)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(name="provider_change_of_provider", fields=["provider", "id"])]
        triggers = [*append_only("provider_change")]

    def __str__(self) -> str:
        return f"{self.get_verb_display()} by {self.actor}"

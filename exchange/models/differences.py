"""What a partner's statement and our orders do not agree on."""

from django.db import models
from django.db.models import Q

from exchange.models.orders import ExchangeOrder
from exchange.models.providers import Provider
from users.models import Brand
from users.models.guards import kept


class DifferenceKind(models.TextChoices):
    """How the two sides differ."""

    OPEN_HERE = "open_here", "credited there, and not ended here"
    REFUSED_HERE = "refused_here", "credited there, and given back here"
    ONLY_THERE = "only_there", "credited there under a reference that we do not know"
    ONLY_HERE = "only_here", "settled here, and not on the statement"
    CREDITED_AGAIN = "credited_again", "credited there days after it was settled here"
    OTHER_AMOUNT = "other_amount", "credited on both sides, with different amounts"
    UNDECIDED = "undecided", "neither side knows the end of it"


class Difference(models.Model):
    """One finding of a reconciliation; it stays, and is resolved once: by staff, or by a later run that finds it gone."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    provider = models.ForeignKey(Provider, models.PROTECT, related_name="+", db_index=False)
    day = models.DateField(help_text="UTC.")
    kind = models.CharField(max_length=14, choices=DifferenceKind)
    reference = models.CharField(max_length=100)
    order = models.ForeignKey(ExchangeOrder, models.PROTECT, null=True, related_name="differences")
    ours = models.BigIntegerField(null=True, help_text="Units of B.")
    theirs = models.BigIntegerField(null=True, help_text="Units of B.")
    found_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(max_length=60, blank=True)
    resolution = models.CharField(max_length=200, blank=True)

    class Meta:
        permissions = [("resolve_difference", "Can resolve differences")]
        constraints = [
            models.UniqueConstraint(
                name="difference_open_once",
                fields=["brand", "provider", "day", "reference", "kind"],
                condition=Q(resolved_at__isnull=True),
            ),
            models.CheckConstraint(
                name="difference_resolved_whole",
                condition=Q(resolved_at__isnull=True, resolved_by="", resolution="")
                | (Q(resolved_at__isnull=False) & ~Q(resolved_by="") & ~Q(resolution="")),
            ),
        ]
        indexes = [
            models.Index(name="difference_open", fields=["brand", "day"], condition=Q(resolved_at__isnull=True)),
            models.Index(name="difference_newest", fields=["brand", "id"]),
        ]
        triggers = [*kept("difference")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.reference}"

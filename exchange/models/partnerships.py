"""Partnerships: which points may become what, one way, at which rate."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from exchange.models.providers import Provider
from ledger.models import Token
from users.models import Brand

HIGHEST = 9_999_999_999_999


class PartnershipState(models.TextChoices):
    """Where a partnership stands."""

    REQUESTED = "requested"
    ACTIVE = "active"
    CANCELLED = "cancelled"


class Partnership(models.Model):
    """From one token of a brand to a provider's miles, or to another brand's points, which that brand must approve."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    token_a = models.ForeignKey(Token, models.PROTECT, related_name="+", help_text="The points that are given.")
    token_b = models.ForeignKey(Token, models.PROTECT, related_name="+", help_text="What is received for them.")
    provider = models.ForeignKey(Provider, models.PROTECT, null=True, blank=True, related_name="+")
    partner_brand = models.ForeignKey(Brand, models.PROTECT, null=True, blank=True, related_name="+")
    rate = models.DecimalField(
        max_digits=24, decimal_places=8, null=True, blank=True, help_text="Units of B for one of A; empty: by on- and off-ramp."
    )
    minimum = models.BigIntegerField(default=1, help_text="Points at least.")
    maximum = models.BigIntegerField(default=HIGHEST, help_text="Points at most.")
    state = models.CharField(max_length=10, choices=PartnershipState, default=PartnershipState.REQUESTED)
    requested_at = models.DateTimeField(db_default=Now(), editable=False)
    approved_at = models.DateTimeField(null=True)
    approved_by = models.CharField(max_length=60, blank=True)
    cancelled_at = models.DateTimeField(null=True)
    proposal = models.ForeignKey(
        "exchange.PartnershipChange",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="Other terms that the giving brand asks for, and the receiving one has not agreed to.",
    )

    class Meta:
        permissions = [("decide_partnership", "Can approve and cancel partnerships")]
        constraints = [
            models.UniqueConstraint(name="partnership_of_brand", fields=["brand", "id"]),
            models.UniqueConstraint(
                name="partnership_once",
                fields=["brand", "token_a", "token_b"],
                condition=~Q(state=PartnershipState.CANCELLED),
            ),
            models.CheckConstraint(
                name="partnership_one_partner",
                condition=Q(provider__isnull=False, partner_brand__isnull=True)
                | (Q(provider__isnull=True, partner_brand__isnull=False) & ~Q(partner_brand=F("brand"))),
            ),
            models.CheckConstraint(name="partnership_rate_positive", condition=Q(rate__isnull=True) | Q(rate__gt=0)),
            models.CheckConstraint(
                name="partnership_range", condition=Q(minimum__gte=1, maximum__gte=F("minimum"), maximum__lte=HIGHEST)
            ),
            models.CheckConstraint(
                name="partnership_active_is_approved",
                condition=~Q(state=PartnershipState.ACTIVE) | (Q(approved_at__isnull=False) & ~Q(approved_by="")),
            ),
            models.CheckConstraint(
                name="partnership_proposal_of_active",
                condition=Q(proposal__isnull=True) | Q(state=PartnershipState.ACTIVE, partner_brand__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.token_a} into {self.token_b}"

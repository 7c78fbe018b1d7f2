"""Tokens: the currencies of a brand."""

import secrets

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from ledger.rules.expiry import ExpiryPolicy, ExpiryUnit
from users.models import Brand


class TokenType(models.TextChoices):
    """What a token stands for."""

    ERC20 = "erc20", "Points"
    ERC721 = "erc721", "Collectible"
    MILES = "miles", "Miles"
    FIAT = "fiat", "Money"
    CRYPTO = "crypto", "Crypto currency"
    DONATION = "donation", "Donation"
    GIFT_CARD = "gift_card", "Gift card"


class TokenStatus(models.TextChoices):
    """Whether points of a token may still move."""

    ACTIVE = "active"
    INACTIVE = "inactive"


def new_address() -> str:
    """An address for a token that lives on no chain: 0x and 40 hex digits of chance."""
    return f"0x{secrets.token_hex(20)}"


def everywhere() -> list[str]:
    """The country code that stands for all of them."""
    return ["AAA"]


class Token(models.Model):
    """A currency of a brand; the API calls its id token_id."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=100)
    symbol = models.CharField(max_length=20)
    type = models.CharField(max_length=10, choices=TokenType, default=TokenType.ERC20)
    status = models.CharField(max_length=10, choices=TokenStatus, default=TokenStatus.ACTIVE)
    address = models.CharField(max_length=42, default=new_address)
    countries = ArrayField(models.CharField(max_length=3), default=everywhere, help_text="ISO 3166 alpha-3; AAA is everywhere.")
    onramp = models.DecimalField(max_digits=24, decimal_places=8, null=True, blank=True)
    offramp = models.DecimalField(max_digits=24, decimal_places=8, null=True, blank=True)
    metadata = models.JSONField(null=True, blank=True)
    expiry_unit = models.CharField(
        max_length=8, choices=[(unit.value, unit.value) for unit in ExpiryUnit], default=ExpiryUnit.NEVER.value
    )
    expiry_count = models.PositiveSmallIntegerField(default=0, help_text="Days, or months to whose end points live.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="token_of_brand", fields=["brand", "id"]),
            models.UniqueConstraint(name="token_address_once", fields=["brand", "address"]),
            models.CheckConstraint(name="token_address_form", condition=Q(address__regex=r"^0x[0-9a-f]{40}$")),
            models.CheckConstraint(
                name="token_expiry_has_count",
                condition=Q(expiry_unit=ExpiryUnit.NEVER.value, expiry_count=0)
                | (~Q(expiry_unit=ExpiryUnit.NEVER.value) & Q(expiry_count__gte=1)),
            ),
            models.CheckConstraint(
                name="token_rates_positive",
                condition=(Q(onramp__isnull=True) | Q(onramp__gt=0)) & (Q(offramp__isnull=True) | Q(offramp__gt=0)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.symbol})"

    @property
    def expiry(self) -> ExpiryPolicy:
        """How long points live from the credit on."""
        return ExpiryPolicy(ExpiryUnit(self.expiry_unit), self.expiry_count)

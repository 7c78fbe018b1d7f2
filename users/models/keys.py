"""API keys of partner systems."""

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from users.models.brands import Brand


class Scope(models.TextChoices):
    """What a key may be used for."""

    USERS_READ = "users:read", "Read users, balances and memberships"
    USERS_WRITE = "users:write", "Create, change and erase users and memberships"
    TRANSACTIONS_READ = "transactions:read", "Read transactions"
    TRANSACTIONS_WRITE = "transactions:write", "Move points, redeem codes, hand out rewards and collectibles"
    CODES_READ = "codes:read", "Read campaigns and codes"
    CODES_WRITE = "codes:write", "Issue codes"
    REWARDS_READ = "rewards:read", "Read reward types and rewards"
    REWARDS_WRITE = "rewards:write", "Mark rewards as used"
    NFTS_READ = "nfts:read", "Read collectibles"
    NFTS_WRITE = "nfts:write", "Personalise collectibles, and decide about it"


READ_SCOPES = [scope.value for scope in Scope if scope.value.endswith(":read")]
ALL_SCOPES = [scope.value for scope in Scope]


class ApiKey(models.Model):
    """A secret of a partner system; only its digest is kept. Several may be valid at once, for rotation."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="api_keys")
    public = models.CharField(max_length=8, unique=True, help_text="The part of the key that may be shown.")
    digest = models.BinaryField(max_length=32, help_text="SHA-256 of the secret part.")
    label = models.CharField(max_length=100, blank=True)
    scopes = ArrayField(models.CharField(max_length=40, choices=Scope))
    rate_per_second = models.PositiveIntegerField(default=1_000)
    burst = models.PositiveIntegerField(default=2_000)
    replaces = models.ForeignKey(
        "self", models.PROTECT, null=True, editable=False, related_name="successors", help_text="The key it was made to follow."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To the minute.")

    class Meta:
        verbose_name = "API key"
        permissions = [("rotate_apikey", "Can give keys a successor"), ("revoke_apikey", "Can revoke keys")]
        constraints = [
            models.UniqueConstraint(name="api_key_of_brand", fields=["brand", "id"]),
            models.UniqueConstraint(name="api_key_followed_once", fields=["brand", "replaces"]),
            models.CheckConstraint(name="api_key_rate_positive", condition=models.Q(rate_per_second__gte=1, burst__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.label or 'key'} {self.public}"

    def is_valid(self, at: datetime) -> bool:
        """Whether it opens doors at an instant."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > at)

"""OAuth clients: tills and web shops that will speak to the Retail API, as django-oauth-toolkit keeps applications."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import AbstractApplication

from users.models.brands import Brand


class RetailScope(models.TextChoices):
    """What a client may be given a token for."""

    MEMBERS_READ = "members:read", _("Identify members, read their transactions")
    SEGMENTS_READ = "segments:read", _("Read segments and their members")
    SEGMENTS_WRITE = "segments:write", _("Make segments, add and remove members")
    PROMOTIONS_READ = "promotions:read", _("Read promotional products")
    PROMOTIONS_WRITE = "promotions:write", _("Tie promotions to segments")
    EARNINGS_WRITE = "earnings:write", _("Evaluate baskets, earn on them, reverse that; reward events")
    EARNINGS_FORCE = "earnings:force", _("Take back points that are spent")
    VOUCHERS_WRITE = "vouchers:write", _("Redeem points for vouchers")
    ORDERS_READ = "orders:read", _("Read gift orders")
    ORDERS_WRITE = "orders:write", _("Move gift orders on")
    CATALOGUE_READ = "catalogue:read", _("Read languages, categories and gifts")


class OAuthClient(AbstractApplication):
    """A client of one brand, by client credentials alone; of its secret only the hash is kept."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    scopes = ArrayField(models.CharField(max_length=40, choices=RetailScope))
    rate_per_second = models.PositiveIntegerField(default=1_000)
    burst = models.PositiveIntegerField(default=2_000)
    rotated_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False, help_text=_("To the minute."))

    class Meta:
        verbose_name = _("OAuth client")
        permissions = [("rotate_oauthclient", "Can replace a client's secret"), ("revoke_oauthclient", "Can revoke clients")]
        constraints = [
            models.CheckConstraint(
                name="oauth_client_credentials_alone",
                condition=Q(
                    authorization_grant_type=AbstractApplication.GRANT_CLIENT_CREDENTIALS,
                    client_type=AbstractApplication.CLIENT_CONFIDENTIAL,
                    hash_client_secret=True,
                    redirect_uris="",
                    algorithm="",
                    user__isnull=True,
                ),
            ),
            models.CheckConstraint(name="oauth_client_has_a_scope", condition=Q(scopes__len__gte=1)),
            models.CheckConstraint(name="oauth_client_rate_positive", condition=Q(rate_per_second__gte=1, burst__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.client_id}"

    def is_usable(self, request: Any) -> bool:
        """Whether it may be given tokens, as the toolkit asks."""
        return self.revoked_at is None

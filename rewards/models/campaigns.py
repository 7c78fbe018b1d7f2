"""Campaigns: what codes are issued for, from when to when, and how much of it."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ledger.models import Token
from ledger.models.tokens import TokenType
from rewards.rules.codes import FEWEST_CHARACTERS, LONGEST, SHORTEST, CodeForm
from users.models import Brand, Member


class CampaignKind(models.TextChoices):
    """What a code of the campaign is worth."""

    POINTS = "points", "Points"
    NFT = "nft", "Collectibles"
    EXTERNAL_REWARDS = "external_rewards", "External rewards, as miles"


class CampaignState(models.TextChoices):
    """Where a campaign stands by staff's decision; its dates narrow that."""

    DRAFT = "draft", _("Draft")
    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Paused")
    ENDED = "ended", _("Ended")


class Campaign(models.Model):
    """One reason to issue codes. `issued_codes` and `issued_points` never pass the budgets, whoever issues at once."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=16, choices=CampaignKind, default=CampaignKind.POINTS)
    token = models.ForeignKey(Token, models.PROTECT, related_name="+")
    state = models.CharField(max_length=8, choices=CampaignState, default=CampaignState.DRAFT)
    value_per_point = models.DecimalField(
        max_digits=12, decimal_places=6, null=True, blank=True, help_text="What one point costs, in the brand's currency."
    )
    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(null=True, blank=True, help_text="The first instant at which it is over.")
    budget_points = models.BigIntegerField(null=True, blank=True, help_text="The worth of all codes together; empty: no limit.")
    budget_codes = models.BigIntegerField(null=True, blank=True, help_text="How many codes; empty: no limit.")
    issued_points = models.BigIntegerField(default=0, db_default=0, editable=False)
    issued_codes = models.BigIntegerField(default=0, db_default=0, editable=False)
    member_limit = models.PositiveIntegerField(null=True, blank=True, help_text="Codes that one member may redeem.")
    code_alphabet = models.CharField(max_length=36, default="0123456789", help_text="Digits and capital letters.")
    code_length = models.PositiveSmallIntegerField(
        default=SHORTEST,
        validators=[MinValueValidator(SHORTEST), MaxValueValidator(LONGEST)],
        help_text="Of the whole code, prefix and check character too.",
    )
    code_prefix = models.CharField(max_length=20, blank=True)
    code_check = models.BooleanField(default=False, help_text="End codes with a character that catches typing errors.")
    code_lifetime_days = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Codes expire so long after issue.")
    email_template = models.CharField(
        max_length=60, blank=True, help_text="The name of the brand's template; empty: usual one."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="campaign_of_brand", fields=["brand", "id"]),
            models.UniqueConstraint(name="campaign_name_once", fields=["brand", "name"]),
            models.CheckConstraint(
                name="campaign_kind_known", condition=Q(kind__in=CampaignKind.values, state__in=CampaignState.values)
            ),
            models.CheckConstraint(
                name="campaign_within_budget",
                condition=(Q(budget_points__isnull=True) | Q(issued_points__lte=F("budget_points")))
                & (Q(budget_codes__isnull=True) | Q(issued_codes__lte=F("budget_codes"))),
            ),
            models.CheckConstraint(name="campaign_counts_not_negative", condition=Q(issued_points__gte=0, issued_codes__gte=0)),
            models.CheckConstraint(
                name="campaign_ends_after_start", condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at"))
            ),
            models.CheckConstraint(
                name="campaign_code_form",
                condition=Q(
                    code_length__gte=SHORTEST,
                    code_length__lte=LONGEST,
                    code_alphabet__regex=rf"^[0-9A-Z]{{{FEWEST_CHARACTERS},36}}$",
                    code_prefix__regex="^[0-9A-Z]*$",
                ),
            ),
            models.CheckConstraint(
                name="campaign_value_per_point_positive", condition=Q(value_per_point__isnull=True) | Q(value_per_point__gt=0)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a form that makes no good codes, a token of another brand or kind, and less budget than is used up."""
        for budget, issued in (("budget_points", self.issued_points), ("budget_codes", self.issued_codes)):
            if (most := getattr(self, budget)) is not None and most < issued:
                raise ValidationError({budget: f"{issued} are issued already"})
        if faults := self.code_form().faults():
            raise ValidationError({"code_length": faults})
        wanted = TokenType.ERC721 if self.kind == CampaignKind.NFT else TokenType.ERC20
        if not Token.objects.filter(pk=self.token_id, brand_id=self.brand_id, type=wanted).exists():
            raise ValidationError({"token": f"a token of the brand, of type {wanted.value}"})

    def code_form(self, length: int | None = None) -> CodeForm:
        """How its codes look, at its own length or at another."""
        return CodeForm(
            alphabet=self.code_alphabet,
            length=self.code_length if length is None else length,
            prefix=self.code_prefix,
            check=self.code_check,
        )

    def state_at(self, at: datetime) -> CampaignState:
        """Where it stands at an instant: a running campaign whose start is to come is a draft still."""
        if self.ends_at is not None and self.ends_at <= at:
            return CampaignState.ENDED
        if self.state == CampaignState.RUNNING and self.starts_at > at:
            return CampaignState.DRAFT
        return CampaignState(self.state)


class CampaignUse(models.Model):
    """How many codes of a campaign with a limit one member has redeemed."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    count = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(name="campaign_use_once", fields=["brand", "campaign", "member"])]

    def __str__(self) -> str:
        return f"{self.count} of campaign {self.campaign_id}"

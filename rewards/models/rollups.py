"""Rollups of codes: how many were issued on which day, and how many of a campaign are redeemed.

How many were redeemed on which day tells the ledger's own.
"""

from django.db import models

from ledger.models import Mark
from rewards.models.campaigns import Campaign
from users.models import Brand


class CodeMark(Mark):
    """Up to which code a brand's codes have been counted."""

    SEQUENCES = ("rewards_code_id_seq",)


class DailyCodes(models.Model):
    """How many codes of a campaign were issued on one day in the brand's time zone, and what they are worth."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    day = models.DateField()
    codes = models.BigIntegerField()
    value = models.BigIntegerField(help_text="Points, or items of a collectible, of all together.")

    class Meta:
        verbose_name_plural = "daily codes"
        constraints = [
            models.UniqueConstraint(name="daily_codes_once", fields=["brand", "day", "campaign"]),
            models.CheckConstraint(name="daily_codes_positive", condition=models.Q(codes__gt=0, value__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.codes} codes of {self.day}"


class RedemptionMark(Mark):
    """Up to which transaction a brand's redemptions have been counted."""

    SEQUENCES = ("ledger_transaction_id_seq",)


class RedeemedCodes(models.Model):
    """How many codes of a campaign are redeemed, counted behind the ledger so that redeeming waits for no counter."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    codes = models.BigIntegerField()
    value = models.BigIntegerField(help_text="Points, or items of a collectible, of all together.")

    class Meta:
        verbose_name_plural = "redeemed codes"
        constraints = [
            models.UniqueConstraint(name="redeemed_codes_once", fields=["brand", "campaign"]),
            models.CheckConstraint(name="redeemed_codes_positive", condition=models.Q(codes__gt=0, value__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.codes} redeemed of campaign {self.campaign_id}"

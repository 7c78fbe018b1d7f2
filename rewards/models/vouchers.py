"""Vouchers: rewards that a shop redeemed under a name of its own, once for each name."""

import pgtrigger
from django.db import models
from django.db.models.functions import Now

from rewards.models.rewards import Reward
from users.models import Brand
from users.models.guards import kept


class VoucherClaim(models.Model):
    """The partner's own name for a redemption, used up for ever, and what was answered first."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    transaction_id = models.CharField(max_length=255, help_text="The partner's own; once in the brand, for ever.")
    reward = models.OneToOneField(Reward, models.PROTECT, related_name="claim", db_constraint=False)
    salt = models.BinaryField(max_length=16)
    fingerprint = models.BinaryField(max_length=32, help_text="Salted SHA-256 of the request; empty once it is forgotten.")
    answer = models.TextField(null=True, help_text="The first answer, as JSON; null once the member is erased.")
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(name="voucher_claim_once", fields=["brand", "transaction_id"])]
        triggers = [
            *kept("voucher_claim"),
            pgtrigger.Protect(
                name="voucher_claim_stays",  # but for what is forgotten with the member
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__transaction_id__df=pgtrigger.F("new__transaction_id"))
                | pgtrigger.Q(old__reward__df=pgtrigger.F("new__reward")),
            ),
        ]

    def __str__(self) -> str:
        return f"voucher for reward {self.reward_id}"

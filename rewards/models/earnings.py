"""Earnings: baskets that were rewarded, under which rules, and what came back of them."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from ledger.models import Token, Transaction
from users.models import Brand, Member
from users.models.guards import kept


class Earning(models.Model):
    """A basket that was earned on, once for each transaction_id. When its member is erased it keeps the numbers alone.

    `rules` are the very versions that paid, and what each gave: what comes back is judged under them.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    token = models.ForeignKey(Token, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    transaction_id = models.CharField(max_length=255, help_text="The partner's own; once in the brand, for ever.")
    salt = models.BinaryField(max_length=16)
    fingerprint = models.BinaryField(max_length=32, help_text="Salted SHA-256 of the request; empty once it is forgotten.")
    occurred_at = models.DateTimeField()
    points = models.BigIntegerField(help_text="What it gave.")
    remaining = models.BigIntegerField(help_text="What was not taken back.")
    basket = models.JSONField(null=True, help_text="Its lines, store and channel; null once the member is erased.")
    rules = models.JSONField(help_text="The base rate and the versions of promotions that paid, with what each gave.")
    returned = models.JSONField(default=dict, db_default={}, help_text="What came back, by line: quantity and amount.")
    answer = models.TextField(null=True, help_text="The first answer, as JSON; null once the member is erased.")
    posting = models.OneToOneField(Transaction, models.PROTECT, null=True, related_name="earning", db_constraint=False)
    actor = models.CharField(max_length=60)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(name="earning_of_brand", fields=["brand", "id"]),
            models.UniqueConstraint(name="earning_once", fields=["brand", "transaction_id"]),
            models.CheckConstraint(name="earning_remains", condition=Q(remaining__gte=0, remaining__lte=F("points"))),
            models.CheckConstraint(
                name="earning_posted", condition=Q(points=0, posting__isnull=True) | Q(points__gt=0, posting__isnull=False)
            ),
        ]
        indexes = [
            models.Index(name="earning_of_member", fields=["member", "recorded_at", "id"]),
            models.Index(name="earning_of_day", fields=["brand", "occurred_at", "id"]),
        ]
        triggers = [
            *kept("earning"),
            pgtrigger.Protect(
                name="earning_stays",  # but for what comes back, and what is forgotten with the member
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__transaction_id__df=pgtrigger.F("new__transaction_id"))
                | pgtrigger.Q(old__points__df=pgtrigger.F("new__points"))
                | pgtrigger.Q(old__posting__df=pgtrigger.F("new__posting"))
                | pgtrigger.Q(old__occurred_at__df=pgtrigger.F("new__occurred_at"))
                | pgtrigger.Q(old__remaining__lt=pgtrigger.F("new__remaining")),
            ),
        ]

    def __str__(self) -> str:
        return f"earning {self.pk}"


class EarningReversal(models.Model):
    """One part of an earning that was taken back, once for each reversal_id."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    earning = models.ForeignKey(Earning, models.PROTECT, related_name="reversals", db_constraint=False)
    reversal_id = models.CharField(max_length=255, help_text="The partner's own; once in the brand, for ever.")
    salt = models.BinaryField(max_length=16)
    fingerprint = models.BinaryField(max_length=32, help_text="Salted SHA-256 of the request; empty once it is forgotten.")
    lines = models.JSONField(help_text="What came back, by line: quantity and amount; empty: all that was left.")
    points = models.BigIntegerField(help_text="What was taken.")
    forced = models.BooleanField(default=False, help_text="Whether the account was let below its floor.")
    answer = models.TextField(null=True, help_text="The first answer, as JSON; null once the member is erased.")
    posting = models.OneToOneField(Transaction, models.PROTECT, null=True, related_name="+", db_constraint=False)
    actor = models.CharField(max_length=60)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(name="earning_reversal_once", fields=["brand", "reversal_id"]),
            models.CheckConstraint(
                name="earning_reversal_posted",
                condition=Q(points=0, posting__isnull=True) | Q(points__gt=0, posting__isnull=False),
            ),
        ]
        triggers = kept("earning_reversal")

    def __str__(self) -> str:
        return f"{self.points} of earning {self.earning_id}"

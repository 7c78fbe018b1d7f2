"""Accounts and lots: projections of the ledger's rows, kept for speed and provable from them."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from ledger.models.tokens import Token
from users.models import Brand, Member

BALANCE_LIMIT = 2**53  # a JSON number beyond it loses digits in many clients
GENESIS = bytes(32)


class Account(models.Model):
    """One member's holding of one token; the only row that a posting changes, and its lock."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="accounts", db_index=False)
    token = models.ForeignKey(Token, models.PROTECT, related_name="+", db_index=False)
    balance = models.BigIntegerField(db_default=0)
    sequence = models.BigIntegerField(db_default=0, help_text="The number of its last transaction.")
    floor = models.BigIntegerField(db_default=0, help_text="The balance may not fall below it; 0 unless staff set one.")
    overdrawn_to = models.BigIntegerField(
        null=True, help_text="The lowest balance to which a forced reversal took it below the floor; null: none did."
    )
    head = models.BinaryField(max_length=32, db_default=GENESIS, help_text="The hash of its last transaction.")
    previous_head = models.BinaryField(max_length=32, db_default=GENESIS, help_text="The hash of the one before.")
    recorded_at = models.DateTimeField(null=True, help_text="When its last transaction was recorded.")
    next_expiry_at = models.DateTimeField(
        null=True, help_text="Not later than the first open lot lapses; null exactly when no lot is open."
    )
    closed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        permissions = [
            ("credit_member", "Can give points by hand"),
            ("debit_member", "Can take points by hand"),
            ("extend_expiry", "Can let points lapse later"),
        ]
        constraints = [
            models.UniqueConstraint(name="account_once", fields=["brand", "member", "token"]),
            models.UniqueConstraint(name="account_of_brand", fields=["brand", "id"]),
            models.CheckConstraint(
                name="account_balance_above_floor",
                condition=Q(balance__gte=F("floor")) | Q(overdrawn_to__isnull=False, balance__gte=F("overdrawn_to")),
            ),
            models.CheckConstraint(name="account_floor_not_positive", condition=Q(floor__lte=0)),
            models.CheckConstraint(
                name="account_balance_limit", condition=Q(balance__gt=-BALANCE_LIMIT, balance__lt=BALANCE_LIMIT)
            ),
            models.CheckConstraint(name="account_sequence_not_negative", condition=Q(sequence__gte=0)),
            models.CheckConstraint(name="account_closed_is_empty", condition=Q(closed_at__isnull=True) | Q(balance__lte=0)),
        ]
        indexes = [
            models.Index(name="account_due", fields=["next_expiry_at"], condition=Q(next_expiry_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"account {self.pk}"


class Lot(models.Model):
    """Points of one credit that lapse together."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="lots", db_constraint=False, db_index=False)
    sequence = models.BigIntegerField(help_text="The number of the transaction that opened it.")
    amount = models.BigIntegerField(help_text="Points it was opened with.")
    remaining = models.BigIntegerField()
    expires_at = models.DateTimeField(help_text="The first instant at which what remains is gone.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="lot_once", fields=["brand", "account", "sequence"]),
            models.CheckConstraint(
                name="lot_within_amount", condition=Q(remaining__gte=0, remaining__lte=F("amount"), amount__gt=0)
            ),
        ]
        indexes = [
            models.Index(name="lot_open", fields=["account", "expires_at", "sequence"], condition=Q(remaining__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.remaining} of {self.amount} until {self.expires_at:%Y-%m-%d}"

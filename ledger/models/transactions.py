"""The append-only rows of the ledger."""

import secrets
from typing import Any

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import HashIndex
from django.db import models
from django.db.models import Q

from ledger.models.accounts import Account
from users.models import Brand
from users.models.guards import AppendOnlyError, append_only, is_digest


class TransactionType(models.TextChoices):
    """Why points moved: the loyalty event types of the API, and what the ledger does of its own accord."""

    CREDIT_POINTS = "credit_points"
    DEBIT_POINTS = "debit_points"
    REVERSAL = "reversal"
    EXPIRY = "expiry"
    EXPIRY_EXTENSION = "expiry_extension"
    CLOSURE = "closure"
    MERGE = "merge"
    POINTS_TO_REWARDS = "points_to_rewards"
    POINTS_TO_EXTERNAL_REWARDS = "points_to_external_rewards"
    EXCHANGE = "exchange"
    CODE_TO_POINTS = "code_to_points"
    CODE_TO_NFT = "code_to_nft"
    CODE_TO_EXTERNAL_REWARDS = "code_to_external_rewards"
    CREDIT_NFT = "credit_nft"
    EARN = "earn"
    EVENT = "event"
    NFT_PERSONALISATION = "nft_personalisation"


RECORDS = [TransactionType.NFT_PERSONALISATION.value, TransactionType.EXPIRY_EXTENSION.value]
"""Types that move no points and are kept because they must be provable."""

REVERSIBLE = frozenset({TransactionType.CREDIT_POINTS, TransactionType.DEBIT_POINTS, TransactionType.CODE_TO_POINTS})


class Counterpart(models.TextChoices):
    """Where points come from or go to: each row balances by construction, and no contra account is ever hot."""

    ISSUANCE = "issuance"
    REDEMPTION = "redemption"
    EXPIRY = "expiry"
    EXCHANGE_CLEARING = "exchange_clearing"
    TRANSFER_CLEARING = "transfer_clearing"
    ADJUSTMENT = "adjustment"


class Transaction(models.Model):
    """One immutable movement of points on one account, chained to the one before it."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="transactions", db_constraint=False, db_index=False)
    sequence = models.BigIntegerField(help_text="1, 2, 3, ... within the account, without a gap.")
    amount = models.BigIntegerField(help_text="Points; positive credits the account.")
    balance_after = models.BigIntegerField()
    type = models.CharField(max_length=30, choices=TransactionType)
    counterpart = models.CharField(max_length=20, choices=Counterpart)
    reference_id = models.CharField(max_length=255, null=True, help_text="The partner's own; once in the brand, for ever.")
    reverses = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="reversals", db_constraint=False, db_index=False
    )
    lots = ArrayField(models.BigIntegerField(), null=True, help_text="Pairs: lot, signed points; 0 where its expiry moves.")
    expires_at = models.DateTimeField(null=True, help_text="When the lot it opens lapses, or those whose expiry it moves.")
    actor = models.CharField(max_length=60, help_text="Who asked: key:<id>, staff:<id>, system.")
    explanation = models.JSONField(null=True, help_text="Why: rule and inputs; nothing personal.")
    note_digest = models.BinaryField(max_length=32, null=True, help_text="Salted SHA-256 of the free text in its note.")
    effective_at = models.DateTimeField(help_text="When it happened in the world.")
    recorded_at = models.DateTimeField(help_text="When it was posted.")
    previous_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32, help_text="SHA-256 over the hash before and every field above.")

    class Meta:
        permissions = [
            ("reverse_transaction", "Can reverse a transaction by hand"),
            ("export_transactions", "Can take transactions away as a file"),
        ]
        constraints = [
            models.CheckConstraint(name="transaction_amount_nonzero", condition=~Q(amount=0) | Q(type__in=RECORDS)),
            models.CheckConstraint(
                name="transaction_extension_names_lots",
                condition=~Q(type=TransactionType.EXPIRY_EXTENSION) | Q(amount=0, expires_at__isnull=False, lots__isnull=False),
            ),
            models.CheckConstraint(name="transaction_sequence_positive", condition=Q(sequence__gte=1)),
            models.CheckConstraint(name="transaction_hash_length", condition=is_digest("hash") & is_digest("previous_hash")),
            models.CheckConstraint(
                name="transaction_reversal_linked", condition=Q(reverses__isnull=False) | ~Q(type=TransactionType.REVERSAL)
            ),
            models.UniqueConstraint(name="transaction_sequence_once", fields=["brand", "account", "sequence"]),
            models.UniqueConstraint(
                name="transaction_reference_once", fields=["brand", "reference_id"], condition=Q(reference_id__isnull=False)
            ),
        ]
        indexes = [
            models.Index(name="transaction_newest", fields=["brand", "recorded_at", "id"]),
            models.Index(name="transaction_of_type", fields=["brand", "type", "recorded_at", "id"]),
            models.Index(name="transaction_reversed", fields=["reverses"], condition=Q(reverses__isnull=False)),
            models.Index(
                name="transaction_of_staff",
                fields=["brand", "actor", "recorded_at", "id"],
                condition=Q(actor__startswith="staff:"),
            ),
            HashIndex(name="transaction_hash", fields=["hash"]),
        ]
        triggers = [
            *append_only("transaction"),
            pgtrigger.Trigger(
                name="transaction_reversal_bound",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(new__reverses__isnull=False),
                declare=[("original", "RECORD"), ("reversed", "NUMERIC")],
                func="""
                    SELECT * INTO original FROM ledger_transaction WHERE id = NEW.reverses_id;
                    SELECT coalesce(sum(amount), 0) INTO reversed FROM ledger_transaction WHERE reverses_id = NEW.reverses_id;
                    IF original.account_id IS DISTINCT FROM NEW.account_id
                       OR sign(original.amount) <> -sign(NEW.amount)
                       OR abs(reversed + NEW.amount) > abs(original.amount) THEN
                        RAISE EXCEPTION 'a reversal stays within its original' USING ERRCODE = 'check_violation',
                            CONSTRAINT = 'transaction_reversal_bound';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount:+d} on account {self.account_id}, number {self.sequence}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: rows are written by posting alone (ledger.services.posting)."""
        raise AppendOnlyError("ledger rows are written by posting, and never change")

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse: rows stay."""
        raise AppendOnlyError("ledger rows are never deleted")


def new_salt() -> bytes:
    """32 bytes of chance, without which a note's digest tells nothing."""
    return secrets.token_bytes(32)


class Note(models.Model):
    """Free text to a transaction. Only its salted digest is in the chain, so it can be erased with the member."""

    transaction = models.OneToOneField(Transaction, models.PROTECT, primary_key=True, related_name="note", db_constraint=False)
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    salt = models.BinaryField(max_length=32, default=new_salt)
    text = models.TextField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="note_salt_length", condition=is_digest("salt")),
            models.CheckConstraint(name="note_not_empty", condition=~Q(text="")),
        ]
        indexes = [models.Index(name="note_of_account", fields=["account"])]
        triggers = [pgtrigger.Protect(name="note_no_update", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"note to transaction {self.transaction_id}"

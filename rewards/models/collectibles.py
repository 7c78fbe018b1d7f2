"""Collectibles: the items of an erc721 token, each with its number and its owner."""

import hashlib
import json

import pgtrigger
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from ledger.models import Token, Transaction
from ledger.models.tokens import TokenType
from users.models import Brand, Member
from users.models.guards import kept


class Personalisation(models.TextChoices):
    """What has become of an owner's wish; null before there was one."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class CollectibleSupply(models.Model):
    """How many items of a token there are and may ever be; serial numbers come from it, without a gap."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    token = models.OneToOneField(Token, models.PROTECT, related_name="supply")
    supply_limit = models.BigIntegerField(null=True, blank=True, help_text="Items there may ever be; empty: no limit.")
    issued = models.BigIntegerField(default=0, db_default=0, editable=False)

    class Meta:
        verbose_name_plural = "collectible supplies"
        constraints = [
            models.UniqueConstraint(name="collectible_supply_once", fields=["brand", "token"]),
            models.CheckConstraint(
                name="collectible_supply_within_limit",
                condition=Q(issued__gte=0) & (Q(supply_limit__isnull=True) | Q(issued__lte=F("supply_limit"))),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.issued} of token {self.token_id}"

    def clean(self) -> None:
        """Refuse a limit below what there is, and a token of another brand or kind."""
        if self.supply_limit is not None and self.supply_limit < self.issued:
            raise ValidationError({"supply_limit": f"{self.issued} are issued already"})
        if not Token.objects.filter(pk=self.token_id, brand_id=self.brand_id, type=TokenType.ERC721).exists():
            raise ValidationError({"token": "a collectible of the brand"})


class Collectible(models.Model):
    """One item. Whose it is says a row of the ledger: the one that brought it to them, or took it from them."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    token = models.ForeignKey(Token, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    serial = models.BigIntegerField(help_text="1, 2, 3, ... within the token.")
    member = models.ForeignKey(Member, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False)
    transaction = models.ForeignKey(Transaction, models.PROTECT, related_name="+")
    status = models.CharField(max_length=8, choices=Personalisation, null=True)
    personalised_data = models.JSONField(null=True, help_text="What the owner asks for; personal.")
    reason = models.TextField(blank=True, help_text="Why it was decided so.")
    decided_by = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        permissions = [("decide_personalisation", "Can decide about personalisations")]
        constraints = [
            models.UniqueConstraint(name="collectible_serial_once", fields=["brand", "token", "serial"]),
            models.CheckConstraint(name="collectible_serial_positive", condition=Q(serial__gte=1)),
            models.CheckConstraint(
                name="collectible_status_known", condition=Q(status__isnull=True) | Q(status__in=Personalisation.values)
            ),
            models.CheckConstraint(
                name="collectible_wish_is_told",
                condition=Q(status__isnull=True, personalised_data__isnull=True)
                | Q(status__isnull=False, personalised_data__isnull=False),
            ),
        ]
        indexes = [
            models.Index(name="collectible_newest", fields=["brand", "-updated_at", "-id"], condition=Q(member__isnull=False)),
            models.Index(
                name="collectible_to_decide",
                fields=["brand", "updated_at", "id"],
                condition=Q(status=Personalisation.PENDING),
            ),
            models.Index(name="collectible_of_member", fields=["member", "updated_at", "id"]),
        ]
        triggers = [
            *kept("collectible"),
            pgtrigger.Trigger(
                name="collectible_follows_ledger",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                declare=[("movement", "RECORD")],
                func="""
                    IF TG_OP = 'UPDATE' THEN
                        IF NEW.brand_id <> OLD.brand_id OR NEW.token_id <> OLD.token_id OR NEW.serial <> OLD.serial THEN
                            RAISE EXCEPTION 'a collectible keeps its token and number' USING ERRCODE = 'check_violation',
                                CONSTRAINT = 'collectible_follows_ledger';
                        END IF;
                        IF NEW.member_id IS NOT DISTINCT FROM OLD.member_id
                           AND NEW.transaction_id = OLD.transaction_id THEN
                            RETURN NEW;
                        END IF;
                    END IF;
                    SELECT a.member_id, a.token_id, a.brand_id, t.amount INTO movement
                    FROM ledger_transaction t JOIN ledger_account a ON a.id = t.account_id WHERE t.id = NEW.transaction_id;
                    IF movement.token_id IS DISTINCT FROM NEW.token_id OR movement.brand_id IS DISTINCT FROM NEW.brand_id
                       OR (NEW.member_id IS NOT NULL AND (movement.member_id <> NEW.member_id OR movement.amount <= 0))
                       OR (NEW.member_id IS NULL AND (TG_OP = 'INSERT' OR movement.amount >= 0
                           OR movement.member_id IS DISTINCT FROM OLD.member_id)) THEN
                        RAISE EXCEPTION 'a collectible moves only through the ledger' USING ERRCODE = 'check_violation',
                            CONSTRAINT = 'collectible_follows_ledger';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"number {self.serial} of token {self.token_id}"

    @property
    def wish_digest(self) -> str:
        """What tells one wish from another: a decision is bound to it."""
        text = json.dumps([self.pk, self.personalised_data], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

"""Rewards: what members got for their points, and where a gift is on its way to them."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from ledger.models import Transaction
from rewards.models.catalogue import RewardType
from rewards.rules.gift_orders import GiftOrderStatus
from users.models import Brand, Member
from users.models.guards import kept

STATUSES = [(status.value, status.value) for status in GiftOrderStatus]


class Reward(models.Model):
    """One reward with its code. Those of a pool exist before anyone has them; who got one keeps it."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    reward_type = models.ForeignKey(RewardType, models.PROTECT, related_name="rewards", db_constraint=False, db_index=False)
    code = models.CharField(max_length=100)
    member = models.ForeignKey(Member, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False)
    transaction = models.OneToOneField(Transaction, models.PROTECT, null=True, related_name="+")
    handed_out_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="reward_of_brand", fields=["brand", "id"]),
            models.UniqueConstraint(name="reward_code_once", fields=["brand", "code"]),
            models.CheckConstraint(
                name="reward_handed_out_whole",
                condition=Q(member__isnull=True, transaction__isnull=True, handed_out_at__isnull=True)
                | Q(member__isnull=False, transaction__isnull=False, handed_out_at__isnull=False),
            ),
            models.CheckConstraint(name="reward_code_not_empty", condition=~Q(code="")),
        ]
        indexes = [
            models.Index(name="reward_of_member", fields=["reward_type", "member"], condition=Q(member__isnull=False)),
            models.Index(
                name="reward_of_member_by_time", fields=["member", "handed_out_at", "id"], condition=Q(member__isnull=False)
            ),
            models.Index(
                name="reward_in_pool", fields=["reward_type", "id"], condition=Q(member__isnull=True, used_at__isnull=True)
            ),
        ]
        triggers = [
            *kept("reward"),
            pgtrigger.Trigger(
                name="reward_follows_ledger",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(new__transaction__isnull=False),
                func="""
                    IF NOT EXISTS (
                        SELECT FROM ledger_transaction t JOIN ledger_account a ON a.id = t.account_id
                        WHERE t.id = NEW.transaction_id AND t.brand_id = NEW.brand_id AND a.member_id = NEW.member_id
                          AND t.amount < 0
                    ) THEN
                        RAISE EXCEPTION 'a reward is paid by its member' USING ERRCODE = 'check_violation',
                            CONSTRAINT = 'reward_follows_ledger';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Protect(
                name="reward_keeps_its_member",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__member__isnull=False)
                & (
                    pgtrigger.Q(old__member__df=pgtrigger.F("new__member"))
                    | pgtrigger.Q(old__transaction__df=pgtrigger.F("new__transaction"))
                ),
            ),
            pgtrigger.Protect(
                name="reward_used_is_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__used_at__isnull=False) & pgtrigger.Q(old__used_at__df=pgtrigger.F("new__used_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"reward {self.pk}"


class GiftOrder(models.Model):
    """A gift on its way: each that is sent, and each code that a shop redeemed."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    reward = models.OneToOneField(Reward, models.PROTECT, related_name="order", db_constraint=False)
    status = models.CharField(max_length=16, choices=STATUSES, default=GiftOrderStatus.EXCHANGE.value)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        permissions = [("move_giftorder", "Can move orders")]
        constraints = [
            models.UniqueConstraint(name="gift_order_of_brand", fields=["brand", "id"]),
            models.CheckConstraint(
                name="gift_order_status_known", condition=Q(status__in=[status.value for status in GiftOrderStatus])
            ),
        ]
        indexes = [models.Index(name="gift_order_of_status", fields=["brand", "status", "id"])]

    def __str__(self) -> str:
        return f"order {self.pk}"


class GiftOrderMove(models.Model):
    """One step of an order: from where to where, who and why. Rows stay."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    order = models.ForeignKey(GiftOrder, models.PROTECT, related_name="moves", db_constraint=False)
    member = models.ForeignKey(Member, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False)
    from_status = models.CharField(max_length=16, choices=STATUSES)
    to_status = models.CharField(max_length=16, choices=STATUSES)
    actor = models.CharField(max_length=60)
    reason = models.TextField(blank=True)
    moved_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            # No order comes to the same place twice, so two people who move it at once cannot both have done it.
            models.UniqueConstraint(name="gift_order_move_once", fields=["brand", "order", "to_status"]),
        ]
        indexes = [
            models.Index(name="gift_order_move_of_member", fields=["member", "moved_at", "id"]),
            models.Index(name="gift_order_move_of_brand", fields=["brand", "id"]),
        ]
        triggers = [
            *kept("gift_order_move"),
            pgtrigger.Protect(
                name="gift_order_move_stays",  # but for its reason, which may tell of someone who is erased
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__order__df=pgtrigger.F("new__order"))
                | pgtrigger.Q(old__member__df=pgtrigger.F("new__member"))
                | pgtrigger.Q(old__from_status__df=pgtrigger.F("new__from_status"))
                | pgtrigger.Q(old__to_status__df=pgtrigger.F("new__to_status"))
                | pgtrigger.Q(old__actor__df=pgtrigger.F("new__actor"))
                | pgtrigger.Q(old__moved_at__df=pgtrigger.F("new__moved_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"order {self.order_id}: {self.from_status} to {self.to_status}"

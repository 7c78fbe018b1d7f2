"""The inbox of actions: what apps reported in bursts, durable before the answer, and what became of each."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ledger.models import Transaction
from rewards.models.actions import Action
from users.models import Brand, Member


class InboxState(models.TextChoices):
    """Where a reported action stands."""

    WAITING = "waiting", _("Waiting")
    APPLIED = "applied", _("Rewarded")
    REFUSED = "refused", _("Refused")
    PARKED = "parked", _("Parked, for staff to look at")


class InboxItem(models.Model):
    """One action that an app reported. Until it is settled the row is the queue; then it tells what became of it.

    With `param` a member's action is rewarded once, for ever: the same again is not even taken in.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    action = models.ForeignKey(Action, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    param = models.CharField(max_length=255, null=True)
    properties = models.JSONField(default=dict)
    occurred_at = models.DateTimeField()
    actor = models.CharField(max_length=60)
    received_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=InboxState, default=InboxState.WAITING)
    code = models.CharField(max_length=40, blank=True, help_text="Why it was refused.")
    detail = models.TextField(blank=True)
    points = models.BigIntegerField(default=0, db_default=0)
    posting = models.ForeignKey(Transaction, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        permissions = [("requeue_inboxitem", "Can have parked actions tried again")]
        constraints = [
            models.UniqueConstraint(
                name="inbox_triplet_once",
                fields=["brand", "member", "action", "param"],
                condition=Q(param__isnull=False, state__in=["waiting", "applied", "parked"]),
            ),
            models.CheckConstraint(
                name="inbox_settled_whole",
                condition=Q(state__in=["waiting", "parked"], settled_at__isnull=True, posting__isnull=True, points=0)
                | Q(state="applied", settled_at__isnull=False, posting__isnull=False, points__gt=0, code="")
                | Q(state="refused", settled_at__isnull=False, posting__isnull=True, points=0) & ~Q(code=""),
            ),
        ]
        indexes = [
            models.Index(name="inbox_waiting", fields=["brand", "id"], condition=Q(state="waiting")),
            models.Index(name="inbox_parked", fields=["brand", "id"], condition=Q(state="parked")),
            models.Index(name="inbox_newest", fields=["brand", "id"]),
            models.Index(name="inbox_of_member", fields=["member", "id"]),
        ]

    def __str__(self) -> str:
        return f"reported action {self.pk}"

"""Approvals: what one of the staff asks for and another must decide about."""

import secrets

import pgtrigger
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.utils.translation import gettext_lazy as _

from users.models.brands import Brand
from users.models.guards import is_digest, kept
from users.models.members import Member


class ApprovalKind(models.TextChoices):
    """What is asked for; the room that does it knows what its content means."""

    CREDIT = "credit", _("Give points")
    DEBIT = "debit", _("Take points")
    REVERSAL = "reversal", _("Reverse a transaction")
    EXTENSION = "extension", _("Extend the expiry of points")
    SETTLEMENT = "settlement", _("Settle an exchange by hand")
    REFUND = "refund", _("Refund an exchange by hand")


POSTING = [ApprovalKind.CREDIT, ApprovalKind.DEBIT, ApprovalKind.REVERSAL, ApprovalKind.EXTENSION]
"""Kinds of which a row of the ledger always comes."""


class ApprovalState(models.TextChoices):
    """Where an approval stands; all but the first are final."""

    ASKED = "asked", _("Waiting for a decision")
    APPROVED = "approved", _("Approved and done")
    REFUSED = "refused", _("Refused")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    EXPIRED = "expired", _("Expired")


OPEN_FIRST = Case(When(state=ApprovalState.ASKED, then=Value(0)), default=Value(1))
"""The order of their list: those that wait come first."""


def new_salt() -> bytes:
    """32 bytes of chance, without which a reason's digest tells nothing."""
    return secrets.token_bytes(32)


_UNDECIDED = Q(decided_by__isnull=True, decided_at__isnull=True, transaction_id__isnull=True, decision_reason="")
_BY_ANOTHER = Q(decided_by__isnull=False, decided_at__isnull=False) & ~Q(decided_by=F("asked_by"))
_STAFF_OF_BRAND = """
    IF EXISTS (SELECT FROM users_staff WHERE id IN (NEW.asked_by_id, NEW.decided_by_id) AND brand_id <> NEW.brand_id) THEN
        RAISE EXCEPTION 'staff of another brand decide nothing here' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'approval_staff_of_brand';
    END IF;
    RETURN NEW;
"""


class Approval(models.Model):
    """Exactly what was asked, by whom and until when; and what came of it.

    `asked` and its digest never change. The reason, which may be personal, stands beside: `asked` has its salted digest
    alone, so that reason and salt can be emptied when the member is erased.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=20, choices=ApprovalKind)
    member = models.ForeignKey(Member, models.PROTECT, null=True, related_name="approvals", help_text="Whom it is about.")
    subject = models.CharField(max_length=200, help_text="What it is about: only one approval of it waits at a time.")
    points = models.BigIntegerField(help_text="Points that it moves or extends.")
    asked = models.JSONField(encoder=DjangoJSONEncoder)
    digest = models.BinaryField(max_length=32, help_text="SHA-256 of what is asked, as canonical JSON.")
    reason = models.TextField(blank=True)
    reason_salt = models.BinaryField(max_length=32, null=True, default=new_salt, editable=False)
    reference = models.CharField(max_length=64, help_text="The form it was asked with: sent twice, it asks once.")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    until = models.DateTimeField(help_text="From then on nobody can approve it.")
    state = models.CharField(max_length=9, choices=ApprovalState, default=ApprovalState.ASKED)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.TextField(blank=True)
    transaction_id = models.BigIntegerField(null=True, help_text="The ledger's row that came of it, where there is one.")

    class Meta:
        permissions = [("approve", "Can decide about what another asked for")]
        constraints = [
            models.UniqueConstraint(name="approval_of_brand", fields=["brand", "id"]),
            models.UniqueConstraint(name="approval_of_form_once", fields=["brand", "reference"]),
            models.UniqueConstraint(
                name="approval_waits_once", fields=["brand", "subject"], condition=Q(state=ApprovalState.ASKED)
            ),
            models.UniqueConstraint(
                name="approval_of_transaction_once",
                fields=["brand", "transaction_id"],
                condition=Q(transaction_id__isnull=False),
            ),
            models.CheckConstraint(
                name="approval_names_its_transaction",
                condition=~Q(state=ApprovalState.APPROVED, kind__in=POSTING) | Q(transaction_id__isnull=False),
            ),
            models.CheckConstraint(name="approval_digest_length", condition=is_digest("digest")),
            models.CheckConstraint(
                name="approval_reason_is_told",
                condition=Q(reason="", reason_salt__isnull=True) | (~Q(reason="") & is_digest("reason_salt")),
            ),
            models.CheckConstraint(
                name="approval_waits_with_a_reason", condition=~Q(state=ApprovalState.ASKED) | ~Q(reason="")
            ),
            models.CheckConstraint(name="approval_has_time", condition=Q(until__gt=F("asked_at"))),
            models.CheckConstraint(
                name="approval_by_a_second_person",
                condition=(Q(state=ApprovalState.ASKED) & _UNDECIDED)
                | (Q(state=ApprovalState.APPROVED, decided_at__lt=F("until")) & _BY_ANOTHER)
                | (Q(state=ApprovalState.REFUSED, transaction_id__isnull=True) & _BY_ANOTHER)
                | Q(
                    state=ApprovalState.WITHDRAWN,
                    decided_by=F("asked_by"),
                    decided_at__isnull=False,
                    transaction_id__isnull=True,
                )
                | Q(
                    state=ApprovalState.EXPIRED,
                    decided_by__isnull=True,
                    decided_at__isnull=False,
                    transaction_id__isnull=True,
                ),
            ),
        ]
        indexes = [
            models.Index(name="approval_of_state", fields=["brand", "state", "asked_at", "id"]),
            models.Index(F("brand"), OPEN_FIRST, F("asked_at").desc(), F("id").desc(), name="approval_open_first"),
            models.Index(name="approval_newest", fields=["brand", "asked_at", "id"]),
            models.Index(name="approval_of_kind", fields=["brand", "kind", "asked_at", "id"]),
            models.Index(name="approval_due", fields=["until"], condition=Q(state=ApprovalState.ASKED)),
        ]
        triggers = [
            *kept("approval"),
            pgtrigger.FSM(
                name="approval_is_decided_once",
                field="state",
                transitions=[
                    *((ApprovalState.ASKED.value, state.value) for state in ApprovalState),
                    *((state.value, state.value) for state in ApprovalState if state != ApprovalState.ASKED),
                ],
            ),
            pgtrigger.Protect(
                name="approval_keeps_what_was_asked",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    *("brand", "kind", "member", "subject", "points", "asked", "digest", "reference"),
                    *("asked_by", "asked_at", "until"),
                ),
            ),
            pgtrigger.Protect(
                name="approval_begins_asked", operation=pgtrigger.Insert, condition=~pgtrigger.Q(new__state="asked")
            ),
            pgtrigger.Protect(
                name="approval_keeps_its_decision",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.state <> 'asked' AND (OLD.decided_by_id, OLD.decided_at, OLD.transaction_id)"
                    " IS DISTINCT FROM (NEW.decided_by_id, NEW.decided_at, NEW.transaction_id)"
                ),
            ),
            pgtrigger.Protect(
                name="approval_keeps_its_reasons",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "(((OLD.reason, OLD.reason_salt) IS DISTINCT FROM (NEW.reason, NEW.reason_salt) AND NEW.reason <> '')"
                    " OR (OLD.state <> 'asked' AND OLD.decision_reason <> NEW.decision_reason AND NEW.decision_reason <> ''))"
                ),
            ),
            pgtrigger.Trigger(
                name="approval_staff_of_brand",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=_STAFF_OF_BRAND,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.points} points"

"""Codes: what a member types to get what a campaign gives, once."""

from datetime import datetime

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rewards.models.campaigns import Campaign, CampaignState
from rewards.rules.codes import LONGEST, CodeForm
from users.models import Brand, Member
from users.models.guards import kept


class CodeState(models.TextChoices):
    """What has become of a code; derived from its instants."""

    AVAILABLE = "available", _("Available")
    REDEEMED = "redeemed", _("Redeemed")
    EXPIRED = "expired", _("Expired")
    REVOKED = "revoked", _("Revoked")


class BatchState(models.TextChoices):
    """Where the making of a batch stands."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    STOPPING = "stopping", _("Stopping")
    STOPPED = "stopped", _("Stopped")
    FINISHED = "finished", _("Finished")
    CLOSED = "closed", _("Closed, the rest of its budget returned")


BATCH_MOVES = [
    (BatchState.QUEUED, BatchState.RUNNING),
    (BatchState.QUEUED, BatchState.STOPPED),
    (BatchState.RUNNING, BatchState.FINISHED),
    (BatchState.RUNNING, BatchState.STOPPING),
    (BatchState.RUNNING, BatchState.STOPPED),
    (BatchState.STOPPING, BatchState.STOPPED),
    (BatchState.STOPPED, BatchState.QUEUED),
    (BatchState.STOPPED, BatchState.RUNNING),
    (BatchState.STOPPED, BatchState.CLOSED),
]
"""Each move that a batch may make: from where, to where."""
WORKED_ON = (BatchState.QUEUED, BatchState.RUNNING, BatchState.STOPPING)
"""States in which a worker takes a batch up as soon as it is due; a lease that has ended makes it due."""
SETTLED = (BatchState.FINISHED, BatchState.CLOSED)
"""States in which no code will be added any more."""


class CodeBatch(models.Model):
    """One order of many codes: who wanted it, how many, and how far it is. Its codes lie between two ids.

    Its whole worth is in the campaign's budget from the first instant on; closing gives back what was not made.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="batches")
    count = models.BigIntegerField(help_text="How many codes it is to have.")
    generated = models.BigIntegerField(default=0)
    value = models.BigIntegerField(help_text="What each code is worth.")
    length = models.PositiveSmallIntegerField()
    alphabet = models.CharField(max_length=36)
    prefix = models.CharField(max_length=20, blank=True)
    check_character = models.BooleanField()
    expires_at = models.DateTimeField(null=True)
    actor = models.CharField(max_length=60, help_text="Who asked: staff:<id>, command.")
    reference = models.CharField(
        max_length=64, null=True, editable=False, help_text="The form it was ordered with: sent twice, it orders once."
    )
    first_code_id = models.BigIntegerField(null=True)
    last_code_id = models.BigIntegerField(null=True)
    state = models.CharField(max_length=8, choices=BatchState, default=BatchState.QUEUED)
    due_at = models.DateTimeField(db_default=Now(), help_text="When a worker may take it up; a lease moves it on.")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Since its last chunk; at the most it is stopped.")
    fault = models.CharField(max_length=200, blank=True, help_text="Why it stopped of its own accord.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "code batches"
        permissions = [
            ("generate_codes", "Can order codes in bulk, stop, resume and close batches"),
            ("download_codes", "Can see and download codes"),
        ]
        constraints = [
            models.UniqueConstraint(name="code_batch_of_brand", fields=["brand", "id"]),
            models.UniqueConstraint(
                name="code_batch_of_form_once", fields=["brand", "reference"], condition=Q(reference__isnull=False)
            ),
            models.CheckConstraint(
                name="code_batch_within_count",
                condition=Q(count__gt=0, value__gt=0, generated__gte=0, generated__lte=F("count")),
            ),
            models.CheckConstraint(name="code_batch_state_known", condition=Q(state__in=BatchState.values)),
            models.CheckConstraint(
                name="code_batch_finished_is_whole",
                condition=Q(state=BatchState.FINISHED, finished_at__isnull=False, generated=F("count"))
                | (~Q(state=BatchState.FINISHED) & Q(finished_at__isnull=True, generated__lt=F("count"))),
            ),
            models.CheckConstraint(
                name="code_batch_closed_has_instant",
                condition=Q(state=BatchState.CLOSED, closed_at__isnull=False)
                | (~Q(state=BatchState.CLOSED) & Q(closed_at__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(name="code_batch_due", fields=["due_at", "id"], condition=Q(state__in=WORKED_ON)),
            models.Index(name="code_batch_newest", fields=["campaign", "-id"]),
        ]
        triggers = [
            pgtrigger.FSM(
                name="code_batch_moves_on",
                field="state",
                transitions=[(before.value, after.value) for before, after in BATCH_MOVES],
            ),
            pgtrigger.Protect(
                name="code_batch_keeps_its_terms",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__campaign__df=pgtrigger.F("new__campaign"))
                | pgtrigger.Q(old__brand__df=pgtrigger.F("new__brand"))
                | pgtrigger.Q(old__count__df=pgtrigger.F("new__count"))
                | pgtrigger.Q(old__value__df=pgtrigger.F("new__value")),
            ),
            pgtrigger.Protect(
                name="code_batch_settled_is_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__state__in=[state.value for state in SETTLED])
                & pgtrigger.Q(old__generated__df=pgtrigger.F("new__generated")),
            ),
        ]

    def __str__(self) -> str:
        return f"batch {self.pk}: {self.generated} of {self.count}"

    @property
    def missing(self) -> int:
        """How many codes it lacks."""
        return self.count - self.generated

    @property
    def words(self) -> str:
        """How far it is, for people."""
        numbers = {"generated": f"{self.generated:,}", "count": f"{self.count:,}", "state": self.get_state_display()}
        return gettext("%(generated)s of %(count)s codes: %(state)s") % numbers

    @property
    def form(self) -> CodeForm:
        """How its codes look, whatever becomes of the campaign's form meanwhile."""
        return CodeForm(alphabet=self.alphabet, length=self.length, prefix=self.prefix, check=self.check_character)


class Code(models.Model):
    """One code. Who redeemed it and when is written once; the ledger's row names it in its explanation."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    batch = models.ForeignKey(CodeBatch, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False)
    code = models.CharField(max_length=LONGEST)
    value = models.BigIntegerField(help_text="Points, or items of a collectible.")
    reference_id = models.CharField(max_length=255, null=True, help_text="The partner's own; once among the brand's codes.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    redeemed_at = models.DateTimeField(null=True)
    member = models.ForeignKey(Member, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False)
    actor = models.CharField(max_length=60, null=True, help_text="Who asked for it alone: key:<id>; null: see its batch.")
    mail_id = models.BigIntegerField(null=True, help_text="The e-mail that carried it; it may be gone with its recipient.")

    class Meta:
        permissions = [("revoke_code", "Can revoke codes")]
        constraints = [
            models.UniqueConstraint(name="code_once", fields=["brand", "code"]),
            models.UniqueConstraint(
                name="code_reference_once", fields=["brand", "reference_id"], condition=Q(reference_id__isnull=False)
            ),
            models.CheckConstraint(name="code_value_positive", condition=Q(value__gt=0)),
            models.CheckConstraint(
                name="code_redeemed_by_someone",
                condition=Q(redeemed_at__isnull=True, member__isnull=True)
                | Q(redeemed_at__isnull=False, member__isnull=False, revoked_at__isnull=True),
            ),
        ]
        indexes = [models.Index(name="code_newest", fields=["brand", "id"])]
        triggers = [
            *kept("code"),
            pgtrigger.Protect(
                name="code_redeemed_is_final", operation=pgtrigger.Update, condition=pgtrigger.Q(old__redeemed_at__isnull=False)
            ),
            pgtrigger.Protect(
                name="code_keeps_its_worth",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__value__df=pgtrigger.F("new__value"))
                | pgtrigger.Q(old__code__df=pgtrigger.F("new__code"))
                | pgtrigger.Q(old__campaign__df=pgtrigger.F("new__campaign"))
                | pgtrigger.Q(old__brand__df=pgtrigger.F("new__brand")),
            ),
        ]

    def __str__(self) -> str:
        return f"code {self.pk} of campaign {self.campaign_id}"

    def state_at(self, at: datetime) -> CodeState:
        """What has become of it by then; `campaign` is read."""
        if self.redeemed_at is not None:
            return CodeState.REDEEMED
        if self.revoked_at is not None:
            return CodeState.REVOKED
        over = self.expires_at is not None and self.expires_at <= at
        return CodeState.EXPIRED if over or self.campaign.state_at(at) is CampaignState.ENDED else CodeState.AVAILABLE


class CodeTries(models.Model):
    """How many codes were tried in the running hour: by a member, with a key, in the whole brand.

    Tries are counted, and the count committed, before any comparison; what was right is given back.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    scope = models.CharField(max_length=6, choices=[(name, name) for name in ("member", "key", "brand")])
    subject_id = models.BigIntegerField()
    window_at = models.DateTimeField(help_text="When the hour began that is counted.")
    tries = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "code tries"
        constraints = [models.UniqueConstraint(name="code_tries_once", fields=["brand", "scope", "subject_id"])]

    def __str__(self) -> str:
        return f"{self.tries} by {self.scope} {self.subject_id}"

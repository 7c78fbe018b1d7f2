"""E-mails to members: rows that a worker drains."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from users.models.brands import Brand
from users.models.members import Member


class EmailState(models.TextChoices):
    """Where an e-mail is on its way."""

    QUEUED = "queued"
    SENT = "sent"
    PARKED = "parked"


class Email(models.Model):
    """One e-mail to send once; it waits here, not in the broker, so nothing is lost between commit and queue."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=40)
    recipient = models.CharField(max_length=320)
    language = models.CharField(max_length=8)
    context = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=EmailState, default=EmailState.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now(), help_text="When it may be tried next; a lease moves it on.")
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="email_sent_has_instant",
                condition=Q(state=EmailState.SENT, sent_at__isnull=False)
                | (~Q(state=EmailState.SENT) & Q(sent_at__isnull=True)),
            ),
        ]
        indexes = [models.Index(name="email_due", fields=["due_at"], condition=Q(state=EmailState.QUEUED))]

    def __str__(self) -> str:
        return f"{self.kind} e-mail {self.pk}"

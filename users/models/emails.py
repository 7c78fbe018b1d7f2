"""E-mails: rows that a worker drains, and the templates that a brand writes for them."""

import uuid

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now, Upper

from users.email_kinds import EmailKind
from users.models.brands import Brand
from users.models.members import Member


class EmailState(models.TextChoices):
    """Where an e-mail is on its way."""

    QUEUED = "queued"
    LEASED = "leased", "A worker is at it"
    FAILED = "failed", "To be tried again"
    SENT = "sent"
    PARKED = "parked", "Given up, for staff to look at"


UNSENT = (EmailState.QUEUED, EmailState.LEASED, EmailState.FAILED)
"""States in which a worker takes an e-mail up as soon as it is due; a lease that has ended makes it due."""


class Email(models.Model):
    """One e-mail to send once; it waits here, not in the broker, so nothing is lost between commit and queue.

    Its Message-ID is chosen with the row: should a server take a message and the connection break before it said so,
    the second copy carries the same one.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    member = models.ForeignKey(
        Member, models.PROTECT, null=True, related_name="+", db_index=False, help_text="Null: someone who is no member."
    )
    kind = models.CharField(max_length=40, choices=EmailKind)
    template = models.CharField(max_length=60, blank=True, help_text="The brand's template of that name; empty: the usual one.")
    recipient = models.CharField(max_length=320)
    language = models.CharField(max_length=35)
    context = models.JSONField(default=dict)
    message_id = models.UUIDField(default=uuid.uuid4)
    state = models.CharField(max_length=8, choices=EmailState, default=EmailState.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    fault = models.CharField(max_length=200, blank=True, help_text="Why the last attempt failed.")
    due_at = models.DateTimeField(db_default=Now(), help_text="When it may be tried next; a lease moves it on.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        permissions = [("queue_email", "Can have an e-mail sent again")]
        constraints = [
            models.CheckConstraint(
                name="email_sent_has_instant",
                condition=Q(state=EmailState.SENT, sent_at__isnull=False)
                | (~Q(state=EmailState.SENT) & Q(sent_at__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(name="email_due", fields=["attempts", "due_at", "id"], condition=Q(state__in=UNSENT)),
            models.Index(name="email_newest", fields=["brand", "id"]),
            models.Index(name="email_parked", fields=["brand", "id"], condition=Q(state=EmailState.PARKED)),
            models.Index(
                "brand", Upper("recipient"), "created_at", "id", name="email_of_address", condition=Q(member__isnull=True)
            ),
            models.Index(name="email_of_member", fields=["member", "created_at", "id"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} e-mail {self.pk}"


class EmailTemplate(models.Model):
    """A brand's own words for a kind of e-mail in one language; a campaign may name one that is not the usual one."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=40, choices=EmailKind)
    name = models.CharField(max_length=60, blank=True, help_text="Empty: the usual one of its kind.")
    language = models.CharField(max_length=8)
    subject = models.CharField(max_length=200)
    text = models.TextField(max_length=20_000, validators=[MaxLengthValidator(20_000)])
    html = models.TextField(max_length=100_000, validators=[MaxLengthValidator(100_000)])
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="email_template_once", fields=["brand", "kind", "name", "language"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({self.language})"

    def clean(self) -> None:
        """Refuse what could not be sent: a language the brand does not speak, a variable or a tag that does not exist."""
        from users.services.email_templates import faults_of  # services know models, so not on top  # noqa: PLC0415

        faults = {part: found for part in ("subject", "text", "html") if (found := faults_of(self.kind, getattr(self, part)))}
        if self.brand_id is not None and self.language not in self.brand.languages:
            faults["language"] = [f"one of {', '.join(self.brand.languages)}"]
        if faults:
            raise ValidationError(faults)

    def save(self, *args: object, **kwargs: object) -> None:
        """Refuse a template that could not be sent, whoever saves it."""
        self.full_clean(validate_unique=False, validate_constraints=False)
        super().save(*args, **kwargs)  # type: ignore[arg-type]

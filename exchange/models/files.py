"""Accrual files: what was sent to a partner in which file, and what the partner's answer files said."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from exchange.models.orders import ExchangeOrder
from exchange.models.providers import Provider
from users.models import Brand
from users.models.guards import kept


class AccrualFile(models.Model):
    """One file of credits. Its bytes are kept until they are delivered: a file that is sent again is the same file."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    provider = models.ForeignKey(Provider, models.PROTECT, related_name="+", db_index=False)
    sequence = models.PositiveIntegerField(help_text="1, 2, 3, ... for each provider; a gap only where staff set the number.")
    name = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField(null=True, help_text="Empty once it is delivered: it names members.")
    records = models.PositiveIntegerField()
    total = models.BigIntegerField(help_text="Miles.")
    made_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)
    refused_as = models.CharField(max_length=20, blank=True, help_text="Why the partner refused it whole.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="accrual_file_of_brand", fields=["brand", "id"]),
            models.UniqueConstraint(name="accrual_file_once", fields=["brand", "provider", "sequence"]),
            models.CheckConstraint(
                name="accrual_file_kept_until_delivered",
                condition=Q(delivered_at__isnull=True, content__isnull=False)
                | Q(delivered_at__isnull=False, content__isnull=True),
            ),
        ]
        triggers = [*kept("accrual_file")]

    def __str__(self) -> str:
        return self.name


class AccrualRecord(models.Model):
    """An order in a file. One whose file was refused whole may go into another; else it goes into one only, ever."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    file = models.ForeignKey(AccrualFile, models.PROTECT, related_name="lines", db_index=False)
    line = models.PositiveIntegerField()
    order = models.ForeignKey(ExchangeOrder, models.PROTECT, related_name="records", db_index=False)
    released = models.BooleanField(default=False, help_text="Its file was refused, and staff let it go into another.")
    miles = models.BigIntegerField(null=True, help_text="The last that the partner said.")
    status = models.CharField(max_length=1, blank=True, help_text="The last that the partner said.")
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="accrual_line_once", fields=["brand", "file", "line"]),
            models.UniqueConstraint(name="accrual_order_once", fields=["brand", "order"], condition=Q(released=False)),
        ]
        triggers = [*kept("accrual_record")]

    def __str__(self) -> str:
        return f"{self.file_id}, line {self.line}"


class AnswerState(models.TextChoices):
    """What was done with an answer file."""

    READING = "reading"
    READ = "read"
    REFUSED = "refused"


class AnswerFile(models.Model):
    """One file that a partner left for us: taken whole, or refused whole with the reason."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    provider = models.ForeignKey(Provider, models.PROTECT, related_name="+", db_index=False)
    name = models.CharField(max_length=200)
    size = models.BigIntegerField()
    modified = models.BigIntegerField(help_text="When the partner changed it last, in seconds of its own clock.")
    sha256 = models.CharField(max_length=64)
    sequence = models.PositiveIntegerField(null=True, help_text="The partner's; null where it could not be read.")
    answers = models.ForeignKey(AccrualFile, models.PROTECT, null=True, related_name="answers")
    state = models.CharField(max_length=10, choices=AnswerState)
    fault = models.CharField(max_length=200, blank=True)
    records = models.PositiveIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(name="answer_file_of_brand", fields=["brand", "id"]),
            models.UniqueConstraint(name="answer_file_seen_once", fields=["brand", "provider", "name", "size", "modified"]),
            models.UniqueConstraint(
                name="answer_file_taken_once", fields=["brand", "provider", "sequence"], condition=~Q(state=AnswerState.REFUSED)
            ),
            models.CheckConstraint(
                name="answer_file_refused_has_reason",
                condition=Q(state=AnswerState.REFUSED) & ~Q(fault="")
                | ~Q(state=AnswerState.REFUSED) & Q(fault="", sequence__isnull=False, answers__isnull=False),
            ),
        ]
        triggers = [*kept("answer_file")]

    def __str__(self) -> str:
        return self.name

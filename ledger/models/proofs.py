"""The record of proofs: what was proved of which brand, when, and what differed."""

from django.db import models
from django.db.models import Q

from users.models import Brand


class ProofSubject(models.TextChoices):
    """What a run proved."""

    LEDGER = "ledger", "Ledger: every chain, balance and lot"
    FLOWS = "flows", "Points by day and open lots, against the ledger"
    CODES = "codes", "Codes by day, against the codes"
    EXCHANGES = "exchanges", "Exchanges by day, against the orders"


class ProofRun(models.Model):
    """One proof of one brand in one night. A run that never ended is one that died: the next one takes it over."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    subject = models.CharField(max_length=10, choices=ProofSubject)
    night = models.DateField(help_text="UTC.")
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    accounts = models.BigIntegerField(default=0)
    rows = models.BigIntegerField(default=0, help_text="Transactions, or rows of a rollup.")
    faults = models.BigIntegerField(default=0)
    told = models.JSONField(default=list, help_text="The first faults, in words.")
    root = models.CharField(max_length=64, blank=True, help_text="A digest over the heads of all chains.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="proof_run_once", fields=["brand", "subject", "night"]),
            models.CheckConstraint(name="proof_run_subject", condition=Q(subject__in=ProofSubject.values)),
            models.CheckConstraint(name="proof_run_not_negative", condition=Q(accounts__gte=0, rows__gte=0, faults__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.subject} of {self.night}: {self.faults} faults"

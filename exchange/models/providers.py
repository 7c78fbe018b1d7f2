"""Providers: the partners that a brand can send points to, and how each is reached."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from exchange.rules.breaker import Breaker
from ledger.models import Token
from users.models import Brand, PartnerProgramme


class AdapterKind(models.TextChoices):
    """How a provider is spoken to."""

    LCP = "lcp", "JSON over HTTPS, signed (Loyalty Commerce Platform)"
    ACCRUAL_FILES = "accrual_files", "Accrual files over SFTP"
    WEBHOOK = "webhook", "A brand with a ledger of its own, told by webhooks"


class Provider(models.Model):
    """A partner programme as one brand reaches it: adapter, address, credentials, limits, circuit breaker."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    programme = models.ForeignKey(PartnerProgramme, models.PROTECT, related_name="+")
    token = models.ForeignKey(Token, models.PROTECT, related_name="+", help_text="The miles that members receive.")
    adapter = models.CharField(max_length=20, choices=AdapterKind)
    address = models.CharField(max_length=500, help_text="Where the partner listens.")
    credential_id = models.CharField(max_length=200, blank=True, help_text="The name the partner knows us by; no secret.")
    secret = models.BinaryField(null=True, help_text="Encrypted; written by set_secret and never shown.")
    secret_variable = models.CharField(
        max_length=100, blank=True, help_text="The variable EXCHANGE_SECRET_… that holds the secret; goes before a stored one."
    )
    terms = models.JSONField(default=dict, blank=True, help_text="What the adapter needs besides.")
    timeout_seconds = models.PositiveSmallIntegerField(default=10)
    most_calls = models.PositiveSmallIntegerField(default=10, help_text="Calls under way at once, in each worker.")
    active = models.BooleanField(default=True, help_text="While it is not, orders are accepted and wait.")
    failures = models.PositiveIntegerField(default=0, help_text="Calls without an answer, in a row.")
    open_until = models.DateTimeField(null=True, help_text="Until then nobody calls: the circuit breaker is open.")
    files_due_at = models.DateTimeField(null=True, blank=True, help_text="When files are exchanged next; a lease moves it on.")
    files_failures = models.PositiveIntegerField(default=0, help_text="Exchanges of files that failed, in a row.")
    files_fault = models.CharField(max_length=200, blank=True)
    files_next = models.PositiveIntegerField(
        null=True, editable=False, help_text="The next accrual file has this number at least; staff set it after a restore."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        permissions = [
            ("operate_provider", "Can pause and resume providers, close their breakers, and number their files"),
            ("export_statement", "Can download statements of both sides"),
        ]
        constraints = [
            models.UniqueConstraint(name="provider_of_brand", fields=["brand", "id"]),
            models.UniqueConstraint(name="provider_programme_once", fields=["brand", "programme"]),
            # A call must end before a worker's lease does (services.driving).
            models.CheckConstraint(name="provider_timeout_in_range", condition=Q(timeout_seconds__range=(1, 20))),
            models.CheckConstraint(name="provider_calls_in_range", condition=Q(most_calls__range=(1, 64))),
        ]

    def __str__(self) -> str:
        return f"{self.programme} of {self.brand}"

    @property
    def breaker(self) -> Breaker:
        """The circuit breaker as the rules take it."""
        return Breaker(self.failures, self.open_until)

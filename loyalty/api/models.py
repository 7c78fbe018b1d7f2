"""Requests that must not act twice."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from users.models import Brand, Member


class IdempotentRequest(models.Model):
    """The first answer to a request with an Idempotency-Key, kept for ever.

    The row is written in the transaction of the request's effect, so a crash leaves nothing claimed. When the
    member it speaks of is erased, the answer goes and the claim stays.
    """

    pk = models.CompositePrimaryKey("brand_id", "key")
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    key = models.CharField(max_length=255)
    salt = models.BinaryField(max_length=16)
    fingerprint = models.BinaryField(max_length=32, help_text="Salted SHA-256 of the path and the JSON value sent.")
    status = models.PositiveSmallIntegerField()
    body = models.BinaryField(null=True)
    member = models.ForeignKey(Member, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(name="idempotent_request_final", condition=Q(status__gte=200, status__lt=500)),
        ]
        indexes = [
            models.Index(
                name="idempotent_request_of_member", fields=["member"], condition=Q(member__isnull=False, body__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.key} of brand {self.brand_id}"

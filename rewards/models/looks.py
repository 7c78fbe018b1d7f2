"""How far the ledger was looked through for members of whom something moved."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now


class LedgerLook(models.Model):
    """One row of the house. Rows of the ledger up to `looked_id` have been seen once; those that were not committed yet
    have ids up to `noted_id` and above `settled_id`: they are seen again once all transactions of `noted_at` have ended.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    looked_id = models.BigIntegerField()
    noted_id = models.BigIntegerField()
    settled_id = models.BigIntegerField()
    noted_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(name="ledger_look_alone", condition=Q(id=1)),
            models.CheckConstraint(
                name="ledger_look_in_order", condition=Q(settled_id__lte=F("noted_id"), noted_id__lte=F("looked_id"))
            ),
        ]

    def __str__(self) -> str:
        return f"looked to {self.looked_id}"

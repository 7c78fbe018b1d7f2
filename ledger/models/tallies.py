"""How many transactions there are, so that a list's total does not take a count of millions of rows."""

from django.db import models
from django.db.models.functions import Now

from ledger.models.tokens import Token
from users.models import Brand


class TallyMark(models.Model):
    """Up to which transaction id a brand's rows have been tallied, and up to which they can be as soon as the
    transactions have ended that ran at that instant.
    """

    brand = models.OneToOneField(Brand, models.PROTECT, primary_key=True, related_name="+")
    transaction_id = models.BigIntegerField(db_default=0)
    next_transaction_id = models.BigIntegerField(db_default=0)
    noted_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"tallied to {self.transaction_id}"


class Tally(models.Model):
    """The number of tallied transactions of one token and type."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    token = models.ForeignKey(Token, models.PROTECT, related_name="+", db_index=False)
    type = models.CharField(max_length=30)
    count = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="tally_once", fields=["brand", "token", "type"]),
            models.CheckConstraint(name="tally_positive", condition=models.Q(count__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.type}"

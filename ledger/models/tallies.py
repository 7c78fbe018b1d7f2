"""Rollups of the ledger: counts and sums of its rows, so that no page adds up millions of them.

They are exact up to their mark: ledger.services.tallying brings them up to date, and checks them against the rows.
"""

from django.db import models

from ledger.models.marks import Mark
from ledger.models.tokens import Token
from users.models import Brand


class TallyMark(Mark):
    """Up to which transaction a brand's rows have been tallied."""

    SEQUENCES = ("ledger_transaction_id_seq",)


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


class DailyFlow(models.Model):
    """What was recorded of one token and type on one day in the brand's time zone: credits and debits apart."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    token = models.ForeignKey(Token, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    day = models.DateField()
    type = models.CharField(max_length=30)
    credits = models.BigIntegerField(help_text="How many rows credited points.")
    credited_points = models.BigIntegerField()
    debits = models.BigIntegerField(help_text="How many rows debited points.")
    debited_points = models.BigIntegerField(help_text="Above 0, as all of these.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="daily_flow_once", fields=["brand", "token", "day", "type"]),
            models.CheckConstraint(
                name="daily_flow_not_negative",
                condition=models.Q(credits__gte=0, credited_points__gte=0, debits__gte=0, debited_points__gte=0),
            ),
        ]
        indexes = [models.Index(name="daily_flow_of_brand", fields=["brand", "day"])]

    def __str__(self) -> str:
        return f"{self.day} {self.type}: +{self.credited_points} -{self.debited_points}"


class OpenLots(models.Model):
    """Points that are left of the lots opened on one day in the brand's time zone.

    A row gets its id before it waits for its account, so what is taken from a lot may be counted before what opened it:
    for that moment, points may be below 0.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    token = models.ForeignKey(Token, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    day = models.DateField()
    points = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "open lots"
        constraints = [models.UniqueConstraint(name="open_lots_once", fields=["brand", "token", "day"])]

    def __str__(self) -> str:
        return f"{self.points} points of {self.day}"

"""Rollups of exchanges: how many orders of which day stand where."""

from django.db import models

from exchange.models.orders import STATES
from exchange.models.providers import Provider
from ledger.models import Mark
from users.models import Brand


class ExchangeMark(Mark):
    """Up to which order, and up to which move of theirs, a brand's exchanges have been counted."""

    SEQUENCES = ("exchange_exchangeorder_id_seq", "exchange_exchangemove_id_seq")


class DailyExchanges(models.Model):
    """How many orders made on one day in the brand's time zone stand in a state, and their points.

    Every order begins accepted, and every change of its state is a move that stays: orders are added on their day, and
    moves carry them from one state to the other. While a step of counting has met a move before its order, a sum may be
    below 0.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    provider = models.ForeignKey(
        Provider, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False, help_text="Null: a brand."
    )
    day = models.DateField()
    state = models.CharField(max_length=10, choices=STATES)
    orders = models.BigIntegerField()
    points = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "daily exchanges"
        constraints = [
            models.UniqueConstraint(
                name="daily_exchanges_once", fields=["brand", "day", "provider", "state"], nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.orders} {self.state} of {self.day}"

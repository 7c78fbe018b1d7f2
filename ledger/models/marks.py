"""Marks: how far the rows of a table have been counted into a rollup."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from users.models import Brand


class Mark(models.Model):
    """Up to which ids a brand's rows have been counted, and up to which they can be as soon as the transactions have
    ended that ran when those ids were noted. One id for each of SEQUENCES; ledger.services.rollups moves it.
    """

    SEQUENCES: ClassVar[tuple[str, ...]]

    brand = models.OneToOneField(Brand, models.PROTECT, primary_key=True, related_name="+")
    counted_ids = ArrayField(models.BigIntegerField(), db_default=[])
    noted_ids = ArrayField(models.BigIntegerField(), db_default=[])
    noted_at = models.DateTimeField(db_default=Now())
    counted_at = models.DateTimeField(null=True, help_text="What was committed by then is counted; null: not yet all of it.")
    time_zone = models.CharField(max_length=64, db_default="", help_text="In which days were counted; another starts afresh.")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"counted to {self.counted_ids}"

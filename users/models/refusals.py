"""Refusals: what a partner's system asked for a member and did not get, so that staff can say why."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from users.models.brands import Brand
from users.models.members import Member

LONGEST_OPERATION, LONGEST_CODE, LONGEST_DETAIL = 60, 60, 200


class Refusal(models.Model):
    """A request about a member that was refused. The like of one hour stand in one row, which tells of the last of them.

    Nothing in it is personal but whom it is about; it goes with them, and after a while by itself.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    operation = models.CharField(max_length=LONGEST_OPERATION, help_text="What was asked for, as the API calls it.")
    code = models.CharField(max_length=LONGEST_CODE)
    hour_at = models.DateTimeField(help_text="When the hour began in which the like are counted.")
    detail = models.CharField(max_length=LONGEST_DETAIL, blank=True)
    reference_id = models.CharField(max_length=255, blank=True, help_text="The partner's own, of the last one.")
    request_id = models.CharField(max_length=128, blank=True, help_text="Of the last one; the log has it, too.")
    count = models.PositiveIntegerField(default=1)
    at = models.DateTimeField(db_default=Now(), help_text="When the last one was refused.")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="refusal_once_an_hour", fields=["brand", "member", "operation", "code", "hour_at"]),
            models.CheckConstraint(name="refusal_counted", condition=Q(count__gte=1)),
        ]
        indexes = [
            models.Index(name="refusal_of_member", fields=["member", "at", "id"]),
            models.Index(name="refusal_oldest", fields=["hour_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.operation} refused: {self.code}"

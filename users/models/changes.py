"""What has changed about members, one row for each change: the log that back ends of apps follow."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from users.models.brands import Brand
from users.models.members import Member


class MemberChange(models.Model):
    """A member came, changed or went. `name` is what they were called, kept only of those who went, and emptied in time."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    name = models.CharField(max_length=255, null=True)
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(name="member_change_of_brand", fields=["brand", "id"]),
            models.Index(name="member_change_named", fields=["changed_at"], condition=Q(name__gt="")),
        ]

    def __str__(self) -> str:
        return f"change of member {self.member_id}"

"""What has changed about members, one row for each change: the log that back ends of apps follow."""

from django.db import models

from users.models.brands import Brand
from users.models.members import Member


class MemberChange(models.Model):
    """A member came, changed or went. `name` is what they were called, kept only of those who went."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    name = models.CharField(max_length=255, null=True)

    class Meta:
        indexes = [models.Index(name="member_change_of_brand", fields=["brand", "id"])]

    def __str__(self) -> str:
        return f"change of member {self.member_id}"

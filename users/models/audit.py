"""Who did what in the back office, and when: rows that nobody can change."""

from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from users.models.brands import Brand
from users.models.guards import AppendOnlyError, append_only


class AuditKind(models.TextChoices):
    """What an entry tells of."""

    LOG_IN = "log_in", _("Log-in")
    LOG_IN_FAILED = "log_in_failed", _("Log-in failed")
    LOG_OUT = "log_out", _("Log-out")
    REFUSED = "refused", _("Refused")
    ADD = "add", _("Added")
    CHANGE = "change", _("Changed")
    ACTION = "action", _("Action")
    APPROVAL = "approval", _("Approval")
    EXPORT = "export", _("Export")
    LOOK = "look", _("Look at personal data")


class AuditEntry(models.Model):
    """One thing that someone did, was refused or looked at; written in the transaction of what it tells of.

    It holds nothing secret and nothing personal of a member (users.rules.audit), so erasing a member leaves it whole.
    """

    brand = models.ForeignKey(
        Brand, models.PROTECT, null=True, related_name="+", db_index=False, help_text="Whose it is; null: the house's."
    )
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False, help_text="Who, where known."
    )
    staff_name = models.CharField(max_length=150, blank=True, help_text="The name they signed in with, at the time.")
    kind = models.CharField(max_length=13, choices=AuditKind)
    subject_model = models.CharField(max_length=100, blank=True, help_text="App and model, as users.member.")
    subject_id = models.CharField(max_length=64, blank=True)
    subject_text = models.CharField(max_length=200, blank=True, help_text="What it was called at the time.")
    before = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    after = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    reason = models.TextField(blank=True)
    address = models.GenericIPAddressField(null=True, help_text="Where the request came from.")
    request_id = models.CharField(max_length=128, blank=True, help_text="As in the logs.")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="audit_subject_whole",
                condition=Q(subject_model="", subject_id="") | ~Q(subject_model="") & ~Q(subject_id=""),
            ),
            models.CheckConstraint(name="audit_kind_known", condition=Q(kind__in=AuditKind.values)),
        ]
        indexes = [
            models.Index(name="audit_newest_of_all", fields=["at", "id"]),
            models.Index(name="audit_newest", fields=["brand", "at", "id"]),
            models.Index(name="audit_of_staff", fields=["brand", "staff", "at", "id"]),
            models.Index(name="audit_of_kind", fields=["brand", "kind", "at", "id"]),
            models.Index(name="audit_of_subject", fields=["brand", "subject_model", "subject_id", "at", "id"]),
        ]
        triggers = append_only("audit_entry")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.subject_text} {self.at:%Y-%m-%d %H:%M:%S}"

    @property
    def changes(self) -> list[tuple[str, Any, Any]]:
        """Each field that it tells of, with what it was and what it became."""
        names = [*self.after, *(name for name in self.before if name not in self.after)]
        return [(name, self.before.get(name), self.after.get(name)) for name in names]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write a new row; refuse to change a stored one."""
        if not self._state.adding:
            raise AppendOnlyError("audit entries never change")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse: rows stay."""
        raise AppendOnlyError("audit entries are never deleted")

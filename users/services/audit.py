"""Writing down who did what in the back office."""

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from datetime import datetime
from types import MappingProxyType
from typing import Any

import structlog
from django.db.models import Model

from users.models import AuditEntry, AuditKind, Staff
from users.rules.audit import presentable, without_addresses

LONGEST_SUBJECT = 200
AT_ONCE = 500
NOTHING: Mapping[str, Any] = MappingProxyType({})
caller_address: ContextVar[str] = ContextVar("caller_address", default="")
"""Where the request under way came from, for those who know no HTTP; bound at the edge."""


def note(
    *,
    brand_id: int | None,
    staff_id: int | None,
    kind: AuditKind,
    subject: Model | None = None,
    before: Mapping[str, Any] = NOTHING,
    after: Mapping[str, Any] = NOTHING,
    reason: str = "",
    at: datetime,
    address: str = "",
) -> None:
    """Write one entry, in the transaction of what it tells of; `before` and `after` hold the changed fields alone.

    What is secret or personal among their values is replaced (users.rules.audit), and e-mail addresses in the reason.
    Without an address it is where the request under way came from.
    """
    told: dict[str, Any] = {"kind": kind, "reason": without_addresses(reason), "at": at} | _circumstances(staff_id, address)
    _about(subject, before=before, after=after, brand_id=brand_id, **told).save(force_insert=True)


def note_each(
    *,
    subjects: Iterable[tuple[int | None, Model]],
    staff_id: int | None,
    kind: AuditKind,
    after: Mapping[str, Any] = NOTHING,
    reason: str = "",
    at: datetime,
) -> None:
    """Write one entry for each of many subjects, told with the brand each is of, about the same deed."""
    told: dict[str, Any] = {"kind": kind, "reason": without_addresses(reason), "at": at} | _circumstances(staff_id, "")
    entries = [_about(subject, after=after, brand_id=brand_id, **told) for brand_id, subject in subjects]
    AuditEntry.objects.bulk_create(entries, batch_size=AT_ONCE)


def _circumstances(staff_id: int | None, address: str) -> dict[str, Any]:
    """Who it was by the name of the day, from where, and in which request."""
    name = Staff.objects.filter(pk=staff_id).values_list("username", flat=True).first() if staff_id is not None else None
    return {
        "staff_id": staff_id,
        "staff_name": name or "",
        "address": address or caller_address.get() or None,
        "request_id": str(structlog.contextvars.get_contextvars().get("request_id", "")),
    }


def _about(
    subject: Model | None, *, before: Mapping[str, Any] = NOTHING, after: Mapping[str, Any] = NOTHING, **told: Any
) -> AuditEntry:
    model = subject._meta.label_lower if subject is not None else ""  # noqa: SLF001 - the documented name of a model
    if subject is not None:
        told["subject_id"] = str(subject.pk)
        told["subject_text"] = without_addresses(str(subject))[:LONGEST_SUBJECT]
    return AuditEntry(
        subject_model=model, before=presentable(before, model=model), after=presentable(after, model=model), **told
    )

"""Writing down who did what in the back office."""

from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime
from types import MappingProxyType
from typing import Any

import structlog
from django.db.models import Model

from users.models import AuditEntry, AuditKind, Staff
from users.rules.audit import presentable, without_addresses

LONGEST_SUBJECT = 200
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
    name = Staff.objects.filter(pk=staff_id).values_list("username", flat=True).first() if staff_id is not None else None
    model = subject._meta.label_lower if subject is not None else ""  # noqa: SLF001 - the documented name of a model
    AuditEntry.objects.create(
        brand_id=brand_id,
        staff_id=staff_id,
        staff_name=name or "",
        kind=kind,
        subject_model=model,
        subject_id=str(subject.pk) if subject is not None else "",
        subject_text=without_addresses(str(subject))[:LONGEST_SUBJECT] if subject is not None else "",
        before=presentable(before, model=model),
        after=presentable(after, model=model),
        reason=without_addresses(reason),
        address=address or caller_address.get() or None,
        request_id=str(structlog.contextvars.get_contextvars().get("request_id", "")),
        at=at,
    )

"""What the APIs keep about a member, for an export: answers that spoke of them."""

from collections.abc import Iterator
from typing import Any

from loyalty.api.models import IdempotentRequest
from users.services.exporting import Family, add_section


def _answers(family: Family) -> Iterator[dict[str, Any]]:
    rows = IdempotentRequest.objects.filter(member__in=family, body__isnull=False).order_by("created_at")
    for key, status, body, at in rows.values_list("key", "status", "body", "created_at").iterator(chunk_size=100):
        yield {"key": key, "status": status, "answer": bytes(body or b"").decode(), "created_at": at}


def listen() -> None:
    """Add the section."""
    add_section("answers", _answers)

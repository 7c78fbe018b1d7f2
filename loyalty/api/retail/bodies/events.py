"""Events."""

from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from loyalty.api.retail.bodies.reading import MemberId

Name = Annotated[str, Meta(min_length=1, max_length=255)]
Tag = Annotated[str, Meta(min_length=1, max_length=100)]


class EventIn(Struct, forbid_unknown_fields=True):
    """What a member did: `event_code` is the tag of an action, `event_id` the shop's own name for this one event."""

    member_id: MemberId
    event_code: Tag
    event_id: Name | None = None
    occurred_at: datetime | None = None
    properties: dict[str, Any] | None = None

    @property
    def instant(self) -> datetime | None:
        """When it happened; without a zone it is UTC."""
        told = self.occurred_at
        return told.replace(tzinfo=UTC) if told is not None and told.tzinfo is None else told

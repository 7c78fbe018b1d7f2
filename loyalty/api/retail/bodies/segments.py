"""What operations on segments take."""

from typing import Annotated

from msgspec import Meta, Struct

from loyalty.api.retail.bodies.reading import MemberId
from users.services.segments import LONGEST_DESCRIPTION, LONGEST_NAME, MOST_AT_ONCE


class SegmentBody(Struct, forbid_unknown_fields=True):
    """A segment that is to be made."""

    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
    description: Annotated[str, Meta(max_length=LONGEST_DESCRIPTION)] | None = None


class SegmentMembersBody(Struct, forbid_unknown_fields=True):
    """Members who are to be added."""

    member_ids: Annotated[list[MemberId], Meta(min_length=1, max_length=MOST_AT_ONCE)]

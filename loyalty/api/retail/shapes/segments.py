"""Segments and their members."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from loyalty.api.shapes import instant_text
from users.models import Segment, SegmentMember
from users.services.segments import Placed

Outcome = Literal["added", "already_member", "not_found"]


class SegmentOut(Struct):
    """A group of members; `kind` says whether hands keep it or a rule does."""

    id: int
    name: str
    description: str
    kind: Literal["hand", "rule"]
    members_count: int


class SegmentAnswer(Struct):
    """A segment."""

    data: SegmentOut


class SegmentPageAnswer(Struct):
    """A page of segments."""

    data: list[SegmentOut]
    next_cursor: str | None


class SegmentMemberOut(Struct):
    """Who is in a segment, and since when."""

    member_id: str
    added_at: str


class SegmentMemberPageAnswer(Struct):
    """A page of members."""

    data: list[SegmentMemberOut]
    next_cursor: str | None


class PlacedOut(Struct):
    """What came of one id."""

    member_id: str
    status: Outcome


class PlacedAnswer(Struct):
    """What came of each id, in the order in which they were sent."""

    data: list[PlacedOut]


def segment_out(segment: Segment) -> SegmentOut:
    """A segment as it stands."""
    return SegmentOut(
        segment.pk,
        segment.name,
        segment.description,
        segment.kind,  # type: ignore[arg-type]
        segment.members_count,
    )


def member_out(row: SegmentMember) -> SegmentMemberOut:
    """One member of a segment."""
    return SegmentMemberOut(row.member.auth_id or "", instant_text(row.added_at))


def outcomes_of(placed: Sequence[Placed]) -> list[Outcome]:
    """What came of each id, without the ids: as it is kept under an idempotency key, it names nobody."""
    return [one.outcome.value for one in placed]


def placed_answer(member_ids: Sequence[str], outcomes: Sequence[Outcome]) -> PlacedAnswer:
    """The ids of a request with what came of them."""
    return PlacedAnswer([PlacedOut(*pair) for pair in zip(member_ids, outcomes, strict=True)])

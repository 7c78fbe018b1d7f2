"""Segments: made, filled and emptied by hand; and the queue of members whose rules must be judged again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import IntegrityError, transaction

from loyalty.database import constraint_of, execute_prepared, write
from loyalty.errors import FieldError, invalid_field
from users.errors import SegmentByRule, SegmentNameTaken, SegmentNotFound, UserNotFound
from users.models import Member, Segment, SegmentKind, SegmentMember
from users.rules.segments import Rule

LONGEST_NAME = 100
LONGEST_DESCRIPTION = 2_000
MOST_AT_ONCE = 1_000
# Held against erasure until the transaction ends, in the order of their ids; the erased have no name any more.
HOLD_NAMED = """
SELECT id, auth_id FROM users_member WHERE brand_id = %s::bigint AND auth_id = ANY(%s::text[]) ORDER BY id FOR SHARE
"""
HOLD = """
SELECT id FROM users_member
WHERE brand_id = %s::bigint AND id = ANY(%s::bigint[]) AND auth_id IS NOT NULL ORDER BY id FOR SHARE
"""
PLACE = """
INSERT INTO users_segmentmember (brand_id, segment_id, member_id, added_at)
SELECT %s::bigint, %s::bigint, member_id, %s::timestamptz FROM unnest(%s::bigint[]) AS member_id
ON CONFLICT (brand_id, segment_id, member_id) DO NOTHING RETURNING member_id
"""
NOTE_DUE = """
INSERT INTO users_segmentdue (brand_id, member_id)
SELECT %s::bigint, member_id FROM unnest(%s::bigint[]) AS member_id
WHERE EXISTS (SELECT FROM users_segment WHERE brand_id = %s::bigint AND kind = 'rule')
"""
INHERIT = """
INSERT INTO users_segmentmember (brand_id, segment_id, member_id, added_at)
SELECT m.brand_id, m.segment_id, %s::bigint, m.added_at
FROM users_segmentmember m JOIN users_segment s ON s.id = m.segment_id
WHERE m.brand_id = %s::bigint AND m.member_id = %s::bigint AND s.kind = 'hand' ORDER BY m.segment_id
ON CONFLICT (brand_id, segment_id, member_id) DO NOTHING
"""


class Outcome(StrEnum):
    """What came of one id that was to be added."""

    ADDED = "added"
    ALREADY_MEMBER = "already_member"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class Placed:
    """One id that was to be added, and what came of it."""

    auth_id: str
    outcome: Outcome


def create_segment(*, brand_id: int, name: str, at: datetime, description: str = "", rule: Rule | None = None) -> Segment:
    """Make a segment: by hand, or by a rule that was judged before. Raises SegmentNameTaken, InvalidRequest."""
    segment = Segment(brand_id=brand_id, created_at=at, **_told(name, description))
    if rule is not None:
        segment.kind, segment.rule, segment.ruled_at = SegmentKind.RULE, rule.content(), at

    def effect() -> Segment:
        _save(segment)
        return segment

    return write(effect)


def change_segment(*, brand_id: int, segment_id: int, name: str, description: str) -> Segment:
    """Call a segment something else. Raises SegmentNotFound, SegmentNameTaken, InvalidRequest."""
    told = _told(name, description)

    def effect() -> Segment:
        segment = find_segment(brand_id=brand_id, segment_id=segment_id)
        for field, value in told.items():
            setattr(segment, field, value)
        _save(segment, fields=list(told))
        return segment

    return write(effect)


def find_segment(*, brand_id: int, segment_id: int) -> Segment:
    """One segment of the brand. Raises SegmentNotFound."""
    segment = Segment.objects.filter(brand_id=brand_id, pk=segment_id).first()
    if segment is None:
        raise SegmentNotFound
    return segment


def kept_by_hand(*, brand_id: int, segment_id: int) -> Segment:
    """A segment into which hands may reach; what one is, it stays. Raises SegmentNotFound, SegmentByRule."""
    segment = find_segment(brand_id=brand_id, segment_id=segment_id)
    if segment.kind == SegmentKind.RULE:
        raise SegmentByRule
    return segment


def add_members(*, brand_id: int, segment_id: int, auth_ids: Sequence[str], at: datetime) -> list[Placed]:
    """Add members by the partner's names for them; answers each in its order. One that comes twice is a member the second time.

    Raises SegmentNotFound, SegmentByRule, InvalidRequest (too many at once, or none).
    """
    if not 1 <= len(auth_ids) <= MOST_AT_ONCE:
        raise invalid_field("member_ids", f"1 to {MOST_AT_ONCE} ids")

    def effect() -> list[Placed]:
        segment = kept_by_hand(brand_id=brand_id, segment_id=segment_id)
        return place_named(segment=segment, auth_ids=auth_ids, at=at)

    return write(effect)


def place_named(*, segment: Segment, auth_ids: Sequence[str], at: datetime) -> list[Placed]:
    """Put members into a segment that is kept by hand, inside the open transaction, in three statements for all of them."""
    names = sorted({name for name in auth_ids if "\x00" not in name})
    found = {name: pk for pk, name in execute_prepared(HOLD_NAMED, [segment.brand_id, names])}
    fresh = place(segment=segment, member_ids=sorted(found.values()), at=at)
    placed = []
    for name in auth_ids:
        pk = found.get(name)
        outcome = Outcome.NOT_FOUND if pk is None else Outcome.ADDED if pk in fresh else Outcome.ALREADY_MEMBER
        fresh.discard(pk or 0)
        placed.append(Placed(name, outcome))
    return placed


def place(*, segment: Segment, member_ids: Sequence[int], at: datetime) -> set[int]:
    """Put members that are held into a segment, inside the open transaction; answers which are new in it."""
    rows = execute_prepared(PLACE, [segment.brand_id, segment.pk, at, list(member_ids)])
    fresh = {pk for (pk,) in rows}
    note_due(brand_id=segment.brand_id, member_ids=fresh)
    return fresh


def remove_member(*, brand_id: int, segment_id: int, auth_id: str) -> bool:
    """Take a member out; answers whether it was in. Raises SegmentNotFound, SegmentByRule, UserNotFound."""

    def effect() -> bool:
        segment = kept_by_hand(brand_id=brand_id, segment_id=segment_id)
        found = execute_prepared(HOLD_NAMED, [brand_id, [auth_id]]) if "\x00" not in auth_id else []
        if not found:
            raise UserNotFound
        gone, _ = SegmentMember.objects.filter(brand_id=brand_id, segment=segment, member_id=found[0][0]).delete()
        if gone:
            note_due(brand_id=brand_id, member_ids=[found[0][0]])
        return bool(gone)

    return write(effect)


def segment_ids_of(member: Member) -> list[int]:
    """The segments that a member is in."""
    rows = SegmentMember.objects.filter(brand_id=member.brand_id, member=member)
    return list(rows.order_by("segment_id").values_list("segment_id", flat=True))


def note_due(*, brand_id: int, member_ids: Iterable[int]) -> None:
    """Have the rules judged again for members of whom something changed, in the transaction of the change.

    A brand without a rule pays for a look at an index.
    """
    execute_prepared(NOTE_DUE, [brand_id, sorted(member_ids), brand_id])


def release_member(*, member: Member) -> None:
    """An erased member is in no segment; whoever judges a rule this very moment is told to look again."""
    SegmentMember.objects.filter(brand_id=member.brand_id, member=member).delete()
    note_due(brand_id=member.brand_id, member_ids=[member.pk])


def inherit_segments(*, keep: Member, duplicate: Member) -> None:
    """The kept member comes into the duplicate's segments that are kept by hand; by rule, they are judged together."""
    execute_prepared(INHERIT, [keep.pk, keep.brand_id, duplicate.pk])
    SegmentMember.objects.filter(brand_id=keep.brand_id, member=duplicate).delete()
    note_due(brand_id=keep.brand_id, member_ids=[keep.pk, duplicate.pk])


def _told(name: str, description: str) -> dict[str, str]:
    """Both texts as they are kept. Raises InvalidRequest."""
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise invalid_field("name", f"1 to {LONGEST_NAME} printable characters")
    if len(description) > LONGEST_DESCRIPTION or "\x00" in description:
        raise invalid_field("description", f"at most {LONGEST_DESCRIPTION} characters")
    return {"name": name, "description": description.strip()}


def _save(segment: Segment, fields: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            segment.save(update_fields=fields)
    except IntegrityError as error:
        if constraint_of(error) == "segment_name_once":
            raise SegmentNameTaken(errors=[FieldError("name", SegmentNameTaken.code, SegmentNameTaken.detail)]) from None
        raise

"""Short ways to segments and their rules in tests."""

from datetime import datetime
from typing import Any

from ledger.models import Token
from rewards.models import Programme
from rewards.services.segment_rules import create_segment_by_rule
from rewards.services.segmenting import Judged, judge_segment
from tests.conftest import NOON
from users.models import Brand, Member, Segment, SegmentDue, SegmentMember
from users.services.segments import Placed, add_members, create_segment

VIP = {"kind": "tag", "tag": "vip"}


def rule_of(*conditions: dict[str, Any], match: str = "all") -> dict[str, Any]:
    return {"match": match, "conditions": list(conditions)}


def by_hand(brand: Brand, name: str = "VIP") -> Segment:
    return create_segment(brand_id=brand.pk, name=name, at=NOON)


def by_rule(brand: Brand, *conditions: dict[str, Any], name: str = "By rule", match: str = "all") -> Segment:
    """A segment by rule that nobody has judged yet."""
    rule = rule_of(*(conditions or (VIP,)), match=match)
    return create_segment_by_rule(brand_id=brand.pk, name=name, rule=rule, at=NOON)


def judge(segment: Segment, at: datetime = NOON) -> Judged:
    return judge_segment(segment_id=segment.pk, clock=lambda: at)


def put(segment: Segment, *members: Member) -> list[Placed]:
    names = [member.auth_id or "" for member in members]
    return add_members(brand_id=segment.brand_id, segment_id=segment.pk, auth_ids=names, at=NOON)


def inside(segment: Segment) -> set[int]:
    """The ids of its members, whose number the database has kept."""
    found = set(SegmentMember.objects.filter(segment=segment).values_list("member_id", flat=True))
    assert Segment.objects.get(pk=segment.pk).members_count == len(found)
    return found


def queued(brand: Brand) -> set[int]:
    return set(SegmentDue.objects.filter(brand=brand).values_list("member_id", flat=True))


def unqueue(brand: Brand) -> None:
    SegmentDue.objects.filter(brand=brand).delete()


def earn_in(token: Token) -> None:
    """Make a token its brand's programme's."""
    Programme.objects.create(brand_id=token.brand_id, token=token)

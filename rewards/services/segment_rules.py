"""Rules of segments are given, changed and tried out."""

from datetime import datetime

from django.db import OperationalError, connection, transaction

from ledger.models import Token
from loyalty.database import execute_prepared, sqlstate, write
from loyalty.errors import invalid_field
from rewards.errors import SegmentCountTooSlow
from rewards.services.segment_queries import SPAN, compile_rule
from rewards.services.segmenting import LOCK, be_patient
from users.errors import SegmentNotFound
from users.models import Brand, PartnerProgramme, Segment, SegmentKind
from users.rules.segments import HasMembership, InSegment, Leaf, PointsCondition, Rule, parse_rule, path_of
from users.services.segments import create_segment, find_segment

HIGHEST_ID = 2**63 - 1
COUNT_SECONDS = 10
QUERY_CANCELLED = "57014"


def create_segment_by_rule(*, brand_id: int, name: str, rule: object, at: datetime, description: str = "") -> Segment:
    """Make a segment by a rule in JSON; a task puts its members in.

    Raises SegmentNameTaken, InvalidRequest naming the field.
    """
    judged = check_rule(brand_id=brand_id, rule=rule)
    return create_segment(brand_id=brand_id, name=name, description=description, rule=judged, at=at)


def change_rule(*, brand_id: int, segment_id: int, rule: object, at: datetime) -> Segment:
    """Give a segment by rule another rule; a task judges everybody anew. Raises SegmentNotFound, InvalidRequest."""
    judged = check_rule(brand_id=brand_id, rule=rule)

    def effect() -> Segment:
        be_patient()
        execute_prepared(LOCK, [segment_id])
        segment = find_segment(brand_id=brand_id, segment_id=segment_id)
        if segment.kind != SegmentKind.RULE:
            raise SegmentNotFound("This segment is kept by hand and has no rule")
        if segment.rule != judged.content():
            segment.rule, segment.ruled_at, segment.judged_at, segment.judging_until = judged.content(), at, None, None
            segment.save(update_fields=["rule", "ruled_at", "judged_at", "judging_until"])
        return segment

    return write(effect)


def check_rule(*, brand_id: int, rule: object) -> Rule:
    """The rule, whose every token, programme and segment the brand has. Raises InvalidRequest naming the field."""
    judged = parse_rule(rule)
    tokens = set(Token.objects.filter(brand_id=brand_id, pk__in=judged.token_ids()).values_list("pk", flat=True))
    by_hand = Segment.objects.filter(brand_id=brand_id, kind=SegmentKind.HAND, pk__in=judged.segment_ids())
    segments = set(by_hand.values_list("pk", flat=True))
    named = PartnerProgramme.objects.filter(implementation_name__in=judged.programmes())
    programmes = set(named.values_list("implementation_name", flat=True)) | _brands(judged.programmes())
    for leaf in judged.leaves():
        if fault := _fault(leaf, tokens, segments, programmes):
            field, detail = fault
            raise invalid_field(f"{path_of(judged, leaf)}.{field}", detail)
    return judged


def count_members(*, brand: Brand, rule: Rule, at: datetime) -> int:
    """How many members would be in a segment by this rule now; nothing is written. Raises SegmentCountTooSlow."""
    query = compile_rule(rule, brand=brand, at=at, scope=SPAN)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{COUNT_SECONDS}s'")
            cursor.execute(f"WITH {query.text} SELECT count(*) FROM fit", query.terms | {"after": 0, "upto": HIGHEST_ID})
            return int(cursor.fetchone()[0])
    except OperationalError as error:
        if sqlstate(error) == QUERY_CANCELLED:
            raise SegmentCountTooSlow from None
        raise


def _brands(names: set[str]) -> set[str]:
    ids = [int(name) for name in names if name.isascii() and name.isdecimal() and len(name) <= 18]
    return {str(pk) for pk in Brand.objects.filter(pk__in=ids).values_list("pk", flat=True)}


def _fault(leaf: Leaf, tokens: set[int], segments: set[int], programmes: set[str]) -> tuple[str, str] | None:
    """The field of a condition that names what the brand does not have, and why it is refused."""
    match leaf:
        case PointsCondition(token_id=int(token_id)) if token_id not in tokens:
            return "token_id", "the brand has no such token"
        case InSegment(segment_id=segment_id) if segment_id not in segments:
            return "segment_id", "the brand keeps no such segment by hand"
        case HasMembership(programme=programme) if programme not in programmes:
            return "programme", "there is no such programme"
    return None

"""Segments, their members, and the promotions that are tied to them."""

from drf_spectacular.utils import OpenApiParameter

from loyalty.api.retail.bodies import segments as bodies
from loyalty.api.retail.documents import bearer
from loyalty.api.retail.documents.parameters import CURSOR, ID, LIMIT
from loyalty.api.retail.examples import segments as examples
from loyalty.api.retail.shapes import segments as shapes
from loyalty.api.schema import documented
from users.models import RetailScope

TAG = "Retail: segments"
READ, WRITE = bearer(RetailScope.SEGMENTS_READ), bearer(RetailScope.SEGMENTS_WRITE)
SEGMENT = OpenApiParameter("segment_id", ID, OpenApiParameter.PATH, description="The id of a segment.")
MEMBER = OpenApiParameter("member_id", str, OpenApiParameter.PATH, description="The brand's own id of a member.")
PROMOTION = OpenApiParameter("promotion_id", ID, OpenApiParameter.PATH, description="The id of a promotion.")
list_segments = documented(
    operation="list_segments",
    tag=TAG,
    description="List segments. They stand in the order in which they were made.",
    parameters=[LIMIT, CURSOR],
    answer=(200, shapes.SegmentPageAnswer),
    example=examples.SEGMENTS,
    refusals={400: ["invalid_request"]},
    way_in=READ,
)
create_segment = documented(
    operation="create_segment",
    tag=TAG,
    description="Make a segment that is kept by hand. Those that are kept by a rule are made in the back office.",
    body=bodies.SegmentBody,
    body_examples={"a segment": examples.SEGMENT_BODY},
    answer=(201, shapes.SegmentAnswer),
    example=examples.SEGMENT,
    refusals={409: ["segment_name_taken"]},
    once=True,
    way_in=WRITE,
)
list_segment_members = documented(
    operation="list_segment_members",
    tag=TAG,
    description="List the members of a segment. They stand in the order in which they registered.",
    parameters=[SEGMENT, LIMIT, CURSOR],
    answer=(200, shapes.SegmentMemberPageAnswer),
    example=examples.MEMBERS,
    refusals={400: ["invalid_request"], 404: ["segment_not_found", "not_found"]},
    way_in=READ,
)
add_segment_members = documented(
    operation="add_segment_members",
    tag=TAG,
    description="Add up to 1,000 members. Each id is answered in its order, one that comes twice as a member the second time; "
    "what is not found hinders no other. The body may have 1 MB.",
    parameters=[SEGMENT],
    body=bodies.SegmentMembersBody,
    body_examples={"three members": examples.MEMBERS_BODY},
    answer=(200, shapes.PlacedAnswer),
    example=examples.PLACED,
    refusals={404: ["segment_not_found", "not_found"], 409: ["segment_by_rule"]},
    once=True,
    way_in=WRITE,
)
remove_segment_member = documented(
    operation="remove_segment_member",
    tag=TAG,
    description="Take a member out of a segment. Who is not in it is none afterwards either.",
    parameters=[SEGMENT, MEMBER],
    answer=(204, None),
    refusals={404: ["segment_not_found", "member_not_found", "not_found"], 409: ["segment_by_rule"]},
    way_in=WRITE,
)
tie_promotion = documented(
    operation="tie_promotion",
    tag=TAG,
    description="Tie a segment to a promotion. Tied to several, it serves the members of any of them; tied to none, everybody.",
    parameters=[PROMOTION, SEGMENT],
    answer=(204, None),
    refusals={404: ["promotion_not_found", "segment_not_found", "not_found"]},
    way_in=bearer(RetailScope.PROMOTIONS_WRITE),
)
untie_promotion = documented(
    operation="untie_promotion",
    tag=TAG,
    description="Untie a segment from a promotion. What is not tied is not tied afterwards either.",
    parameters=[PROMOTION, SEGMENT],
    answer=(204, None),
    refusals={404: ["promotion_not_found", "segment_not_found", "not_found"]},
    way_in=bearer(RetailScope.PROMOTIONS_WRITE),
)

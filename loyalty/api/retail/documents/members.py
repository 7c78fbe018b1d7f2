"""Members: who they are, and how their points moved."""

from drf_spectacular.utils import OpenApiParameter

from loyalty.api.retail.bodies.members import IdentificationBody
from loyalty.api.retail.documents import bearer
from loyalty.api.retail.documents.parameters import CURSOR, FROM_TIME, LIMIT, TO_TIME
from loyalty.api.retail.examples import members as examples
from loyalty.api.retail.shapes import history, members
from loyalty.api.schema import WayIn, documented
from users.models import RetailScope

TAG = "Retail: members"
WAY_IN = bearer(RetailScope.MEMBERS_READ)
identify_member = documented(
    operation="identify_member",
    tag=TAG,
    description="Make the cookie by which the gift shop knows a member, for fifteen minutes. It is also set with the answer.",
    body=IdentificationBody,
    body_examples={"member": examples.IDENTIFICATION_BODY},
    answer=(200, members.IdentificationAnswer),
    example=examples.IDENTIFICATION,
    refusals={400: ["member_not_found"]},
    once=True,
    way_in=WAY_IN,
)
get_identified = documented(
    operation="get_identified",
    tag=TAG,
    description="Read the member whom the cookie stands for. It needs no token.",
    answer=(200, members.IdentifiedAnswer),
    example=examples.IDENTIFIED,
    refusals={400: ["invalid_request"], 409: ["programme_missing"]},
    way_in=WayIn("identification", {401: ["identification_invalid"]}),
)
list_member_transactions = documented(
    operation="list_member_transactions",
    tag=TAG,
    description=(
        "List how a member's points moved, newest first; of what was redeemed, also where its order stands."
        " They are the points of the brand's programme unless `token_id` names others."
    ),
    parameters=[
        OpenApiParameter("member_id", str, OpenApiParameter.PATH, description="Your own id of the member."),
        OpenApiParameter("type", {"type": "string", "enum": list(history.TYPES)}, description="Several are parted by commas."),
        OpenApiParameter(
            "status", {"type": "string", "enum": list(history.STATUSES)}, description="Of orders; several are parted by commas."
        ),
        FROM_TIME,
        TO_TIME,
        OpenApiParameter("token_id", {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}),
        LIMIT,
        CURSOR,
    ],
    answer=(200, history.HistoryAnswer),
    example=examples.HISTORY,
    refusals={400: ["invalid_request", "token_not_found"], 404: ["member_not_found"], 409: ["programme_missing"]},
    way_in=WAY_IN,
)

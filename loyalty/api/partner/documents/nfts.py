"""Collectibles."""

from drf_spectacular.utils import OpenApiParameter

from loyalty.api.partner import bodies, examples
from loyalty.api.partner.documents.parameters import LIMIT, OFFSET
from loyalty.api.partner.shapes import nfts
from loyalty.api.schema import documented

TAG = "NFTs"
ITEM_ID = OpenApiParameter("item_id", {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}, OpenApiParameter.PATH)
list_nfts = documented(
    operation="list_nfts",
    tag=TAG,
    description="List items, what changed last first. A user that does not exist has none.",
    parameters=[
        OpenApiParameter("user_auth_id", str),
        OpenApiParameter("status", str, enum=["pending", "approved", "rejected"]),
        LIMIT,
        OFFSET,
    ],
    answer=(200, nfts.ItemsAnswer),
    example=examples.ITEMS,
    refusals={400: ["invalid_request"]},
)
decide = documented(
    operation="decide_personalisation",
    tag=TAG,
    description="Approve or reject a pending personalisation. A rejection mails the user. The decision is a transaction.",
    body=bodies.DecisionBody,
    body_examples={"approve": examples.DECISION_BODY, "reject": examples.REJECTION_BODY},
    answer=(200, nfts.ItemAnswer),
    example=examples.ITEM,
    refusals={404: ["nft_not_found"], 409: ["personalisation_not_pending"]},
    once=True,
)
request_personalisation = documented(
    operation="request_personalisation",
    tag=TAG,
    description="Store what the user asks for, and make it pending; what is approved stays.",
    parameters=[ITEM_ID],
    body=bodies.PersonalisationBody,
    body_examples={"an engraving": examples.PERSONALISATION_BODY},
    answer=(200, nfts.ItemAnswer),
    example=examples.PENDING_ITEM,
    refusals={404: ["nft_not_found", "not_found"], 409: ["personalisation_approved"]},
    once=True,
)

"""Campaigns and codes."""

from drf_spectacular.utils import OpenApiParameter

from loyalty.api.partner import bodies, examples
from loyalty.api.partner.shapes import codes
from loyalty.api.schema import documented

TAG = "Codes"
CODE = OpenApiParameter(
    "code", str, OpenApiParameter.PATH, description="As it was typed: blanks, dashes and case do not count."
)
create_code = documented(
    operation="create_code",
    tag=TAG,
    description="Issue a code of a campaign. With an email it is mailed from the campaign's template. A reference_id is unique "
    "among the brand's codes, for ever.",
    body=bodies.CodeBody,
    body_examples={"a code that is mailed": examples.CODE_BODY},
    answer=(201, codes.IssuedCodeAnswer),
    example=examples.ISSUED_CODE,
    refusals={
        400: [
            *("campaign_not_found", "campaign_not_running", "campaign_out_of_budget", "code_length_too_short"),
            "invalid_reference",
        ],
        409: ["reference_already_used"],
    },
    once=True,
)
get_code = documented(
    operation="get_code",
    tag=TAG,
    description="Read a code, and what has become of it. Codes that do not exist are counted for the key and the brand.",
    parameters=[CODE],
    answer=(200, codes.CodeAnswer),
    example=examples.CODE,
    refusals={404: ["code_not_found"], 429: ["too_many_code_tries"]},
)
list_campaigns = documented(
    operation="list_campaigns",
    tag=TAG,
    description="List all campaigns of the brand.",
    answer=(200, codes.CampaignsAnswer),
    example=examples.CAMPAIGNS,
    refusals={400: ["invalid_request"]},
)

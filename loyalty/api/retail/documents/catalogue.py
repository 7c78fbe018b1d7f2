"""Languages, categories and gifts."""

from drf_spectacular.utils import OpenApiParameter

from loyalty.api.retail.documents import bearer
from loyalty.api.retail.documents.parameters import CURSOR, ID, INSTANT, LANGUAGE, LIMIT
from loyalty.api.retail.examples import catalogue as examples
from loyalty.api.retail.shapes import catalogue as shapes
from loyalty.api.schema import documented
from users.models import RetailScope

TAG = "Retail: catalogue"
WAY_IN = bearer(RetailScope.CATALOGUE_READ)
ETAG = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag that the caller holds: 304 where it still stands.",
)
MEMBER = OpenApiParameter("member_id", str, description="Also the gifts for the segments that this member is in.")
UNCHANGED = {304: (None, None)}
list_languages = documented(
    operation="list_languages",
    tag=TAG,
    description="List the languages that the brand speaks, the default first.",
    answer=(200, shapes.LanguagesAnswer),
    example=examples.LANGUAGES,
    refusals={400: ["invalid_request"]},
    way_in=WAY_IN,
)
list_categories = documented(
    operation="list_categories",
    tag=TAG,
    description="List the active reward categories, as a tree.",
    parameters=[LANGUAGE],
    answer=(200, shapes.CategoriesAnswer),
    example=examples.CATEGORIES,
    refusals={400: ["invalid_request", "unknown_language"]},
    way_in=WAY_IN,
)
list_gifts = documented(
    operation="list_gifts",
    tag=TAG,
    description=(
        "List the gifts that are on offer now. Those for certain segments are shown only with a `member_id` in one of them."
        " With `updated_since` (the time of the first page of the last reading) only what was changed or came on offer since."
    ),
    parameters=[
        OpenApiParameter("category", str, description="The code of a category; those that stand in it are included."),
        LANGUAGE,
        MEMBER,
        OpenApiParameter("updated_since", INSTANT, description="ISO 8601, included; without a zone it is UTC."),
        LIMIT,
        CURSOR,
        ETAG,
    ],
    answer=(200, shapes.GiftPageAnswer),
    example=examples.GIFT_PAGE,
    refusals={400: ["invalid_request", "unknown_language", "category_not_found", "member_not_found"]},
    further=UNCHANGED,
    way_in=WAY_IN,
)
get_gift = documented(
    operation="get_gift",
    tag=TAG,
    description="Read one gift that is on offer now.",
    parameters=[OpenApiParameter("gift_id", ID, OpenApiParameter.PATH), LANGUAGE, MEMBER, ETAG],
    answer=(200, shapes.GiftAnswer),
    example=examples.GIFT,
    refusals={400: ["invalid_request", "unknown_language", "member_not_found"], 404: ["gift_not_found", "not_found"]},
    further=UNCHANGED,
    way_in=WAY_IN,
)

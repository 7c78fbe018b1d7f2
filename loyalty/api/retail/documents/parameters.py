"""Parameters that several operations take."""

from drf_spectacular.utils import OpenApiParameter

INSTANT = {"type": "string", "format": "date-time"}
LIMIT = OpenApiParameter(
    "limit", {"type": "integer", "minimum": 1, "default": 100}, description="More than 100 is read as 100."
)
CURSOR = OpenApiParameter("cursor", str, description="The `next_cursor` of the page before.")
LANGUAGE = OpenApiParameter(
    "language", str, description="One of the brand's languages; without it, the default. What has no text in it keeps its own."
)
FROM_TIME = OpenApiParameter("from_time", INSTANT, description="ISO 8601, included; without a zone it is UTC.")
TO_TIME = OpenApiParameter("to_time", INSTANT, description="ISO 8601, not included.")
ID = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}

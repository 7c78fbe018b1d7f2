"""Parameters that several operations take."""

from drf_spectacular.utils import OpenApiParameter

INSTANT = {"type": "string", "format": "date-time"}
FROM_TIME = OpenApiParameter("from_time", INSTANT, description="ISO 8601, included; without a zone it is UTC.")
TO_TIME = OpenApiParameter("to_time", INSTANT, description="ISO 8601, not included.")
LIMIT = OpenApiParameter(
    "limit", {"type": "integer", "minimum": 1, "default": 100}, description="More than 100 is read as 100."
)
OFFSET = OpenApiParameter("offset", {"type": "integer", "minimum": 0, "default": 0}, description="As in SQL.")
AUTH_ID = OpenApiParameter("auth_id", str, OpenApiParameter.PATH, description="Your own id of the user.")
TARGET = OpenApiParameter(
    "target", str, OpenApiParameter.PATH, description="A programme's implementation name, or your own brand id."
)
TRANSACTION_ID = OpenApiParameter(
    "transaction_id", {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}, OpenApiParameter.PATH
)

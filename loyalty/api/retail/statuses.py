"""The Retail API's table from refusals to statuses."""

from loyalty.api import statuses

STATUSES = statuses.STATUSES
# Where what is named stands in the body or in the query, not in the path.
IN_BODY = STATUSES | {"gift_not_found": 400, "member_not_found": 400, "token_not_found": 400}

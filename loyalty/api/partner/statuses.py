"""The Partner API's table from refusals to statuses."""

from loyalty.api import statuses

STATUSES = statuses.STATUSES
# Where the user and the token stand in the body, not in the path.
IN_BODY = STATUSES | {"user_not_found": 400, "token_not_found": 400}

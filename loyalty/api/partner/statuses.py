"""The Partner API's table from refusals to statuses."""

from loyalty.api import problems

STATUSES = problems.STATUSES | {
    "auth_id_taken": 400,
    "balance_limit": 400,
    "insufficient_balance": 400,
    "invalid_amount": 400,
    "invalid_api_key": 401,
    "invalid_exchange_provider": 400,
    "invalid_membership_number": 400,
    "invalid_reference": 400,
    "membership_not_found": 404,
    "not_reversible": 400,
    "reference_already_used": 409,
    "reversal_exceeds_original": 400,
    "token_not_found": 404,
    "transaction_not_found": 404,
    "unknown_type": 400,
    "user_not_found": 404,
}
# Where the user and the token stand in the body, not in the path.
IN_BODY = STATUSES | {"user_not_found": 400, "token_not_found": 400}

"""The App API's table from refusals to its numbers and statuses, and its own words for them."""

from enum import IntEnum
from http import HTTPStatus

from loyalty.api.statuses import STATUSES


class ErrorCode(IntEnum):
    """What `errorCode` says."""

    OK = 0
    CREDENTIALS = 1
    REFUSED = 2
    ARGUMENTS = 3
    UNKNOWN_USER = 4
    TOKEN = 5
    CONSENT = 6
    POINTS = 7
    GIFT = 8
    LIMIT = 9
    DUPLICATE = 10


NUMBERS = {
    "credentials_wrong": ErrorCode.CREDENTIALS,
    "invalid_request": ErrorCode.ARGUMENTS,
    "unknown_language": ErrorCode.ARGUMENTS,
    "category_not_found": ErrorCode.ARGUMENTS,
    "cursor_expired": ErrorCode.ARGUMENTS,
    "body_too_large": ErrorCode.ARGUMENTS,
    "unsupported_media_type": ErrorCode.ARGUMENTS,
    "not_found": ErrorCode.ARGUMENTS,
    "method_not_allowed": ErrorCode.ARGUMENTS,
    "user_not_found": ErrorCode.UNKNOWN_USER,
    "missing_token": ErrorCode.TOKEN,
    "invalid_token": ErrorCode.TOKEN,
    "consent_refused": ErrorCode.CONSENT,
    "insufficient_balance": ErrorCode.POINTS,
    "reward_type_not_found": ErrorCode.GIFT,
    "reward_type_not_available": ErrorCode.GIFT,
    "out_of_stock": ErrorCode.GIFT,
    "limit_reached": ErrorCode.LIMIT,
    "reward_limit_reached": ErrorCode.LIMIT,
    "action_already_done": ErrorCode.DUPLICATE,
    "transaction_id_reused": ErrorCode.DUPLICATE,
    "answer_erased": ErrorCode.DUPLICATE,
}
CODES = {code: NUMBERS.get(code, ErrorCode.REFUSED) for code in STATUSES}
# What an application reads comes with 200, whatever it says; what stands between it and the application has its status.
EDGE = ("body_too_large", "unsupported_media_type", "not_found", "method_not_allowed", "rate_limited")
FAILURES = ("feed_busy", "service_unavailable", "internal_error")
HTTP = {code: STATUSES[code] for code in EDGE + FAILURES} | dict.fromkeys(
    ("credentials_wrong", "missing_token", "invalid_token"), HTTPStatus.UNAUTHORIZED
)
REASONS = {
    "unknown_event": "unknown_action",
    "out_of_stock": "sold_out",
    "reward_type_not_found": "unknown_gift",
    "reward_type_not_available": "gift_not_available",
    "reward_limit_reached": "limit_reached",
    "action_already_done": "duplicate",
    "transaction_id_reused": "request_id_reused",
    "user_not_found": "unknown_user",
    "invalid_request": "invalid_arguments",
}


def status_of(code: str) -> int:
    """The HTTP status of a refusal."""
    return HTTP.get(code, HTTPStatus.OK)


def reason_of(code: str) -> str:
    """The stable word for a refusal."""
    return REASONS.get(code, code)

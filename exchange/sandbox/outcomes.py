"""What the sandbox does with a credit, by the points that were exchanged."""

from enum import StrEnum


class Outcome(StrEnum):
    """How a credit goes."""

    CREDITED = "credited"
    CREDITED_SILENTLY = "credited_silently"  # no answer, found credited on inquiry
    REFUSED = "refused"
    PENDING_THEN_CREDITED = "pending_then_credited"
    PENDING_THEN_REFUSED = "pending_then_refused"
    TWO_ERRORS_THEN_CREDITED = "two_errors_then_credited"
    LOST_THEN_CREDITED = "lost_then_credited"  # no answer, found never arrived, credited by a second try


BY_POINTS = {
    92: Outcome.CREDITED_SILENTLY,
    93: Outcome.REFUSED,
    94: Outcome.PENDING_THEN_CREDITED,
    95: Outcome.PENDING_THEN_REFUSED,
    97: Outcome.TWO_ERRORS_THEN_CREDITED,
    98: Outcome.LOST_THEN_CREDITED,
}
DECIDED_AFTER_SECONDS = 8


class Fault(StrEnum):
    """What can be switched on besides, for a share of all requests."""

    ERROR_BEFORE = "error_before"  # 500, and nothing was done
    ERROR_AFTER = "error_after"  # 500, though it was done
    BUSY = "busy"  # 429 with Retry-After
    BAD_REQUEST = "bad_request"  # 400 without a reason
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    HANG = "hang"  # done, and then silence
    CUT_BODY = "cut_body"
    INVALID_JSON = "invalid_json"
    SYSTEM_ERROR = "system_error"  # 200, and in it: the outcome is not known


DONE_BEFORE_THE_FAULT = frozenset(
    {Fault.ERROR_AFTER, Fault.RESET_AFTER, Fault.HANG, Fault.CUT_BODY, Fault.INVALID_JSON, Fault.SYSTEM_ERROR}
)

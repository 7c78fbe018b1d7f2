"""Problem details (RFC 9457): the one form of every refusal of the Partner and the Retail API."""

import sys
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions

from loyalty.api import errors, throttling
from loyalty.database import sqlstate
from loyalty.errors import InvalidRequest, LoyaltyError

log = structlog.get_logger()
CONTENT_TYPE = "application/problem+json"
READ_ONLY = "25006"

# Refusals of the edge itself; each dialect adds those of the services it calls.
STATUSES: dict[str, int] = {
    "refused": 400,
    "invalid_request": 400,
    "missing_api_key": 401,
    "scope_missing": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "unsupported_media_type": 415,
    "body_too_large": 413,
    "rate_limited": 429,
    "request_in_progress": 409,
    "idempotency_key_reused": 422,
    "answer_erased": 410,
    "service_unavailable": 503,
    "internal_error": 500,
}
# What Django and DRF raise themselves; the first that fits counts.
FORESEEN: dict[type[Exception], LoyaltyError] = {
    Http404: errors.NotFound(),
    exceptions.MethodNotAllowed: errors.MethodNotAllowed(),
    RequestDataTooBig: errors.BodyTooLarge(settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
    SuspiciousOperation: InvalidRequest(),
}


def problem_body(refusal: LoyaltyError, *, status: int, request_id: str, extra: Mapping[str, Any]) -> bytes:
    """The JSON of a refusal."""
    body = {
        "type": f"urn:loyalty:problem:{refusal.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": str(refusal),
        "code": refusal.code,
        "errors": [{"field": error.field, "code": error.code, "detail": error.detail} for error in refusal.errors],
        "request_id": request_id,
        **extra,
    }
    return msgspec.json.encode(body)


def answer_refusal(
    request: HttpRequest,
    refusal: LoyaltyError,
    *,
    statuses: Mapping[str, int] = STATUSES,
    extra: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """Answer a refusal with the status that the dialect's table gives its code."""
    status = statuses[refusal.code]
    body = problem_body(refusal, status=status, request_id=request_id_of(request), extra=extra or {})
    response = HttpResponse(body, status=status, content_type=CONTENT_TYPE)
    retry_after = getattr(refusal, "retry_after_seconds", None)
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


def refusal_of(error: Exception) -> LoyaltyError:
    """What an exception tells the caller; what nobody foresaw is logged and told as our own fault, without its text."""
    match error:
        case LoyaltyError():
            return error
        case DatabaseError() | InterfaceError() if is_passing(error):
            log.warning("database_unavailable", error=type(error).__name__)
            return errors.ServiceUnavailable()
    for kind, refusal in FORESEEN.items():
        if isinstance(error, kind):
            return refusal
    log.error("unforeseen", exc_info=error)
    return errors.InternalError()


def is_passing(error: Exception) -> bool:
    """Whether a later try may succeed: the server is away, full, busy, read-only or gave up waiting."""
    state = sqlstate(error)
    if state is None:
        return isinstance(error, OperationalError | InterfaceError)
    return state[:2] in {"08", "40", "53", "55", "57"} or state == READ_ONLY


def answer_exception(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """DRF's exception handler: the view knows its table of statuses."""
    view, request = context["view"], context["request"]
    refusal = view.named(refusal_of(error))
    response = answer_refusal(request, refusal, statuses=view.statuses, extra=view.problem_extra(refusal))
    if isinstance(error, exceptions.MethodNotAllowed):
        response["Allow"] = ", ".join(view.allowed_methods)
    challenge = view.challenge(refusal)
    if challenge is not None:
        response["WWW-Authenticate"] = challenge
    return response


def request_id_of(request: HttpRequest) -> str:
    """The id that the middleware gave the request."""
    return str(getattr(request, "request_id", ""))


def answer_unknown_path(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler404; under /api/ it counts for the limit of the address, as all that is open does."""
    if not request.path_info.startswith("/api/"):
        return answer_refusal(request, errors.NotFound())
    verdict = throttling.judge(throttling.limit_of_address(request))
    refusal = errors.NotFound() if verdict.passes else errors.RateLimited(verdict.retry_after_seconds)
    response = answer_refusal(request, refusal)
    for name, value in verdict.headers().items():
        response[name] = value
    return response


def answer_bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler400."""
    return answer_refusal(request, LoyaltyError("The request is malformed"))


def answer_failure(request: HttpRequest) -> HttpResponse:
    """Django's handler500, for what broke outside of the views."""
    log.error("unforeseen", exc_info=sys.exception())
    return answer_refusal(request, errors.InternalError())

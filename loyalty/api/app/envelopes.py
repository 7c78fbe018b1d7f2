"""The envelope that every answer of the App API comes in."""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.http import HttpResponse

from loyalty.api.app.codes import CODES, ErrorCode, reason_of, status_of
from loyalty.errors import LoyaltyError

FIELDS = {
    "auth_id": "partnerClientId",
    "member_id": "partnerClientId",
    "first_name": "firstName",
    "second_name": "lastName",
    "language": "lang",
    "occurred_at": "date",
    "event_code": "tagId",
}


def answered(data: Any, *, top: Mapping[str, Any] | None = None) -> HttpResponse:
    """What was asked for; `top` stands beside the envelope's own members."""
    body = {"status": "success", "errorCode": ErrorCode.OK, "errorMsg": "ok", "data": data, **(top or {})}
    return HttpResponse(msgspec.json.encode(body), content_type="application/json")


def refused(refusal: LoyaltyError) -> HttpResponse:
    """A refusal, with a stable reason and the field that it is about."""
    body = {
        "status": "error",
        "errorCode": CODES[refusal.code],
        "errorMsg": words_of(refusal),
        "data": told_of(refusal),
    }
    status = status_of(refusal.code)
    response = HttpResponse(msgspec.json.encode(body), status=status, content_type="application/json")
    retry_after = getattr(refusal, "retry_after_seconds", None)
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


def renamed(field: str) -> str:
    """A field under the name that apps have for it."""
    return FIELDS.get(field, field)


def words_of(refusal: LoyaltyError) -> str:
    """A refusal in words, which name fields as apps do."""
    text = str(refusal)
    head, colon, rest = text.partition(": ")
    return f"{FIELDS[head]}{colon}{rest}" if head in FIELDS else text


def told_of(refusal: LoyaltyError) -> dict[str, Any]:
    """What `data` says of a refusal."""
    told: dict[str, Any] = {"reason": reason_of(refusal.code)}
    if refusal.errors:
        told["field"] = renamed(refusal.errors[0].field)
    return told

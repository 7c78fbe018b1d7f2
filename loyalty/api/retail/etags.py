"""Strong ETags: an answer that the caller has already is not sent again."""

import hashlib
import re
from http import HTTPStatus

import msgspec
from django.http import HttpRequest, HttpResponse

KNOWN = re.compile(r'(?:W/)?("[^"]*")')


def fresh(request: HttpRequest, answer: msgspec.Struct) -> HttpResponse:
    """The answer, or 304 where the caller holds the very same (RFC 9110, 13.1.2)."""
    body = msgspec.json.encode(answer)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    wanted = request.META.get("HTTP_IF_NONE_MATCH", "")
    held = wanted.strip() == "*" or etag in KNOWN.findall(wanted)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if not held:
        return HttpResponse(body, content_type="application/json", headers=headers)
    response = HttpResponse(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    del response["Content-Type"]
    return response

"""Where partners of the exchange tell us how a credit ended: signed as our calls to them are, with the same credentials."""

import time
from http import HTTPStatus
from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from exchange.adapters.lcp.client import decode_object, meaning_of
from exchange.adapters.lcp.signing import WINDOW_SECONDS, Signed, parts_of
from exchange.adapters.lcp.wire import Reply
from exchange.errors import OrderNotFound
from exchange.models import AdapterKind, Provider
from exchange.services.credentials import secret_of
from exchange.services.notices import find_order, take_notice
from users.services.secrets import SecretUnreadableError

LONGEST_BODY = 10_000


@csrf_exempt
@require_POST
def take(request: HttpRequest, provider_id: int) -> JsonResponse:
    """Take `{"callback", "status", "amount", "transactionId", "statusMessage"}`; the same one again changes nothing."""
    if int(request.headers.get("Content-Length") or 0) > LONGEST_BODY:
        return _told(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "VALUE_TOO_LONG")
    provider = Provider.objects.filter(pk=provider_id, adapter=AdapterKind.LCP).first()
    if provider is None or not _is_signed(request, provider):
        return _told(HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED")
    told = decode_object(request.body)
    try:
        order = find_order(provider_id=provider.pk, reference=UUID(str(told.get("callback"))))
    except ValueError:
        return _told(HTTPStatus.BAD_REQUEST, "NO_MATCH", "callback")
    except OrderNotFound:
        return _told(HTTPStatus.NOT_FOUND, "NOT_FOUND", "callback")
    answer = meaning_of(Reply(HTTPStatus.OK, "", request.body), expected_amount=order.received)
    take_notice(order_id=order.pk, answer=answer, at=timezone.now())
    return JsonResponse({"status": "received"})


def _is_signed(request: HttpRequest, provider: Provider) -> bool:
    header = request.headers.get("Authorization", "")
    parts = parts_of(header)
    timestamp = parts.get("ts", "")
    if not (timestamp.isascii() and timestamp.isdecimal()) or abs(time.time() - int(timestamp[:12])) > WINDOW_SECONDS:
        return False
    host, _, port = request.get_host().partition(":")
    signed = Signed(
        method="POST",
        path=request.path,
        host=host,
        port=int(port) if port.isdecimal() else 443 if request.is_secure() else 80,
        content_type=request.headers.get("Content-Type", ""),
        body=request.body,
    )
    try:
        secret = secret_of(provider)
        return bool(secret) and parts.get("id") == provider.credential_id and signed.is_signed_by(secret, header)
    except (SecretUnreadableError, ValueError):  # the secret is none that could sign
        return False


def _told(status: HTTPStatus, code: str, field: str = "") -> JsonResponse:
    error = {"code": code} | ({"field": field} if field else {})
    return JsonResponse({"errors": [error]}, status=status)

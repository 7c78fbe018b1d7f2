"""Webhooks: where a brand's systems listen, and the events that are queued for them with what causes them."""

import hashlib
import json
import secrets
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet

from loyalty.database import write
from loyalty.errors import invalid_field
from users.errors import SecretReplaced, WebhookEndpointInactive, WebhookEndpointNotFound
from users.models import Brand, Member, WebhookDelivery, WebhookEndpoint
from users.models.webhooks import DELIVERABLE, DeliveryState
from users.rules.addresses import AddressRefused, parse_address
from users.rules.webhooks import secret_text
from users.services.outbound import private_networks
from users.services.secrets import encrypt
from users.webhook_events import TEST_EVENT, WebhookEvent

KEY_LENGTH_BYTES = 32
PREVIOUS_SIGNS_FOR = timedelta(hours=24)


def register_endpoint(
    *, brand_id: int, address: str, events: Sequence[str], at: datetime, once: bool = False
) -> tuple[WebhookEndpoint, str]:
    """Add an endpoint; its secret is answered here and never again. Raises InvalidRequest, naming address or events.

    `once` refuses an address at which an active one of the brand listens already, as when a form is sent twice.
    """
    check_address(address)
    check_events(events)
    secret = _new_secret()

    def effect() -> WebhookEndpoint:
        if once:
            Brand.objects.select_for_update(no_key=True).get(pk=brand_id)
            if WebhookEndpoint.objects.filter(brand_id=brand_id, address=address, active=True).exists():
                raise invalid_field("address", "an endpoint listens there already")
        return WebhookEndpoint.objects.create(
            brand_id=brand_id, address=address, events=sorted(set(events)), secret=encrypt(secret), created_at=at
        )

    return write(effect), secret


def check_address(address: str) -> None:
    """Refuse what nothing would ever be sent to; where its name leads is judged at each delivery."""
    try:
        parse_address(address, private=private_networks())
    except AddressRefused as refusal:
        raise invalid_field("address", str(refusal), code="invalid_address") from None


def check_events(events: Sequence[str]) -> None:
    """Refuse events that do not exist, and none at all."""
    if not events or set(events) - set(WebhookEvent.values):
        raise invalid_field("events", f"at least one of {', '.join(WebhookEvent.values)}", code="unknown_event")


def change_endpoint(
    *,
    brand_id: int,
    endpoint_id: int,
    address: str | None = None,
    events: Sequence[str] | None = None,
    active: bool | None = None,
) -> WebhookEndpoint:
    """Change what is given. What waits for an endpoint that is switched off goes out when it is switched on again.

    Raises WebhookEndpointNotFound, InvalidRequest.
    """
    changes: dict[str, Any] = {}
    if address is not None:
        check_address(address)
        changes["address"] = address
    if events is not None:
        check_events(events)
        changes["events"] = sorted(set(events))
    if active is not None:
        changes["active"] = active
    if changes:
        WebhookEndpoint.objects.filter(brand_id=brand_id, pk=endpoint_id).update(**changes)
    return _endpoint(brand_id, endpoint_id)


def secret_mark(endpoint: WebhookEndpoint) -> str:
    """What tells one secret of an endpoint from the next, and nothing of the secret."""
    return hashlib.sha256(bytes(endpoint.secret)).hexdigest()[:16]


def rotate_secret(*, brand_id: int, endpoint_id: int, at: datetime, seen: str | None = None) -> str:
    """Give an endpoint a new secret, answered here and never again; the one before signs, too, for 24 hours.

    Of three within 24 hours the first is gone at once; so `seen`, the mark of the secret that whoever replaces it has read
    of, keeps a form that is sent twice from doing that. Raises WebhookEndpointNotFound, SecretReplaced.
    """
    secret, endpoint = _new_secret(), _endpoint(brand_id, endpoint_id)
    rows = WebhookEndpoint.objects.filter(brand_id=brand_id, pk=endpoint_id, secret=endpoint.secret)
    until = at + PREVIOUS_SIGNS_FOR
    if seen is not None and seen != secret_mark(endpoint):
        raise SecretReplaced
    if not rows.update(previous_secret=F("secret"), previous_until=until, secret=encrypt(secret)):
        raise SecretReplaced
    return secret


def queue_event(*, brand_id: int, type: str, data: dict[str, Any], member: Member | None = None, at: datetime) -> int:  # noqa: A002 - the standard's word
    """Queue an event for each endpoint that hears of it, in the transaction of its cause; answers for how many.

    `data` holds plain JSON values. `member` is whom it tells of: when they are erased, so is what was told.
    """
    if type not in WebhookEvent.values:
        raise ValueError(f"there is no event {type}")
    endpoints = list(_hearing(brand_id, type).values_list("pk", flat=True))
    if not endpoints:
        return 0
    event_id, body = uuid.uuid4(), _body(type, data, at)
    terms: dict[str, Any] = {"brand_id": brand_id, "type": type, "member": member, "due_at": at, "created_at": at}
    rows = [WebhookDelivery(endpoint_id=endpoint, event_id=event_id, body=body, **terms) for endpoint in endpoints]
    return len(WebhookDelivery.objects.bulk_create(rows))


def is_heard(*, brand_id: int, type: str) -> bool:  # noqa: A002 - the standard's word
    """Whether any endpoint would hear of such an event, for causes whose data cost something to gather."""
    return _hearing(brand_id, type).exists()


def _hearing(brand_id: int, type_: str) -> QuerySet[WebhookEndpoint]:
    return WebhookEndpoint.objects.filter(brand_id=brand_id, active=True, events__contains=[type_])


def send_test(*, brand_id: int, endpoint_id: int, at: datetime) -> WebhookDelivery:
    """Queue an event that only tries the endpoint. Raises WebhookEndpointNotFound, WebhookEndpointInactive."""
    endpoint = _endpoint(brand_id, endpoint_id)
    if not endpoint.active:
        raise WebhookEndpointInactive
    return WebhookDelivery.objects.create(
        brand_id=brand_id,
        endpoint=endpoint,
        event_id=uuid.uuid4(),
        type=TEST_EVENT,
        body=_body(TEST_EVENT, {"endpoint": endpoint.pk}, at),
        due_at=at,
        created_at=at,
    )


def may_be_sent_again(delivery: WebhookDelivery) -> bool:
    """Whether it was given up or has arrived, and its words are still there."""
    return delivery.state in {DeliveryState.PARKED, DeliveryState.SENT} and bool(delivery.body)


def send_again(*, delivery: WebhookDelivery, at: datetime) -> bool:
    """Queue a delivery that was given up or has arrived once more, with all its attempts and the same event id.

    False when it is under way, was dropped, or its words are gone with the member they told of.
    """
    over = WebhookDelivery.objects.filter(pk=delivery.pk, state__in=[DeliveryState.PARKED, DeliveryState.SENT]).exclude(body="")
    return bool(over.update(state=DeliveryState.QUEUED, attempts=0, due_at=at, sent_at=None, status=None, fault=""))


def switch_off_gone(*, endpoint_id: int, address: str) -> None:
    """Switch an endpoint off that answers it is gone, and drop what waits; not when it has another address by now."""
    with transaction.atomic():
        gone = WebhookEndpoint.objects.filter(pk=endpoint_id, active=True, address=address)
        if gone.update(active=False):
            waiting = WebhookDelivery.objects.filter(endpoint_id=endpoint_id, state__in=DELIVERABLE)
            waiting.update(state=DeliveryState.DROPPED)


def forget_member(*, member: Member) -> None:
    """Drop what has not been sent about a member, and empty all that was ever told."""
    told = WebhookDelivery.objects.filter(brand_id=member.brand_id, member=member)
    told.exclude(state=DeliveryState.SENT).update(state=DeliveryState.DROPPED, body="")
    told.filter(~Q(body="")).update(body="")


def _endpoint(brand_id: int, endpoint_id: int) -> WebhookEndpoint:
    endpoint = WebhookEndpoint.objects.filter(brand_id=brand_id, pk=endpoint_id).first()
    if endpoint is None:
        raise WebhookEndpointNotFound
    return endpoint


def _new_secret() -> str:
    return secret_text(secrets.token_bytes(KEY_LENGTH_BYTES))


def _body(type_: str, data: dict[str, Any], at: datetime) -> str:
    """The very text that is signed and sent; ASCII, so that no lone surrogate and no zero byte can spoil it."""
    told = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return json.dumps({"type": type_, "timestamp": told, "data": data}, separators=(",", ":"), allow_nan=False)

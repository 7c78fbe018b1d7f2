"""Delivering webhooks: take what is due under a lease, commit the attempts, make the requests, record what came of them.

One thread of the worker does all that touches the database; the requests run beside each other in threads that touch
nothing else. A worker that dies leaves its deliveries leased: when the lease ends they are due again, under the same ids.
"""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

import structlog
from django.conf import settings
from django.db.models import Count, F, OuterRef, QuerySet, Subquery

from loyalty.database import write
from users.models import WebhookDelivery, WebhookEndpoint
from users.models.webhooks import DELIVERABLE, DeliveryState
from users.rules.webhooks import MOST_ATTEMPTS, headers_of, retry_after, wait_after
from users.services.outbound import Answer, Resolver, look_up, post
from users.services.secrets import SecretUnreadableError, decrypt
from users.services.webhooks import switch_off_gone

log = structlog.get_logger()
MOST_AT_ONCE = 32
MOST_AT_ONE_ENDPOINT = 4
SILENCES_TO_LEAVE_ALONE = 3
IDLE_SECONDS = 0.2
Clock = Callable[[], datetime]


def lease() -> timedelta:
    """How long a worker may take over one request: longer than its time-out."""
    return timedelta(seconds=settings.WEBHOOK_LEASE_SECONDS)


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt that is committed, and is now to be made; by `attempts` and `leased_until` it knows its row again."""

    delivery_id: int
    endpoint_id: int
    attempts: int
    leased_until: datetime
    event_id: str
    address: str
    stored_secrets: tuple[bytes, ...]
    body: bytes
    at: datetime


def deliver_due(*, clock: Clock, until: datetime, resolve: Resolver = look_up) -> int:
    """Deliver what is due until nothing is or the time is up; answers how many arrived.

    An endpoint that has not answered three times in a row is left alone for the rest of this run.
    """
    sent, running, silences = 0, dict[Future[Answer], Call](), Counter[int]()
    with ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="webhooks") as threads:
        while True:
            free = MOST_AT_ONCE - len(running)
            calls = _lease(free, silences, at=clock()) if free and clock() < until else []
            running |= {threads.submit(_made, call, resolve): call for call in calls}
            if not running:
                return sent
            done, _ = wait(running, timeout=IDLE_SECONDS, return_when=FIRST_COMPLETED)
            for future in done:
                call, answer = running.pop(future), future.result()
                silences[call.endpoint_id] = silences[call.endpoint_id] + 1 if answer.status is None else 0
                sent += _record(call, answer, clock())


def _made(call: Call, resolve: Resolver) -> Answer:
    """Sign and send. Whatever fails here is this delivery's alone."""
    try:
        signed = headers_of(
            secrets=[decrypt(stored) for stored in call.stored_secrets],
            event_id=call.event_id,
            timestamp=int(call.at.timestamp()),
            body=call.body,
        )
        headers = {"Content-Type": "application/json", "User-Agent": "Loyalty-Webhooks/1", **signed}
        seconds = settings.WEBHOOK_TIMEOUT_SECONDS
        return post(call.address, body=call.body, headers=headers, timeout_seconds=seconds, resolve=resolve)
    except SecretUnreadableError:
        return Answer(fault="secret unreadable")
    except Exception as error:
        log.exception("webhook_not_made", delivery=call.delivery_id)
        return Answer(fault=type(error).__name__[:40])


def _record(call: Call, answer: Answer, at: datetime) -> bool:
    """Record an answer. One that cannot be recorded holds up no other: when its lease ends, it is delivered again."""
    try:
        return write(lambda: _recorded(call, answer, at))
    except Exception:
        log.exception("webhook_answer_not_recorded", delivery=call.delivery_id)
        return False


def _recorded(call: Call, answer: Answer, at: datetime) -> bool:
    told = {"status": answer.status, "fault": answer.fault}
    if answer.status is not None and 200 <= answer.status < 300:
        return bool(_ours(call).update(state=DeliveryState.SENT, sent_at=at, **told))
    if answer.status == HTTPStatus.GONE:
        if _ours(call).update(state=DeliveryState.DROPPED, **told):
            switch_off_gone(endpoint_id=call.endpoint_id, address=call.address)
        return False
    wait_for = wait_after(call.attempts, chance=random.random())  # noqa: S311 - jitter, not a secret
    state = DeliveryState.PARKED if wait_for is None else DeliveryState.FAILED
    due_at = at + max(wait_for or timedelta(), retry_after(answer.retry_after, at=at))
    _ours(call).update(state=state, due_at=due_at, **told)
    log.warning("webhook_not_sent", delivery=call.delivery_id, attempts=call.attempts, state=state, **told)
    return False


def _ours(call: Call) -> QuerySet[WebhookDelivery]:
    """Select the row while this worker's lease of it stands."""
    mine = {"state": DeliveryState.LEASED, "attempts": call.attempts, "due_at": call.leased_until}
    return WebhookDelivery.objects.filter(pk=call.delivery_id, **mine)


def _lease(limit: int, silences: Counter[int], *, at: datetime) -> list[Call]:
    """Take due deliveries for this worker alone, each with an attempt that is committed when this returns."""
    silent = [endpoint for endpoint, count in silences.items() if count >= SILENCES_TO_LEAVE_ALONE]
    return write(lambda: _take(limit, silent, at))


def _take(limit: int, silent: list[int], at: datetime) -> list[Call]:
    """Endpoint by endpoint, so that no backlog of one stands before others; who has waited longest comes first."""
    leased = WebhookDelivery.objects.filter(state=DeliveryState.LEASED, due_at__gt=at)
    under_way = Counter(dict(leased.values_list("endpoint").annotate(Count("pk"))))
    full = [endpoint for endpoint, count in under_way.items() if count >= MOST_AT_ONE_ENDPOINT]
    due = WebhookDelivery.objects.filter(state__in=DELIVERABLE, due_at__lte=at).order_by("due_at", "pk")
    waiting = due.filter(endpoint=OuterRef("pk")).values("due_at")[:1]
    endpoints = WebhookEndpoint.objects.filter(active=True).exclude(pk__in=[*silent, *full])
    calls: list[Call] = []
    for endpoint in endpoints.annotate(since=Subquery(waiting)).filter(since__isnull=False).order_by("since", "pk")[:limit]:
        room = min(MOST_AT_ONE_ENDPOINT - under_way[endpoint.pk], limit - len(calls))
        if room > 0:
            calls += _taken(endpoint, due.filter(endpoint=endpoint), room, at)
    return calls


def _taken(endpoint: WebhookEndpoint, due: QuerySet[WebhookDelivery], room: int, at: datetime) -> list[Call]:
    rows = due.select_for_update(skip_locked=True, of=("self",), no_key=True).select_related("member")[:room]
    taken = [row for row in rows if not _is_over(row)]
    until = at + lease()
    leased = {"state": DeliveryState.LEASED, "due_at": until, "attempts": F("attempts") + 1}
    WebhookDelivery.objects.filter(pk__in=[row.pk for row in taken]).update(**leased)
    stored = [endpoint.secret]
    if endpoint.previous_secret is not None and endpoint.previous_until is not None and endpoint.previous_until > at:
        stored.append(endpoint.previous_secret)
    return [
        Call(
            delivery_id=row.pk,
            endpoint_id=endpoint.pk,
            attempts=row.attempts + 1,
            leased_until=until,
            event_id=str(row.event_id),
            address=endpoint.address,
            stored_secrets=tuple(bytes(secret) for secret in stored),
            body=row.body.encode(),
            at=at,
        )
        for row in taken
    ]


def _is_over(row: WebhookDelivery) -> bool:
    """Park what workers died of again and again; drop what was queued while its member was being erased."""
    rows = WebhookDelivery.objects.filter(pk=row.pk)
    if row.member is not None and row.member.erased_at is not None and row.created_at <= row.member.erased_at:
        rows.update(state=DeliveryState.DROPPED, body="")
        return True
    if row.attempts >= MOST_ATTEMPTS:
        rows.update(state=DeliveryState.PARKED, fault="no outcome")
        return True
    return False

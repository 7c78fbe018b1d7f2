"""Is the process alive, is it ready, how does it do."""

import hmac
from contextlib import suppress

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

BROKER_TIMEOUT_SECONDS = 1


def healthz(_: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


def readyz(_: HttpRequest) -> HttpResponse:
    """The database and the broker answer; 503 names what does not."""
    parts = {"database": _database_answers(), "broker": _broker_answers()}
    ready = all(parts.values())
    body = {"status": "ok" if ready else "unavailable"} | {name: "ok" if up else "away" for name, up in parts.items()}
    response = JsonResponse(body, status=200 if ready else 503)
    if not ready:
        response["Retry-After"] = "2"
    return response


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus figures of all web processes; in production they need METRICS_TOKEN as bearer token."""
    wanted = f"Bearer {settings.METRICS_TOKEN}"
    sent = request.headers.get("Authorization", "")
    if (settings.METRICS_TOKEN or settings.PRODUCTION) and (
        not settings.METRICS_TOKEN or not hmac.compare_digest(sent.encode(), wanted.encode())
    ):
        return HttpResponse("metrics need a bearer token\n", status=401, content_type="text/plain")
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _database_answers() -> bool:
    with suppress(DatabaseError, InterfaceError), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return True
    return False


def _broker_answers() -> bool:
    try:
        with current_app.connection_for_write(connect_timeout=BROKER_TIMEOUT_SECONDS) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_TIMEOUT_SECONDS)
    except Exception:  # noqa: BLE001 - every broker has errors of its own, and each of them means "away"
        return False
    return True

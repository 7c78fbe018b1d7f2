"""What happens around every request: its id, its log line, its figures."""

import re
import time
import uuid
from collections.abc import Callable
from io import BytesIO

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware
from prometheus_client import Counter, Histogram

from loyalty.database import drop_dead_connection

log = structlog.get_logger()
ACCEPTABLE_ID = re.compile(r"[\x21-\x7e]{1,128}")
REQUESTS = Counter("loyalty_http_requests_total", "Requests answered.", ["method", "route", "status"])
DURATIONS = Histogram("loyalty_http_request_seconds", "Time to answer a request.", ["route"])
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestMiddleware:
    """Gives each request an id, answers it as X-Request-ID, logs one line, and counts.

    Logs and figures name the route, never the path: a path may hold someone's name.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer one request."""
        started = time.perf_counter()
        sent = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = sent if ACCEPTABLE_ID.fullmatch(sent) else uuid.uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.bind_contextvars(request_id=request_id)
        if request.path_info.startswith("/api/") and request.path_info.endswith("/"):
            request.path_info = request.path_info[:-1]  # a trailing slash is optional on every path
        _take_chunks(request)
        drop_dead_connection()
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        seconds = time.perf_counter() - started
        match = request.resolver_match
        route = match.route if match is not None else "unknown"
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(method, route, response.status_code).inc()
        DURATIONS.labels(route).observe(seconds)
        log.info(
            "request",
            method=method,
            route=route,
            status=response.status_code,
            ms=round(seconds * 1000, 2),
            key=getattr(request, "key_id", None),
        )
        structlog.contextvars.clear_contextvars()
        return response


class BackOfficeLocaleMiddleware:
    """Speaks the language that staff chose, or their browser asks for; the APIs speak English."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.plain, self.spoken = get_response, LocaleMiddleware(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer one request."""
        spoken = request.path_info.startswith("/admin/")
        response: HttpResponse = self.spoken(request) if spoken else self.plain(request)  # type: ignore[assignment]
        return response


def _take_chunks(request: HttpRequest) -> None:
    """Read a body that came in chunks, for which Django looks only where its length was told; no more than may be sent."""
    if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower() and not request.META.get("CONTENT_LENGTH"):
        body = request.META["wsgi.input"].read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        request.META["CONTENT_LENGTH"] = str(len(body))
        request._stream = BytesIO(body)  # noqa: SLF001 - where Django reads a body from

"""Structured logs."""

import logging
import sys
from typing import Any

import structlog
from django.conf import settings

_shared: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure() -> None:
    """Send structlog and the standard library's logs to standard error in one form (LOG_FORMAT: json or console)."""
    # Plain tracebacks: prettier ones print local variables, and those hold keys and addresses.
    renderer: Any = structlog.dev.ConsoleRenderer(
        colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
    )
    if settings.LOG_FORMAT == "json":
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*_shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
            foreign_pre_chain=[*_shared, structlog.stdlib.add_logger_name],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for quiet in ("celery.beat", "celery.worker.strategy", "celery.app.trace", "httpx", "asyncssh"):
        logging.getLogger(quiet).setLevel(logging.WARNING)
    logging.getLogger("axes").setLevel(logging.ERROR)  # it names people and their addresses; the audit has what it tells
    # It names paths, and a path may hold someone's name; the middleware has a line for every request.
    logging.getLogger("django.request").setLevel(logging.CRITICAL)

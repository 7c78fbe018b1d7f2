"""Structured logs."""

import logging
import sys
import traceback
from typing import Any

import psycopg
import structlog
from django.conf import settings
from django.db import DatabaseError

from loyalty.database import sqlstate

_shared: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def tell_no_rows(_logger: Any, _method: str, event: Any) -> Any:
    """Of a database error tell where it was raised: its text shows the row that was refused, and so someone's data."""
    told = event.get("exc_info")
    error = sys.exc_info()[1] if told is True else told[1] if isinstance(told, tuple) else told
    if isinstance(error, BaseException) and _is_of_database(error):
        del event["exc_info"]
        place = "".join(traceback.format_tb(error.__traceback__))
        event |= {"error": type(error).__name__, "sqlstate": sqlstate(error), "traceback": place}
    return event


def _is_of_database(error: BaseException) -> bool:
    """Whether its text, or that of whatever it came from or holds, may be the database's."""
    if isinstance(error, DatabaseError | psycopg.Error):
        return True
    further = [error.__cause__, error.__context__, *(error.exceptions if isinstance(error, BaseExceptionGroup) else ())]
    return any(_is_of_database(one) for one in further if one is not None)


def configure() -> None:
    """Send structlog and the standard library's logs to standard error in one form (LOG_FORMAT: json or console)."""
    # Plain tracebacks: prettier ones print local variables, and those hold keys and addresses.
    renderer: Any = structlog.dev.ConsoleRenderer(
        colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
    )
    if settings.LOG_FORMAT == "json":
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*_shared, tell_no_rows, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                tell_no_rows,
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

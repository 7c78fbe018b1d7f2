"""Structured logs."""

import logging
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import psycopg
import structlog
from django.conf import settings
from django.db import DatabaseError

_shared: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def tell_no_rows(_logger: Any, _method: str, event: Any) -> Any:
    """Of a database error tell where it was raised: its text shows the row that was refused, and so someone's data."""
    told = event.get("exc_info")
    error = sys.exc_info()[1] if told is True else told[1] if isinstance(told, tuple) else told
    if isinstance(error, BaseException) and _shows_rows(error):
        del event["exc_info"]
        whole = list(_whole(error))
        state = next((state for state in (getattr(one, "sqlstate", None) for one in whole) if state), None)
        event |= {"error": type(error).__name__, "sqlstate": state, "traceback": "".join(map(_place, whole))}
    return event


def name_alone(record: logging.LogRecord) -> bool:
    """Let a record of Celery, which writes an error's text out, name a database error alone; nothing is left out."""
    error = record.exc_info[1] if record.exc_info else None
    if error is not None and isinstance(record.args, dict) and "exc" in record.args and _shows_rows(error):
        record.args = {**record.args, "exc": type(error).__name__}
    return True


def _shows_rows(error: BaseException) -> bool:
    return any(isinstance(one, DatabaseError | psycopg.Error) for one in _whole(error))


def _whole(error: BaseException) -> Iterator[BaseException]:
    """An error, what it came from, and what it holds; each once."""
    seen, left = set[int](), [error]
    while left:
        one = left.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        held = one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        left += [further for further in (*held, one.__cause__, one.__context__) if further is not None]


def _place(error: BaseException) -> str:
    """Where one was raised, and what was noted of it."""
    noted = ", ".join(getattr(error, "__notes__", []))
    return f"{type(error).__name__}{f' ({noted})' if noted else ''}\n" + "".join(traceback.format_tb(error.__traceback__))


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
    handler.addFilter(name_alone)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for quiet in ("celery.beat", "celery.worker.strategy", "celery.app.trace", "httpx", "asyncssh"):
        logging.getLogger(quiet).setLevel(logging.WARNING)
    logging.getLogger("axes").setLevel(logging.ERROR)  # it names people and their addresses; the audit has what it tells
    # It names paths, and a path may hold someone's name; the middleware has a line for every request.
    logging.getLogger("django.request").setLevel(logging.CRITICAL)

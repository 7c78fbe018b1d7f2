"""Logs tell what went wrong, and nothing of anybody."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from celery.app.trace import LOG_FAILURE
from django.db import IntegrityError, transaction

from loyalty.observability import configure
from tests.conftest import make_member

NAME = "somebody@example.org"


@pytest.fixture(params=["structlog", "the standard library"])
def written(request) -> Iterator[Callable[[Exception], str]]:
    """How the logs, set up as in earnest, write of an error."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers, root.level
    configure()

    def write(error: Exception) -> str:
        if request.param == "structlog":
            line: Any = {"event": "it_failed", "exc_info": error}
            for process in structlog.get_config()["processors"]:
                line = process(None, "error", line)
            return str(line)
        caught = (type(error), error, error.__traceback__)
        return root.handlers[0].format(logging.LogRecord("other", logging.ERROR, "", 0, "it_failed", (), caught))

    yield write
    structlog.configure(**before)
    root.handlers, root.level = handlers, level


def refusal_of_the_database(brand) -> Exception:
    """An error whose text shows a row."""
    make_member(brand, auth_id=NAME)
    with pytest.raises(IntegrityError, match=NAME) as caught, transaction.atomic():
        make_member(brand, auth_id=NAME)
    return caught.value


def test_an_error_of_the_database_is_written_without_the_row_that_it_shows(brand, written):
    told = written(refusal_of_the_database(brand))

    assert NAME not in told
    assert all(word in told for word in ("it_failed", "IntegrityError", "23505", "test_logs.py"))


def test_what_comes_of_such_an_error_is_written_without_it_too(brand, written):
    cause, whole = refusal_of_the_database(brand), RuntimeError("the batch")
    whole.__cause__ = cause
    cause.add_note("brand 7")

    for error in (whole, ExceptionGroup("two brands", [ValueError("x"), cause])):
        told = written(error)
        assert NAME not in told
        assert all(word in told for word in (type(error).__name__, "IntegrityError (brand 7)", "23505", "test_logs.py"))


@pytest.mark.parametrize("grouped", [False, True])
def test_a_task_that_fails_of_such_an_error_names_it_alone(brand, written, grouped):
    """Celery writes an error's text into the line itself."""
    error = refusal_of_the_database(brand)
    error = ExceptionGroup("two brands", [error]) if grouped else error
    context = {"id": "1", "name": "rewards.tasks.drain", "exc": repr(error), "description": "raised unexpected"}
    record = logging.LogRecord("celery.app.trace", logging.ERROR, "", 0, LOG_FAILURE, (context,), (type(error), error, None))

    handler = logging.getLogger().handlers[0]
    assert handler.filter(record)
    told = handler.format(record)

    assert NAME not in told
    assert f"rewards.tasks.drain[1] raised unexpected: {type(error).__name__}" in told


def test_any_other_error_is_written_as_it_is(written):
    assert "ValueError: a word" in written(ValueError("a word"))

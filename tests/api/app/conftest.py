"""Fixtures of the App API's tests: an app of a brand that has a programme."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections, transaction
from django.http import HttpResponse

from ledger.models import Token
from tests.api.retail.baskets import make_programme
from tests.clients import AppClient
from users.models import Brand


@pytest.fixture
def points(brand: Brand) -> Token:
    return make_programme(brand)


@pytest.fixture
def app(brand: Brand, points: Token) -> AppClient:
    return AppClient.of(brand)


@contextmanager
def left_open(act: Callable[[], None]) -> Iterator[None]:
    """Another connection's transaction, in which something was done, and which ends when the block does."""
    begun, go_on = threading.Event(), threading.Event()

    def slowly() -> None:
        with transaction.atomic():
            act()
            begun.set()
            go_on.wait(30)
        connections.close_all()

    slow = threading.Thread(target=slowly)
    slow.start()
    begun.wait(30)
    try:
        yield
    finally:
        go_on.set()
        slow.join()


def told(answer: HttpResponse) -> Any:
    """What was asked for."""
    body = answer.json()
    assert (answer.status_code, body["status"], body["errorCode"], body["errorMsg"]) == (200, "success", 0, "ok"), body
    return body["data"]


def refused(answer: HttpResponse, code: int, reason: str | None = None, *, status: int = 200, field: str | None = None) -> None:
    """A refusal with its number, its word and the field that it names."""
    body = answer.json()
    assert (answer.status_code, body["status"], body["errorCode"]) == (status, "error", code), body
    assert set(body) == {"status", "errorCode", "errorMsg", "data"}
    if reason is not None:
        assert body["data"]["reason"] == reason
    if field is not None:
        assert body["data"]["field"] == field

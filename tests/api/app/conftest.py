"""Fixtures of the App API's tests: an app of a brand that has a programme."""

from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse

from ledger.models import Token
from tests.api.retail.baskets import make_programme
from tests.clients import AppClient
from users.models import Brand

LEFT_OPEN = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()
"""


@pytest.fixture
def nothing_left_open(committed: None) -> None:
    """Nothing is told that a running transaction may still add to: one that a test left open would hold all back."""
    with connection.cursor() as cursor:
        cursor.execute(LEFT_OPEN)


@pytest.fixture
def points(brand: Brand) -> Token:
    return make_programme(brand)


@pytest.fixture
def app(brand: Brand, points: Token) -> AppClient:
    return AppClient.of(brand)


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

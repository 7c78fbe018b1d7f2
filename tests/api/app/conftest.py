"""Fixtures of the App API's tests: an app of a brand that has a programme."""

from typing import Any

import pytest
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

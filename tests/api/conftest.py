"""Fixtures of the HTTP tests: each answer is held against the OpenAPI document; addresses of their own for the keyless."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections

from rewards.models import CodeTries
from tests.api.contract import assert_documented
from tests.clients import BASE, RETAIL_BASE, Partner, RetailClient, own_address
from tests.conftest import make_brand, make_key, make_member
from users.models import Brand, Member
from users.services.keys import revoke_api_key


@pytest.fixture(autouse=True, scope="session")
def static_folder() -> None:
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


@pytest.fixture(autouse=True)
def every_answer_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, base in ((Partner, BASE), (RetailClient, RETAIL_BASE)):
        monkeypatch.setattr(kind, "call", _judged(kind.call, base))


def _judged(plain: Callable[..., Any], base: str) -> Callable[..., Any]:
    def call(self: Any, method: str, path: str, body: Any = None, **rest: Any):
        response = plain(self, method, path, body, **rest)
        assert_documented(method, path, response, base)
        return response

    return call


def stranger(key: str | None) -> Partner:
    """Someone with a key that may be none."""
    return Partner(key, client=own_address())


def revoked_key(brand: Brand) -> str:
    key = make_key(brand)
    revoke_api_key(public=key.split("_")[2], at=brand.created_at)
    return key


def at_once(work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """Do the work on each item in a thread of its own, and close what the threads opened."""

    def closing(item: Any) -> Any:
        try:
            return work(item)
        finally:
            connections.close_all()

    items = list(items)
    with ThreadPoolExecutor(len(items)) as pool:
        return list(pool.map(closing, items))


def wait_until(happens: Callable[[], bool], seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def anonymous(response) -> dict[str, Any]:
    """A problem without what is never the same twice, and with its status."""
    return response.json() | {"request_id": ""} | {"http": response.status_code, "kind": response["Content-Type"]}


def assert_refused(response, status: int, code: str, field: str | None = None) -> None:
    problem = response.json()
    assert (response.status_code, problem["code"]) == (status, code), problem
    if field is not None:
        assert field in [error["field"] for error in problem["errors"]], problem
        assert field in problem["detail"], problem


def tries_of(member: Member) -> int:
    """How many wrong codes are counted for a member."""
    rows = CodeTries.objects.filter(brand=member.brand, scope="member", subject_id=member.pk)
    return rows.values_list("tries", flat=True).first() or 0


@pytest.fixture
def other_brand(db) -> Brand:
    return make_brand()


@pytest.fixture
def other_member(other_brand: Brand) -> Member:
    return make_member(other_brand)

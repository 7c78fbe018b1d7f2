"""Requests come in UTF-8, whatever they say of themselves: as the web server hands them over."""

import io
import json
from functools import cache
from typing import Any

import pytest
from django.core.signals import request_started
from django.db import close_old_connections

from loyalty.handler import Handler


@cache
def application() -> Handler:
    return Handler()


def answer_of(path: str, *, query: str, kind: str) -> tuple[int, Any]:
    """The status and the JSON of the answer to a request as it comes off the wire."""
    told: list[str] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": kind,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "192.0.2.1",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
    }
    request_started.disconnect(close_old_connections)  # the test's own connection stays, as with Django's client
    try:
        content = b"".join(application()(environ, lambda status, _headers, *_: told.append(status)))
    finally:
        request_started.connect(close_old_connections)
    return int(told[0].split()[0]), json.loads(content)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "charset",
    [
        *(f"charset={name}" for name in ("rot13", "unicode_escape", "utf-16", "nonsense")),
        "charset*=nonsense''x",
        "charset*0*=utf-8''a; charset*=utf-8''b",
    ],
)
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/api/admin/users", 401, "missing_api_key"), ("/api/retail/gifts", 401, "missing_token"), ("/api/app/none", 404, 3)],
)
def test_a_query_is_read_whatever_charset_the_body_would_have(path, status, code, charset):
    found, told = answer_of(path, query="limit=1&x=%5Cud800", kind=f"x/y; {charset}")

    assert found == status
    assert code in {told.get("code"), told.get("errorCode")}

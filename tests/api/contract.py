"""The OpenAPI document as a judge: every answer that a test sees must stand in it."""

import json
import re
from functools import cache
from typing import Any

import jsonschema_rs
from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator

from tests.clients import BASE, RETAIL_BASE

LIMITS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
PROBLEM_FIELDS = {"type", "title", "status", "detail", "code", "errors", "request_id"}
METHODS = {"get", "post", "put", "patch", "delete"}


@cache
def document() -> dict[str, Any]:
    return json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True)))


def part(base: str) -> dict[str, Any]:
    """The document of one dialect."""
    return document() | {"paths": {path: item for path, item in document()["paths"].items() if path.startswith(f"{base}/")}}


@cache
def operations(base: str = BASE) -> dict[tuple[str, str], dict[str, Any]]:
    """Every operation of a dialect by method and path template."""
    return {
        (method.upper(), path): operation
        for path, item in part(base)["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def codes_of(operation: dict[str, Any], status: str) -> set[str]:
    """The codes that an operation's document tells for one status."""
    schema = operation["responses"][status]["content"]["application/problem+json"]["schema"]
    return set(schema["allOf"][1]["properties"]["code"]["enum"])


def operation_of(method: str, path: str, base: str) -> dict[str, Any] | None:
    """The operation that answers a path, None where there is none."""
    bare = f"{base}{path.partition('?')[0]}".removesuffix("/")
    for (known, template), operation in operations(base).items():
        pattern = template
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path" and parameter["schema"].get("type") == "integer":
                pattern = pattern.replace(f"{{{parameter['name']}}}", "[0-9]{1,18}")
        if known == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), bare):
            return operation
    return None


@cache
def _judge(schema: str) -> jsonschema_rs.Validator:
    whole = json.loads(schema) | {"components": document()["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def assert_problem(response: HttpResponse) -> None:
    problem = response.json()
    assert response["Content-Type"] == "application/problem+json"
    assert set(problem) - {"data", "transaction_id"} == PROBLEM_FIELDS
    assert problem["status"] == response.status_code
    assert problem["request_id"] == response["X-Request-ID"] or "Idempotent-Replayed" in response
    assert problem["detail"]
    assert problem["type"].endswith(problem["code"])
    assert all(set(error) == {"field", "code", "detail"} for error in problem["errors"])


def is_oauth_refusal(base: str, path: str, response: HttpResponse) -> bool:
    """Whether it has OAuth's own form, as no operation but one answers."""
    return base == RETAIL_BASE and path.startswith("/oauth/") and response["Content-Type"] == "application/json"


def assert_documented(method: str, path: str, response: HttpResponse, base: str = BASE) -> None:
    """The status, the headers, the content type, the body and the code of an answer are what the document says."""
    assert response["X-Request-ID"]
    if response.status_code >= 400 and not is_oauth_refusal(base, path, response):
        assert_problem(response)
    operation = operation_of(method, path, base)
    if operation is None:
        assert response.status_code in {401, 403, 404, 405, 429}
        return
    status = str(response.status_code)
    assert status in operation["responses"], f"{method} {path}: {status} is not documented: {response.content!r}"
    assert all(response[name].isdecimal() for name in LIMITS)
    content = operation["responses"][status].get("content")
    if not content:
        assert response.content == b""
        return
    kind = response["Content-Type"]
    assert kind in content
    _judge(json.dumps(content[kind]["schema"])).validate(response.json())

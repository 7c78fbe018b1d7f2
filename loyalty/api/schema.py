"""The OpenAPI document: shapes come from the very structures that parse and render, so it cannot drift from them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from msgspec import Struct

from loyalty.api.problems import CONTENT_TYPE

View = TypeVar("View", bound=Callable[..., Any])
REFERENCE = "#/components/schemas/{name}"
_structures: set[type[Struct]] = set()
_optional_bodies: set[str] = set()

EVERY_ANSWER = {
    "X-Request-ID": "The id of the request, as sent or as made.",
    "RateLimit-Limit": "How many requests may come at once.",
    "RateLimit-Remaining": "How many of them are left.",
    "RateLimit-Reset": "In how many seconds all of them are back.",
}
PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "errors", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "For people."},
        "code": {"type": "string", "description": "Stable, for programs."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {name: {"type": "string"} for name in ("field", "code", "detail")},
            },
        },
        "request_id": {"type": "string"},
        "data": {"type": "object", "description": "Empty; of a membership that is not there."},
        "transaction_id": {"type": "string", "description": "The transaction that has the reference_id."},
    },
}
COMMON_REFUSALS = {
    401: ["missing_api_key", "invalid_api_key"],
    403: ["scope_missing"],
    429: ["rate_limited"],
    500: ["internal_error"],
    503: ["service_unavailable"],
}
BODY_REFUSALS = {400: ["invalid_request"], 413: ["body_too_large"], 415: ["unsupported_media_type"]}
IDEMPOTENCY_REFUSALS = {409: ["request_in_progress"], 410: ["answer_erased"], 422: ["idempotency_key_reused"]}
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    OpenApiParameter.HEADER,
    description="The same key, path and JSON value again: the first answer again, for ever, with Idempotent-Replayed: true.",
)


def documented(
    *,
    operation: str,
    tag: str,
    description: str,
    answer: tuple[int, type[Struct] | None],
    example: Any = None,
    body: type[Struct] | None = None,
    body_examples: Mapping[str, Any] | None = None,
    body_required: bool = True,
    parameters: Sequence[OpenApiParameter] = (),
    refusals: Mapping[int, Sequence[str]] | None = None,
    once: bool = False,
) -> Callable[[View], View]:
    """Describe one operation: what it takes, what it answers, and each of its refusals by status and code."""
    status, shape = answer
    refused = _merged(COMMON_REFUSALS, BODY_REFUSALS if body else {}, IDEMPOTENCY_REFUSALS if once else {}, refusals or {})
    examples = [OpenApiExample(name, value=value, request_only=True) for name, value in (body_examples or {}).items()]
    if example is not None:
        examples.append(OpenApiExample("answer", value=example, response_only=True, status_codes=[str(status)]))
    answers: dict[Any, Any] = {(status, "application/json"): _reference(shape)} if shape else {status: None}
    answers |= {(code, CONTENT_TYPE): _problem(codes) for code, codes in refused.items()}
    if not body_required:
        _optional_bodies.add(operation)
    decorate: Callable[[View], View] = extend_schema(
        operation_id=operation,
        tags=[tag],
        summary=description.partition(".")[0],
        description=description,
        request={"application/json": _reference(body)} if body else None,
        responses=answers,
        examples=examples,
        parameters=[*parameters, *([IDEMPOTENCY_KEY] if once else [])],
    )
    return decorate


def complete_document(result: dict[str, Any], **__: Any) -> dict[str, Any]:
    """Add to drf-spectacular's document what it cannot know: our structures, the key, the headers of every answer."""
    components = result.setdefault("components", {})
    _, structures = msgspec.json.schema_components(sorted(_structures, key=str), ref_template=REFERENCE)
    components["schemas"] = structures | {"Problem": PROBLEM}
    components["securitySchemes"] = {"apiKey": {"type": "apiKey", "in": "header", "name": "X-API-KEY"}}
    components["headers"] = {name: {"description": text, "schema": {"type": "string"}} for name, text in EVERY_ANSWER.items()}
    for item in result["paths"].values():
        for operation in item.values():
            operation["security"] = [{"apiKey": []}]
            if "requestBody" in operation:
                operation["requestBody"]["required"] = operation["operationId"] not in _optional_bodies
            for answer in operation["responses"].values():
                answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in EVERY_ANSWER}
    return result


def _reference(shape: type[Struct] | None) -> dict[str, Any]:
    if shape is None:
        return {}
    _structures.add(shape)
    return {"$ref": REFERENCE.format(name=shape.__name__)}


def _problem(codes: Iterable[str]) -> dict[str, Any]:
    return {
        "allOf": [
            {"$ref": REFERENCE.format(name="Problem")},
            {"type": "object", "properties": {"code": {"enum": sorted(codes)}}},
        ]
    }


def _merged(*tables: Mapping[int, Sequence[str]]) -> dict[int, list[str]]:
    merged: dict[int, list[str]] = {}
    for table in tables:
        for status, codes in table.items():
            merged.setdefault(status, []).extend(codes)
    return dict(sorted(merged.items()))

"""The OpenAPI document: shapes come from the very structures that parse and render, so it cannot drift from them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from msgspec import Struct

from loyalty.api.problems import CONTENT_TYPE
from users.models import RetailScope

View = TypeVar("View", bound=Callable[..., Any])
Refusals = Mapping[int, Sequence[str]]
REFERENCE = "#/components/schemas/{name}"
CLIENTS_BEGIN_AT = "/api/retail/oauth/token"
_structures: set[type[Struct]] = set()
_optional_bodies: set[str] = set()
_ways_in: dict[str, "WayIn | None"] = {}

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
EDGE_REFUSALS = {429: ["rate_limited"], 500: ["internal_error"], 503: ["service_unavailable"]}
BODY_REFUSALS = {400: ["invalid_request"], 413: ["body_too_large"], 415: ["unsupported_media_type"]}
IDEMPOTENCY_REFUSALS = {409: ["request_in_progress"], 410: ["answer_erased"], 422: ["idempotency_key_reused"]}
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    OpenApiParameter.HEADER,
    description="The same key, path and JSON value again: the first answer again, for ever, with Idempotent-Replayed: true.",
)


@dataclass(frozen=True, slots=True)
class WayIn:
    """How an operation lets callers in: what the document calls it, the scopes it needs, how it refuses everybody else."""

    scheme: str
    refusals: Refusals
    scopes: tuple[str, ...] = ()


API_KEY = WayIn("apiKey", {401: ["missing_api_key", "invalid_api_key"], 403: ["scope_missing"]})


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
    body_kinds: Sequence[str] = ("application/json",),
    parameters: Sequence[OpenApiParameter] = (),
    refusals: Refusals | None = None,
    once: bool = False,
    way_in: WayIn | None = API_KEY,
    further: Mapping[int, tuple[type[Struct] | None, Any]] | None = None,
) -> Callable[[View], View]:
    """Describe one operation: what it takes, what it answers, and each of its refusals by status and code.

    `further` answers, each with an example, are neither the usual one nor problems.
    """
    edge = [EDGE_REFUSALS, way_in.refusals if way_in else {}, BODY_REFUSALS if body else {}]
    refused = _merged(*edge, IDEMPOTENCY_REFUSALS if once else {}, refusals or {})
    answered = {answer[0]: (answer[1], example), **(further or {})}
    if not body_required:
        _optional_bodies.add(operation)
    _ways_in[operation] = way_in
    decorate: Callable[[View], View] = extend_schema(
        operation_id=operation,
        tags=[tag],
        summary=description.partition(".")[0],
        description=description,
        request={kind: reference_to(body) for kind in body_kinds} if body else None,
        responses=_answers({status: one[0] for status, one in answered.items()}, refused),
        examples=[*_sent(body_examples or {}, body_kinds), *_shown({status: one[1] for status, one in answered.items()})],
        parameters=[*parameters, *([IDEMPOTENCY_KEY] if once else [])],
    )
    return decorate


def described(
    *,
    operation: str,
    tag: str,
    description: str,
    answers: Mapping[int, tuple[Mapping[str, Any], Any]],
    body: type[Struct] | None = None,
    body_examples: Mapping[str, Any] | None = None,
    body_kinds: Sequence[str] = ("application/json",),
    parameters: Sequence[OpenApiParameter] = (),
    way_in: WayIn | None = None,
) -> Callable[[View], View]:
    """Describe an operation of a dialect whose refusals are no problem details: each status with its schema and an example."""
    _ways_in[operation] = way_in
    decorate: Callable[[View], View] = extend_schema(
        operation_id=operation,
        tags=[tag],
        summary=description.partition(".")[0],
        description=description,
        request={kind: reference_to(body) for kind in body_kinds} if body else None,
        responses={(status, "application/json"): dict(schema) for status, (schema, _) in answers.items()},
        examples=[*_sent(body_examples or {}, body_kinds), *_shown({status: one[1] for status, one in answers.items()})],
        parameters=list(parameters),
    )
    return decorate


def shape_of(shape: type[Struct]) -> dict[str, Any]:
    """The fields of a structure as the document has them."""
    _, components = msgspec.json.schema_components([shape], ref_template=REFERENCE)
    found: dict[str, Any] = components[shape.__name__]
    return found


def complete_document(result: dict[str, Any], **__: Any) -> dict[str, Any]:
    """Add to drf-spectacular's document what it cannot know: our structures, the key, the headers of every answer."""
    components = result.setdefault("components", {})
    _, structures = msgspec.json.schema_components(sorted(_structures, key=str), ref_template=REFERENCE)
    components["schemas"] = structures | {"Problem": PROBLEM}
    components["securitySchemes"] = _security_schemes()
    components["headers"] = {name: {"description": text, "schema": {"type": "string"}} for name, text in EVERY_ANSWER.items()}
    for item in result["paths"].values():
        for operation in item.values():
            way_in = _ways_in[operation["operationId"]]
            operation["security"] = [{way_in.scheme: list(way_in.scopes)}] if way_in else []
            if "requestBody" in operation:
                operation["requestBody"]["required"] = operation["operationId"] not in _optional_bodies
            for answer in operation["responses"].values():
                answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in EVERY_ANSWER}
    return result


def _answers(shapes: Mapping[int, type[Struct] | None], refused: Refusals) -> dict[Any, Any]:
    answers: dict[Any, Any] = {}
    for status, shape in shapes.items():
        answers |= {(status, "application/json"): reference_to(shape)} if shape else {status: None}
    return answers | {(status, CONTENT_TYPE): _problem(codes) for status, codes in refused.items()}


def _sent(bodies: Mapping[str, Any], kinds: Sequence[str]) -> Iterator[OpenApiExample]:
    for kind in kinds:
        for name, value in bodies.items():
            yield OpenApiExample(name, value=value, request_only=True, media_type=kind)


def _shown(answers: Mapping[int, Any]) -> Iterator[OpenApiExample]:
    for status, value in answers.items():
        if value is not None:
            yield OpenApiExample("answer", value=value, response_only=True, status_codes=[str(status)])


def _security_schemes() -> dict[str, Any]:
    """The key of partners, the tokens of tills, shops and apps, and the cookie of a member in the gift shop."""
    scopes = {scope.value: str(scope.label) for scope in RetailScope}
    return {
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-KEY"},
        "oauth2": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": CLIENTS_BEGIN_AT, "scopes": scopes}}},
        "identification": {"type": "apiKey", "in": "cookie", "name": "loyalty_identification"},
        "partnerToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "userToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    }


def reference_to(shape: type[Struct] | None) -> dict[str, Any]:
    """How the document refers to a structure, which it holds from now on."""
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

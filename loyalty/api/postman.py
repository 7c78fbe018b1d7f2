"""Postman collections out of the OpenAPI document: every operation of a dialect, in an order in which they work.

A dialect lists its steps: which operation, with which of the document's examples, what of that example is a variable, and
what of the answer later steps need. Everything else (paths, bodies, descriptions, ways in, answers) comes from the document.
Format: Postman Collection 2.1.0.
"""

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
PARAMETER = re.compile(r"\{(\w+)\}")
OPEN = {"type": "noauth"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request. Values are texts in which `{{name}}` stands for a variable.

    `put` says what stands at a place of the example instead (`user.auth_id`; None: nothing), `body` replaces the whole.
    `keeps` names variables and where in the `answer` they are, and `prepares` is what is done before: both in JavaScript.
    Variables that are `unless_given` are kept where nobody gave them a value.
    """

    operation: str
    name: str | None = None
    example: str | None = None
    put: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    header: Mapping[str, str] = field(default_factory=dict)
    keeps: Mapping[str, str] = field(default_factory=dict)
    unless_given: frozenset[str] = frozenset()
    prepares: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One API: where it lies, its steps by folder, its variables with what each is, and how requests get in.

    `begins` is done before every request, in JavaScript.
    """

    name: str
    prefix: str
    base: str
    description: str
    folders: Mapping[str, Sequence[Step]]
    variables: Mapping[str, str]
    ways_in: Mapping[str, Mapping[str, Any]]
    begins: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Operation:
    method: str
    path: str
    told: Mapping[str, Any]


def collection(dialect: Dialect, document: Mapping[str, Any], *, origin: str) -> dict[str, Any]:
    """The collection of a dialect, for a house at `origin` (https://loyalty.example.org)."""
    operations = dict(_operations(dialect, document))
    variables = {dialect.base: "Where the API lies.", **dialect.variables}
    return {
        "info": {"name": f"Loyalty: {dialect.name}", "description": dialect.description, "schema": SCHEMA},
        "event": [_script("prerequest", dialect.begins)] if dialect.begins else [],
        "variable": [
            {"key": name, "value": origin + dialect.prefix if name == dialect.base else "", "description": text}
            for name, text in variables.items()
        ],
        "item": [
            {"name": folder, "item": [_item(dialect, step, operations[step.operation]) for step in steps]}
            for folder, steps in dialect.folders.items()
        ],
    }


def _operations(dialect: Dialect, document: Mapping[str, Any]) -> Iterator[tuple[str, _Operation]]:
    for path, item in document["paths"].items():
        if path.startswith(f"{dialect.prefix}/"):
            for method, told in item.items():
                yield told["operationId"], _Operation(method.upper(), path.removeprefix(dialect.prefix), told)


def _item(dialect: Dialect, step: Step, operation: _Operation) -> dict[str, Any]:
    name = step.name or operation.told["summary"]
    request = _request(dialect, step, operation)
    events = [_script("prerequest", step.prepares)] if step.prepares else []
    return {
        "name": name,
        "event": [*events, _script("test", _tests(step, operation))],
        "request": request,
        "response": list(_answers(operation, request)),
    }


def _request(dialect: Dialect, step: Step, operation: _Operation) -> dict[str, Any]:
    body = _body(step, operation)
    header = {"Content-Type": "application/json"} if body is not None else {}
    request = {
        "method": operation.method,
        "description": operation.told.get("description", ""),
        "header": [{"key": name, "value": value} for name, value in (header | dict(step.header)).items()],
        "url": _url(dialect, step, operation),
        "auth": _way_in(dialect, operation),
    }
    if body is not None:
        request["body"] = {"mode": "raw", "raw": body, "options": {"raw": {"language": "json"}}}
    return request


def _url(dialect: Dialect, step: Step, operation: _Operation) -> dict[str, Any]:
    path = PARAMETER.sub(lambda found: step.path[found[1]], operation.path)
    query = [{"key": name, "value": value} for name, value in step.query.items()]
    asked = "?" + "&".join(f"{name}={value}" for name, value in step.query.items()) if query else ""
    host = f"{{{{{dialect.base}}}}}"
    return {"raw": host + path + asked, "host": [host], "path": path.strip("/").split("/"), "query": query}


def _way_in(dialect: Dialect, operation: _Operation) -> Mapping[str, Any]:
    schemes = [name for needed in operation.told["security"] for name in needed]
    return dialect.ways_in[schemes[0]] if schemes else OPEN


def _body(step: Step, operation: _Operation) -> str | None:
    """The body as JSON text, None where there is none."""
    if "requestBody" not in operation.told:
        return None
    body = step.body
    if body is None:
        examples = operation.told["requestBody"]["content"]["application/json"]["examples"]
        name = step.example or next(iter(examples))
        body = copy.deepcopy(examples[name]["value"])
        for place, value in step.put.items():
            _put(body, place.split("."), value)
    return json.dumps(body, indent=2, ensure_ascii=False)


def _put(body: Any, place: Sequence[str], value: Any) -> None:
    *way, last = place
    for name in way:
        body = body[int(name) if isinstance(body, list) else name]
    if value is None:
        del body[last]
    else:
        body[last] = value


def _tests(step: Step, operation: _Operation) -> Iterator[str]:
    """Is it answered with success, as the document says? Then what is needed later is kept."""
    fits = sorted(int(status) for status in operation.told["responses"] if status.startswith("2"))
    told = " or ".join(map(str, fits))
    yield f'pm.test("is answered with {told}", () => pm.expect(pm.response.code, pm.response.text()).to.be.oneOf({fits}));'
    yield "const answer = pm.response.text() ? pm.response.json() : {};"
    yield 'pm.test("is no refusal", () => pm.expect(answer.errorCode || 0, pm.response.text()).to.equal(0));'
    for name, place in step.keeps.items():
        kept = f'pm.collectionVariables.set("{name}", String({place}));'
        yield f'if (!pm.variables.get("{name}")) {{ {kept} }}' if name in step.unless_given else kept


def _answers(operation: _Operation, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The document's own examples of answers, as Postman shows them beside a request."""
    for status, told in operation.told["responses"].items():
        for kind, content in told.get("content", {}).items():
            for example in content.get("examples", {}).values():
                yield {
                    "name": f"{status}",
                    "originalRequest": request,
                    "code": int(status),
                    "_postman_previewlanguage": "json",
                    "header": [{"key": "Content-Type", "value": kind}],
                    "body": json.dumps(example["value"], indent=2, ensure_ascii=False),
                }


def _script(when: str, lines: Sequence[str] | Iterator[str]) -> dict[str, Any]:
    return {"listen": when, "script": {"type": "text/javascript", "exec": list(lines)}}


def bearer(variable: str) -> dict[str, Any]:
    """A way in by a token that a variable holds."""
    return {"type": "bearer", "bearer": [{"key": "token", "value": f"{{{{{variable}}}}}", "type": "string"}]}


def unless_set(variable: str, value: str) -> str:
    """JavaScript that gives a variable a value where nobody gave it one."""
    return f'if (!pm.variables.get("{variable}")) {{ pm.collectionVariables.set("{variable}", {value}); }}'

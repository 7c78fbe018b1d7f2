"""How the OpenAPI document describes the calls of the App API."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from drf_spectacular.utils import OpenApiParameter
from msgspec import Struct

from loyalty.api.app.base import AppView, ServerView, UserView
from loyalty.api.schema import WayIn, described, reference_to, shape_of

KINDS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
View = TypeVar("View", bound=type[AppView])
REFUSED = (401, 413, 415, 429, 500, 503)
SERVER, USER = WayIn("partnerToken", {}), WayIn("userToken", {})


class RefusalData(Struct):
    """A stable word for the refusal, and the field that it is about."""

    reason: str
    field: str | None = None


class AppRefusal(Struct, rename="camel"):
    """A refusal: `errorCode` says of what kind it is, `errorMsg` tells people."""

    status: Literal["error"]
    error_code: int
    error_msg: str
    data: RefusalData


def call(
    *, operation: str, description: str, body: type[Struct], data: type[Struct], example: Any, sent: Mapping[str, Any]
) -> Callable[[View], View]:
    """Describe a call: what it takes, and its answer; one that reads may be a GET, too."""

    def decorate(view: View) -> View:
        way_in = SERVER if issubclass(view, ServerView) else USER if issubclass(view, UserView) else None
        told = {"status": "success", "errorCode": 0, "errorMsg": "ok", "data": example}
        answers: dict[int, tuple[dict[str, Any], Any]] = {200: (answer_of(data), told)}
        answers |= {status: (reference_to(AppRefusal), None) for status in REFUSED}
        terms: dict[str, Any] = {"tag": f"App: {_group(view)}", "description": description, "way_in": way_in}
        taken: dict[str, Any] = {"body": body, "body_examples": {"a call": sent}, "body_kinds": KINDS}
        _describe(view, "post", described(operation=operation, answers=answers, **taken, **terms))
        if view.reads:
            by_query = f"{operation}_by_query"
            _describe(view, "get", described(operation=by_query, answers=answers, parameters=_parameters(body), **terms))
        return view

    return decorate


def answer_of(data: type[Struct]) -> dict[str, Any]:
    """The envelope with this in it, or with a refusal in its place."""
    properties = {
        "status": {"enum": ["success", "error"]},
        "errorCode": {"type": "integer", "minimum": 0, "maximum": 10},
        "errorMsg": {"type": "string"},
        "data": {"anyOf": [reference_to(data), reference_to(RefusalData)]},
    }
    return {"type": "object", "required": list(properties), "properties": properties}


def _group(view: type[AppView]) -> str:
    if issubclass(view, ServerView):
        return "back end"
    return "user" if issubclass(view, UserView) else "open"


def _describe(view: type[AppView], method: str, decorate: Callable[[Any], Any]) -> None:
    """Give the view a method of its own to be described: what it inherits is others', too."""
    inherited = getattr(view, method)

    def own(self: AppView, request: Any) -> Any:
        return inherited(self, request)

    own.__name__, own.__doc__ = method, inherited.__doc__
    setattr(view, method, decorate(own))


def _parameters(body: type[Struct]) -> list[OpenApiParameter]:
    """The fields of a body as parameters of a query; lists and objects are JSON text there."""
    shape = shape_of(body)
    return [
        OpenApiParameter(name, str, required=name in shape.get("required", ()), description="As in the body.")
        for name in shape["properties"]
    ]

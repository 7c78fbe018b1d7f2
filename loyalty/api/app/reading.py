"""Arguments of the App API: out of JSON, a form, or the query of a reading call, into one and the same shape."""

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, get_args, get_type_hints

import msgspec
from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParserError
from msgspec import Meta

from loyalty.api.errors import BodyTooLarge, UnsupportedMediaType
from loyalty.api.requests import JSON, FieldRefused, Shape, read_body, shaped

FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
ClientId = Annotated[str, Meta(min_length=1, max_length=255)]
Tag = Annotated[str, Meta(min_length=1, max_length=100)]
Name = Annotated[str, Meta(min_length=1, max_length=255)]
Language = Annotated[str, Meta(pattern="^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$", max_length=20)]


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A call without arguments."""


def read(request: HttpRequest, shape: type[Shape], *, limit_bytes: int = settings.BODY_LIMIT_BYTES) -> Shape:
    """The arguments in a shape. Raises FieldRefused naming the field, UnsupportedMediaType, BodyTooLarge."""
    if request.method == "GET":
        return shaped(_of_form(request.GET, shape), shape)
    kind = (request.META.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
    if not kind and not request.body:
        return shaped({}, shape)
    if kind == "multipart/form-data":
        return shaped(_of_form(_parts(request, limit_bytes), shape), shape)
    raw = read_body(request, limit_bytes=limit_bytes, kinds=JSON | FORMS)
    if kind in FORMS:
        return shaped(_of_form(QueryDict(raw, encoding="utf-8"), shape), shape)
    return shaped(_of_json(raw), shape)


def _parts(request: HttpRequest, limit_bytes: int) -> QueryDict:
    """The fields of a form in parts; files are none."""
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise BodyTooLarge(limit_bytes)
    if (request.content_params or {}).get("charset", "utf-8").strip().lower() not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType
    try:
        files, fields = request.FILES, request.POST
    except (MultiPartParserError, TypeError):  # TypeError: a part whose parameters contradict each other
        raise FieldRefused("", "malformed", "this is no form in parts") from None
    if files:
        raise FieldRefused(next(iter(files)), "invalid", "files are not taken")
    return fields


def _of_json(raw: bytes) -> dict[str, Any]:
    try:
        told = msgspec.json.decode(raw or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise FieldRefused("", "malformed", "this is not JSON in UTF-8") from None
    if not isinstance(told, dict):
        raise FieldRefused("", "invalid", "a JSON object is needed")
    return told


def _of_form(form: QueryDict, shape: type[Shape]) -> dict[str, Any]:
    """A form's fields; lists are repeated or JSON text, objects JSON text."""
    return {name: _readers(shape).get(name, _text)(name, form.getlist(name)) for name in form}


@cache
def _readers(shape: type[msgspec.Struct]) -> dict[str, Callable[[str, list[str]], Any]]:
    """How each field of a shape is read out of a form, by the JSON names of the fields."""
    names = dict(zip(shape.__struct_fields__, shape.__struct_encode_fields__, strict=True))
    hints = get_type_hints(shape)
    return {names[field]: _reader(hint) for field, hint in hints.items() if field in names}


def _reader(hint: Any) -> Callable[[str, list[str]], Any]:
    told = str(get_args(hint) or hint) + str(hint)
    if "dict[" in told and "list[" not in told:
        return _object
    return _list if "list[" in told else _text


def _text(name: str, values: list[str]) -> str:
    if len(values) > 1:
        raise FieldRefused(name, "invalid", "given more than once")
    return values[0] if values else ""


def _list(name: str, values: list[str]) -> Any:
    if len(values) == 1 and values[0].lstrip().startswith("["):
        return _json(name, values[0])
    return [_json(name, value) if value.lstrip().startswith("{") else value for value in values]


def _object(name: str, values: list[str]) -> Any:
    return _json(name, _text(name, values))


def _json(name: str, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise FieldRefused(name, "malformed", "this is not JSON") from None

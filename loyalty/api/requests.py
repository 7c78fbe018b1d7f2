"""Reading requests: bodies, parameters, and what is wrong with them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec
from django.http import HttpRequest, QueryDict
from django.utils.dateparse import parse_datetime
from msgspec import Meta

from loyalty.api.errors import BodyTooLarge, MissingToken, UnsupportedMediaType
from loyalty.errors import FieldError, InvalidRequest, LoyaltyError, invalid_field

Shape = TypeVar("Shape", bound=msgspec.Struct)

HIGHEST_AMOUNT = 9_999_999_999_999
HIGHEST_ID = 2**63 - 1
DEEPEST = 100  # levels of objects and arrays in a body
JSON = frozenset({"application/json"})
Amount = Annotated[int, Meta(ge=1, le=HIGHEST_AMOUNT)] | Annotated[str, Meta(pattern="^0*[1-9][0-9]{0,12}$")]
Id = Annotated[int, Meta(ge=0)] | Annotated[str, Meta(pattern="^[0-9]+$")]

_FIELD = re.compile(r"field `([^`]+)`")
_PATH = re.compile(r" - at `([^`]*)`$")
_NUL = b"\\u0000"
MISSING, UNKNOWN = "required", "unknown_field"
NO_NUL = "the character U+0000 is not allowed"


class FieldRefused(InvalidRequest):
    """One field of a body is missing, unknown or of the wrong shape; `path` is its dotted path."""

    def __init__(self, path: str, code: str, detail: str) -> None:
        super().__init__(f"{path or 'body'}: {detail}", errors=[FieldError(path, code, detail)])
        self.path = path


def parse_body(request: HttpRequest, shape: type[Shape], *, limit_bytes: int) -> Shape:
    """The JSON body in the given shape. Raises FieldRefused naming the field, UnsupportedMediaType, BodyTooLarge."""
    raw = read_body(request, limit_bytes=limit_bytes)
    try:
        value = msgspec.json.decode(raw, type=shape)
    except msgspec.ValidationError as error:
        raise _refused(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise FieldRefused("", "malformed", "this is not JSON in UTF-8") from None
    except RecursionError:
        raise FieldRefused("", "malformed", "nested too deeply") from None
    if raw.count(b"{") + raw.count(b"[") > DEEPEST:
        _refuse_depth(msgspec.to_builtins(value), (), DEEPEST)
    if _NUL in raw:
        _refuse_nul(msgspec.to_builtins(value), ())
    return value


def shaped(told: Mapping[str, Any], shape: type[Shape]) -> Shape:
    """Arguments, read already, in the given shape; texts may stand for numbers. Raises FieldRefused naming the field."""
    try:
        _refuse_depth(told, (), DEEPEST)
        _refuse_nul(told, ())
        return msgspec.convert(told, type=shape, strict=False)
    except msgspec.ValidationError as error:
        raise _refused(str(error)) from None


def read_body(request: HttpRequest, *, limit_bytes: int, kinds: frozenset[str] = JSON) -> bytes:
    """The body as it came. Raises UnsupportedMediaType, BodyTooLarge."""
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise BodyTooLarge(limit_bytes)
    kind, _, parameters = (request.META.get("CONTENT_TYPE") or "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    packed = request.META.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity"
    if packed or kind.strip().lower() not in kinds or charset not in {"", "utf-8", "utf8"}:
        raise UnsupportedMediaType
    raw = request.body
    if len(raw) > limit_bytes:
        raise BodyTooLarge(limit_bytes)
    return raw


@contextmanager
def under(name: str) -> Iterator[None]:
    """Name the fields that a service refuses as they stand in the body, in the words for people too."""
    try:
        yield
    except LoyaltyError as refusal:
        if refusal.errors and str(refusal).startswith(f"{refusal.errors[0].field}: "):
            refusal.args = (_joined(name, str(refusal)),)
        refusal.errors = tuple(replace(error, field=_joined(name, error.field)) for error in refusal.errors)
        raise


def bearer_of(request: HttpRequest) -> str:
    """The token in the Authorization header. Raises MissingToken."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise MissingToken
    return str(token.strip())


def canonical(raw: bytes) -> bytes:
    """A JSON value in the one form that all its spellings share; what is no JSON stays as it is."""
    try:
        return msgspec.json.encode(msgspec.json.decode(raw), order="sorted")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return raw


def _refused(message: str) -> FieldRefused:
    """Turn msgspec's words into the field they are about."""
    path_found = _PATH.search(message)
    path = path_found[1].removeprefix("$").removeprefix(".") if path_found else ""
    detail = _PATH.sub("", message)
    field_found = _FIELD.search(detail)
    if detail.startswith("Object missing required") and field_found:
        return FieldRefused(_joined(path, field_found[1]), MISSING, "this field is needed")
    if detail.startswith("Object contains unknown") and field_found:
        return FieldRefused(_joined(path, field_found[1]), UNKNOWN, "this field is unknown")
    return FieldRefused(path, "invalid", detail[0].lower() + detail[1:])


def _joined(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field


def _refuse_depth(value: Any, path: tuple[Any, ...], left: int) -> None:
    """Refuse what is nested deeper than any later reader could follow, naming the field that holds it."""
    for name, part in _parts_of(value):
        if left == 0:
            raise FieldRefused(_dotted(path[:2]), "invalid", f"nested deeper than {DEEPEST} levels")
        if isinstance(part, Mapping | list):
            _refuse_depth(part, (*path, name), left - 1)


def _refuse_nul(value: Any, path: tuple[Any, ...]) -> None:
    """Refuse the character that PostgreSQL's text cannot hold, naming where it stands."""
    for name, part in _parts_of(value):
        if isinstance(name, str) and "\x00" in name:
            raise FieldRefused(_dotted(path), "invalid", NO_NUL)
        if isinstance(part, str) and "\x00" in part:
            raise FieldRefused(_dotted((*path, name)), "invalid", NO_NUL)
        if isinstance(part, Mapping | list):
            _refuse_nul(part, (*path, name))


def _parts_of(value: Any) -> Iterable[tuple[Any, Any]]:
    """The parts of an object or array. Their path is joined where one is refused only: for each it would take too long."""
    return value.items() if isinstance(value, Mapping) else enumerate(value)


def _dotted(path: Iterable[Any]) -> str:
    return ".".join(map(str, path))


def as_id(value: int | str) -> int:
    """An id that came as a number or as digits; one too large to exist stands for none."""
    number = int(value) if len(str(value)) <= 19 else HIGHEST_ID
    return min(number, HIGHEST_ID)


def as_amount(value: int | str) -> int | None:
    """An amount that came as a number or as digits; None when it is not one after all."""
    if isinstance(value, str) and not re.fullmatch("0*[1-9][0-9]{0,12}", value):
        return None
    return int(value)


class Parameters:
    """The query of a list: each parameter is asked for once, what nobody asked for is refused."""

    def __init__(self, query: QueryDict, *, known: Iterable[str]) -> None:
        self.query = query
        for name in query:
            if name not in known:
                raise invalid_field(name, "this parameter is unknown", code=UNKNOWN)
            if "\x00" in "".join(query.getlist(name)):
                raise invalid_field(name, NO_NUL)

    def text(self, name: str) -> str | None:
        """A text; given twice, the last counts."""
        return self.query.get(name)

    def number(self, name: str, *, default: int, lowest: int, highest: int) -> int:
        """A whole number; above `highest` it is read as that."""
        raw = self.query.get(name)
        if raw is None:
            return default
        if not re.fullmatch("[0-9]{1,100}", raw) or int(raw) < lowest:
            raise invalid_field(name, f"a whole number from {lowest} on")
        return min(int(raw), highest)

    def id(self, name: str) -> int | None:
        """An id."""
        raw = self.query.get(name)
        if raw is None:
            return None
        if not re.fullmatch("[0-9]+", raw):
            raise invalid_field(name, "an id is a number")
        return as_id(raw)

    def instant(self, name: str) -> datetime | None:
        """An ISO 8601 instant; without a zone it is UTC."""
        raw = self.query.get(name)
        if raw is None:
            return None
        try:
            # An unencoded plus sign arrives as a blank.
            instant = parse_datetime(raw.replace(" ", "+") if raw.count(" ") == 1 and "T" in raw else raw)
            if instant is None:
                instant = datetime.fromisoformat(raw)
            return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
        except (ValueError, OverflowError):
            raise invalid_field(name, "an ISO 8601 date and time, as in 2026-06-01T11:23:23Z") from None

    def words(self, *names: str) -> list[str]:
        """Words that came repeated, with brackets, or parted by commas."""
        return list(_words(self.query, names))


def _words(query: QueryDict, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        for value in query.getlist(name):
            yield from (word.strip() for word in value.split(","))

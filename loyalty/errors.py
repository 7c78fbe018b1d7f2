"""The root of every refusal; knows no HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that was refused: its dotted path, a stable code, and words for people."""

    field: str
    code: str
    detail: str


class LoyaltyError(Exception):
    """A refusal with a stable `code`. Dialects turn the code into a status; nobody else looks at HTTP."""

    code: ClassVar[str] = "refused"
    detail: ClassVar[str] = "The request was refused"

    def __init__(self, detail: str | None = None, *, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail or self.detail)
        self.errors = tuple(errors)

    def __str__(self) -> str:
        return str(self.args[0])


class InvalidRequest(LoyaltyError):
    """A field, parameter or body whose shape is wrong; never remembered under an idempotency key."""

    code = "invalid_request"
    detail = "The request is malformed"


def invalid_field(field: str, detail: str, *, code: str = "invalid") -> InvalidRequest:
    """Refuse one field, naming it in the words that people read too."""
    return InvalidRequest(f"{field}: {detail}", errors=[FieldError(field, code, detail)])


def all_codes(root: type[LoyaltyError] = LoyaltyError) -> set[str]:
    """List the code of every refusal that is defined, so that a dialect can prove it knows them all."""
    return {root.code}.union(*(all_codes(kind) for kind in root.__subclasses__()))

"""What of a change may be written down for ever: never a secret, never what is personal.

Audit entries can be neither changed nor deleted, while a member can be erased. So of a personal field an entry says
that it was set, changed or emptied, and nothing of what stood there: even a salted digest would be of the person for as
long as its salt is kept, and would tell nobody anything once it is not.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PERSONAL = frozenset(
    {
        "auth_id",
        "birth_date",
        "context",
        "country_iso",
        "email",
        "engraving",
        "first_name",
        "last_name",
        "membership_number",
        "merged_auth_id",
        "note",
        "number",
        "personalisation",
        "phone",
        "q",
        "query",
        "recipient",
        "search",
        "second_name",
    }
)
"""Names of fields that hold something of a person, in whatever table."""

PERSONAL_OF = {
    "users.member": frozenset({"language", "metadata"}),
    "rewards.collectible": frozenset({"personalised_data"}),
}
"""And those that do so in one table alone."""

SECRET = re.compile(r"(^|_)(password|secret|digest|salt|key|seed|credential|credentials|content|otp)$")
"""Names of fields that hold what opens something, in whatever table."""

SECRET_OF = {"rewards.code": frozenset({"code"}), "rewards.reward": frozenset({"code"})}
"""And those that are worth something, in one table alone."""

ADDRESS = re.compile(r"[^\s@<>,;:\"']+@[^\s@<>,;:\"']+")
WITHHELD, HIDDEN = "(personal)", "(secret)"
LONGEST_TEXT = 2_000


def presentable(values: Mapping[str, Any], *, model: str = "") -> dict[str, Any]:
    """The values as they may be kept: what is personal or secret replaced, however deep it stands; empty stays empty."""
    return _Rules(PERSONAL | PERSONAL_OF.get(model, frozenset()), SECRET_OF.get(model, frozenset())).mapping(values)


def without_addresses(text: str) -> str:
    """A text in which no e-mail address stands any more, cut to what an entry holds."""
    return ADDRESS.sub(WITHHELD, text)[:LONGEST_TEXT]


@dataclass(frozen=True, slots=True)
class _Rules:
    """Which names are personal and which are secret, beyond those that always are."""

    personal: frozenset[str]
    secret: frozenset[str]

    def mapping(self, values: Mapping[Any, Any]) -> dict[str, Any]:
        return {str(name): self.named(str(name), value) for name, value in values.items()}

    def named(self, name: str, value: Any) -> Any:
        if value is None or value == "":
            return value
        if SECRET.search(name) or name in self.secret:
            return HIDDEN
        return WITHHELD if name in self.personal else self.unnamed(value)

    def unnamed(self, value: Any) -> Any:
        match value:
            case str():
                return without_addresses(value)
            case bytes() | memoryview():
                return HIDDEN
            case Mapping():
                return self.mapping(value)
            case list() | tuple() | set() | frozenset():
                return [self.unnamed(part) for part in value]
        return value

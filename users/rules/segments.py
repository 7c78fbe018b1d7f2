"""Rules of segments: what members fulfil, as data that is parsed and judged before it is kept.

A rule asks for all or for any of its conditions; one of these may be a group that asks for all or any of its own, and
no deeper. Each kind of condition is one structure whose `kind` names it, with exactly the fields that it needs.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from loyalty.errors import InvalidRequest, invalid_field

MOST_CONDITIONS = 30
LONGEST_DAYS = 3_650
MOST_POINTS = 9_999_999_999_999
_TEXT = r"^[^\x00]*$"
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[\w-]{1,63}(\.[\w-]{1,63})+")
_PATH = re.compile(r" - at `([^`]*)`$")
_FIELD = re.compile(r"field `([^`]+)`")

Match = Literal["all", "any"]
Days = Annotated[int, Meta(ge=1, le=LONGEST_DAYS)]
Word = Annotated[str, Meta(min_length=1, max_length=100, pattern=_TEXT)]
Words = Annotated[tuple[Word, ...], Meta(min_length=1, max_length=50)]
Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]


class Condition(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """One thing that a member fulfils or not."""

    kind: ClassVar[str]


class EmailDomain(Condition, frozen=True, tag="email_domain"):
    """The e-mail address is at one of these domains."""

    domains: Words


class Language(Condition, frozen=True, tag="language"):
    """The member's language is one of these, whatever its region."""

    languages: Words


class Country(Condition, frozen=True, tag="country"):
    """The member's country is one of these, as the partner writes it, in any case."""

    countries: Words


class MetadataEquals(Condition, frozen=True, tag="metadata_equals"):
    """The metadata hold exactly this under the key; numbers and true and false as they are written."""

    key: Word
    value: Word


class MetadataContains(Condition, frozen=True, tag="metadata_contains"):
    """The text under the key contains this in any case, or the list under the key holds it."""

    key: Word
    value: Word


class MetadataExists(Condition, frozen=True, tag="metadata_exists"):
    """The metadata hold something under the key."""

    key: Word


class Tag(Condition, frozen=True, tag="tag"):
    """The list `tags` of the metadata holds it."""

    tag: Word


class RegisteredBefore(Condition, frozen=True, tag="registered_before"):
    """Registered before this day began, in the brand's time zone."""

    day: date


class RegisteredFrom(Condition, frozen=True, tag="registered_from"):
    """Registered on this day or later, in the brand's time zone."""

    day: date


class RegisteredWithin(Condition, frozen=True, tag="registered_within"):
    """Registered within so many days."""

    days: Days


class PointsCondition(Condition, frozen=True):
    """A sum of points of one token, the programme's unless one is named; of the last days, or of all time."""

    test: Literal["at_least", "at_most"]
    points: Annotated[int, Meta(ge=0, le=MOST_POINTS)]
    days: Days | None = None
    token_id: Id | None = None


class PointsEarned(PointsCondition, frozen=True, tag="points_earned"):
    """Points earned, less what was taken back of them."""


class PointsSpent(PointsCondition, frozen=True, tag="points_spent"):
    """Points spent, less what came back of them."""


class ActiveWithin(Condition, frozen=True, tag="active_within"):
    """Earned or spent something within so many days."""

    days: Days


class InactiveFor(Condition, frozen=True, tag="inactive_for"):
    """Neither earned nor spent anything for so many days."""

    days: Days


class HasMembership(Condition, frozen=True, tag="membership"):
    """Has a number in a partner programme, by its implementation name, or at a brand, by its id."""

    programme: Word


class InSegment(Condition, frozen=True, tag="segment"):
    """Is in another segment, one that is kept by hand."""

    segment_id: Id


Leaf = (
    EmailDomain
    | Language
    | Country
    | MetadataEquals
    | MetadataContains
    | MetadataExists
    | Tag
    | RegisteredBefore
    | RegisteredFrom
    | RegisteredWithin
    | PointsEarned
    | PointsSpent
    | ActiveWithin
    | InactiveFor
    | HasMembership
    | InSegment
)
LEDGER_KINDS = (PointsEarned, PointsSpent, ActiveWithin, InactiveFor)


class Group(Condition, frozen=True, tag="group"):
    """All or any of some conditions, as one condition."""

    match: Match
    conditions: Annotated[tuple[Leaf, ...], Meta(min_length=1, max_length=MOST_CONDITIONS)]


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """All or any of some conditions and groups."""

    match: Match
    conditions: Annotated[tuple[Leaf | Group, ...], Meta(min_length=1, max_length=MOST_CONDITIONS)]

    def leaves(self) -> Iterator[Leaf]:
        """Every condition, those of groups among them."""
        for condition in self.conditions:
            if isinstance(condition, Group):
                yield from condition.conditions
            else:
                yield condition

    def looks_at_ledger(self) -> bool:
        """Whether points or activity count."""
        return any(isinstance(leaf, LEDGER_KINDS) for leaf in self.leaves())

    def segment_ids(self) -> set[int]:
        """The other segments that it asks for."""
        return {leaf.segment_id for leaf in self.leaves() if isinstance(leaf, InSegment)}

    def token_ids(self) -> set[int]:
        """The tokens that it names."""
        return {leaf.token_id for leaf in self.leaves() if isinstance(leaf, PointsCondition) and leaf.token_id is not None}

    def programmes(self) -> set[str]:
        """The programmes and brands that it asks for memberships in."""
        return {leaf.programme for leaf in self.leaves() if isinstance(leaf, HasMembership)}

    def content(self) -> dict[str, Any]:
        """As it is kept."""
        kept: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return kept


Part = TypeVar("Part", Leaf, Leaf | Group)


def parse_rule(value: object) -> Rule:
    """A rule out of JSON, in the one form that all its spellings share. Raises InvalidRequest naming the field."""
    try:
        rule = msgspec.convert(value, Rule)
    except msgspec.ValidationError as error:
        raise _refused(str(error), value) from None
    if sum(1 for _ in rule.leaves()) > MOST_CONDITIONS:
        raise invalid_field("rule.conditions", f"at most {MOST_CONDITIONS} conditions in all")
    return replace(rule, conditions=tuple(_tidied(part, f"rule.conditions[{at}]") for at, part in enumerate(rule.conditions)))


def path_of(rule: Rule, sought: Leaf) -> str:
    """Where a condition stands in a rule, as refusals name it."""
    for at, part in enumerate(rule.conditions):
        if part is sought:
            return f"rule.conditions[{at}]"
        for within, leaf in enumerate(part.conditions if isinstance(part, Group) else ()):
            if leaf is sought:
                return f"rule.conditions[{at}].conditions[{within}]"
    raise ValueError("the condition is not of this rule")


def _tidied(part: Part, path: str) -> Part:
    """The same with what is compared without case in one case. Raises InvalidRequest."""
    if isinstance(part, Group):
        leaves = (_tidied(leaf, f"{path}.conditions[{at}]") for at, leaf in enumerate(part.conditions))
        return replace(part, conditions=tuple(leaves))
    match part:
        case EmailDomain():
            return replace(part, domains=_each(part.domains, f"{path}.domains", _domain))
        case Language():
            return replace(part, languages=_each(part.languages, f"{path}.languages", _language))
        case Country():
            return replace(part, countries=_each(part.countries, f"{path}.countries", lambda text: text.strip().upper()))
    return part


def _each(words: tuple[str, ...], path: str, tidy: Callable[[str], str | None]) -> tuple[str, ...]:
    """The words tidied, each once. Raises InvalidRequest for one that cannot be meant."""
    found: dict[str, None] = {}
    for at, word in enumerate(words):
        tidied = tidy(word)
        if not tidied:
            raise invalid_field(f"{path}[{at}]", f"“{word}” cannot be meant here")
        found[tidied] = None
    return tuple(found)


def _domain(text: str) -> str | None:
    domain = text.strip().removeprefix("@").lower()
    return domain if _DOMAIN.fullmatch(domain) else None


def _language(text: str) -> str | None:
    code = re.split("[-_]", text.strip())[0].lower()
    return code if code.isalpha() and len(code) <= 8 else None


def _refused(message: str, value: object, path: str = "rule") -> InvalidRequest:
    """The field that msgspec's words are about; which of several conditions it stands in, msgspec does not say."""
    parts = value.get("conditions") if isinstance(value, dict) else None
    for at, part in enumerate(parts if isinstance(parts, list) else []):
        try:
            msgspec.convert(part, Leaf if "[" in path else Leaf | Group)
        except msgspec.ValidationError as error:
            return _refused(str(error), part, f"{path}.conditions[{at}]")
    found = _PATH.search(message)
    within = found[1].removeprefix("$") if found else ""
    detail = _PATH.sub("", message)
    if named := _FIELD.search(detail):
        if detail.startswith("Object missing required"):
            return invalid_field(f"{path}{within}.{named[1]}", "this field is needed", code="required")
        return invalid_field(f"{path}{within}.{named[1]}", "this field is unknown", code="unknown_field")
    return invalid_field(f"{path}{within}", detail[0].lower() + detail[1:])

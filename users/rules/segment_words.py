"""A segment's rule in one sentence for people.

Ids mean nothing to people: whoever asks gives the names that go with them, and a way to say a text in their language.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from msgspec.structs import asdict

from users.rules.segments import (
    ActiveWithin,
    Country,
    EmailDomain,
    Group,
    HasMembership,
    InactiveFor,
    InSegment,
    Language,
    Leaf,
    MetadataContains,
    MetadataEquals,
    MetadataExists,
    PointsCondition,
    PointsEarned,
    PointsSpent,
    RegisteredBefore,
    RegisteredFrom,
    RegisteredWithin,
    Rule,
    Tag,
)

Say = Callable[[str], str]
Names = Mapping[tuple[str, int | str], str]


def gettext_noop(text: str) -> str:
    """Mark a text for the catalogues of translations; it is translated where it is shown."""
    return text


AND, OR = gettext_noop("and"), gettext_noop("or")
PROGRAMME_POINTS = gettext_noop("points of the programme")


def sentence(rule: Rule, *, say: Say = str, names: Names | None = None, day: Callable[[date], str] = str) -> str:
    """The rule in words: “Members for whom this holds: …”.

    `names` has, under ("token", id), ("segment", id) and ("programme", name), what people call them.
    """
    words = Words(say, names or {}, day)
    return say(gettext_noop("Members for whom this holds: %(conditions)s.")) % {"conditions": words.joined(rule)}


class Words:
    """Says the parts of a rule."""

    def __init__(self, say: Say, names: Names, day: Callable[[date], str]) -> None:
        self.say, self.names, self.day = say, names, day

    def joined(self, whole: Rule | Group) -> str:
        """The conditions with “and” or “or” between them; groups of several stand in brackets."""
        between = f" {self.say(AND if whole.match == 'all' else OR)} "
        return between.join(self.part(part) for part in whole.conditions)

    def part(self, part: Leaf | Group) -> str:
        """One condition, or a group."""
        if not isinstance(part, Group):
            return self.leaf(part)
        return f"({self.joined(part)})" if len(part.conditions) > 1 else self.joined(part)

    def leaf(self, leaf: Leaf) -> str:
        """One condition."""
        text = _POINTS[type(leaf), leaf.test, leaf.days is None] if isinstance(leaf, PointsCondition) else _TEXTS[type(leaf)]
        return self.say(text) % {name: self.told(name, value) for name, value in asdict(leaf).items()}

    def told(self, name: str, value: Any) -> str:
        """The value of a field as people read it."""
        match name:
            case "day":
                return self.day(value)
            case "domains" | "languages" | "countries":
                return f" {self.say(OR)} ".join(value)
            case "programme":
                return self.names.get(("programme", value), value)
            case "segment_id":
                return self.names.get(("segment", value), str(value))
            case "token_id":
                return self.say(PROGRAMME_POINTS) if value is None else self.names.get(("token", value), f"#{value}")
        return f"{value:,}" if name == "points" else str(value)


_TEXTS: dict[type[Leaf], str] = {
    EmailDomain: gettext_noop("their e-mail address is at %(domains)s"),
    Language: gettext_noop("their language is %(languages)s"),
    Country: gettext_noop("their country is %(countries)s"),
    MetadataEquals: gettext_noop("their “%(key)s” is “%(value)s”"),
    MetadataContains: gettext_noop("their “%(key)s” contains “%(value)s”"),
    MetadataExists: gettext_noop("they have a “%(key)s”"),
    Tag: gettext_noop("they hold the tag “%(tag)s”"),
    RegisteredBefore: gettext_noop("they registered before %(day)s"),
    RegisteredFrom: gettext_noop("they registered on %(day)s or later"),
    RegisteredWithin: gettext_noop("they registered within the last %(days)s days"),
    ActiveWithin: gettext_noop("they earned or spent points within the last %(days)s days"),
    InactiveFor: gettext_noop("they neither earned nor spent points for %(days)s days"),
    HasMembership: gettext_noop("they have a membership in %(programme)s"),
    InSegment: gettext_noop("they are in the segment “%(segment_id)s”"),
}
_POINTS: dict[tuple[type[Leaf], str, bool], str] = {
    (PointsEarned, "at_least", False): gettext_noop("they earned at least %(points)s %(token_id)s in the last %(days)s days"),
    (PointsEarned, "at_most", False): gettext_noop("they earned at most %(points)s %(token_id)s in the last %(days)s days"),
    (PointsEarned, "at_least", True): gettext_noop("they earned at least %(points)s %(token_id)s in all"),
    (PointsEarned, "at_most", True): gettext_noop("they earned at most %(points)s %(token_id)s in all"),
    (PointsSpent, "at_least", False): gettext_noop("they spent at least %(points)s %(token_id)s in the last %(days)s days"),
    (PointsSpent, "at_most", False): gettext_noop("they spent at most %(points)s %(token_id)s in the last %(days)s days"),
    (PointsSpent, "at_least", True): gettext_noop("they spent at least %(points)s %(token_id)s in all"),
    (PointsSpent, "at_most", True): gettext_noop("they spent at most %(points)s %(token_id)s in all"),
}

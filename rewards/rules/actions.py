"""What an action asks for, and whether it is so: limits first, then what its properties say, its dates, its segments.

Conditions are stored as a list of `{"property", "is", "value"}`, all of which must hold. Two values are compared as numbers
where both are written as numbers, and as text otherwise; true and false are the words `true` and `false`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from ledger.rules.explanations import Sentence, gettext_noop

MOST_CONDITIONS, LONGEST_PROPERTY, LONGEST_VALUE, MOST_VALUES = 20, 100, 200, 100
NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?")


class Operator(StrEnum):
    """How a property is compared."""

    EQUALS = "equals"
    NOT_EQUALS = "not_equals"
    IN = "in"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    CONTAINS = "contains"
    EXISTS = "exists"


class ConditionsFault(ValueError):
    """Conditions that cannot be judged; `number` counts them from 1, `told` is what is wrong with that one."""

    def __init__(self, number: int, told: str) -> None:
        super().__init__(f"condition {number}: {told}")
        self.number, self.told = number, told


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that a property must be. `values` are one, or of `in` some, or of `exists` none."""

    name: str
    operator: Operator
    values: tuple[str, ...] = ()

    def stored(self) -> dict[str, Any]:
        """As the action keeps it."""
        told: dict[str, Any] = {"property": self.name, "is": self.operator.value}
        if self.operator is Operator.IN:
            return told | {"value": list(self.values)}
        return told if self.operator is Operator.EXISTS else told | {"value": self.values[0]}

    def holds(self, properties: Mapping[str, Any]) -> bool:
        """Whether it is so. A property that was not told, or is null, fulfils nothing but `not_equals`."""
        told = properties.get(self.name)
        if told is None:
            return self.operator is Operator.NOT_EQUALS
        return _HOLDS[self.operator](told, self.values)


def read_conditions(stored: Any) -> tuple[Condition, ...]:
    """The conditions of an action out of what it keeps. Raises ConditionsFault."""
    if not isinstance(stored, list):
        raise ConditionsFault(1, "a list of conditions is needed")
    if len(stored) > MOST_CONDITIONS:
        raise ConditionsFault(MOST_CONDITIONS + 1, f"at most {MOST_CONDITIONS} conditions")
    return tuple(_read(number, told) for number, told in enumerate(stored, 1))


def _read(number: int, told: Any) -> Condition:
    if not isinstance(told, dict) or told.keys() - {"property", "is", "value"}:
        raise ConditionsFault(number, "property, is and value are what it has")
    name, value = told.get("property"), told.get("value")
    if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_PROPERTY or "\x00" in name:
        raise ConditionsFault(number, f"a property of 1 to {LONGEST_PROPERTY} characters is needed")
    try:
        operator = Operator(str(told.get("is")))
    except ValueError:
        raise ConditionsFault(number, f"one of {', '.join(Operator)}") from None
    values = () if value is None else tuple(value) if isinstance(value, list) else (value,)
    if any(isinstance(one, list | dict) for one in values):
        raise ConditionsFault(number, "values are texts, numbers, true or false")
    return Condition(name, operator, _checked(number, operator, tuple(map(_text, values))))


def _checked(number: int, operator: Operator, values: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse values that an operator cannot have."""
    if any(len(value) > LONGEST_VALUE or "\x00" in value for value in values) or len(values) > MOST_VALUES:
        raise ConditionsFault(number, f"at most {MOST_VALUES} values of {LONGEST_VALUE} characters each")
    if operator is Operator.EXISTS:
        if values:
            raise ConditionsFault(number, "whether something exists is asked without a value")
    elif operator is not Operator.IN and len(values) != 1:
        raise ConditionsFault(number, "one value is needed")
    elif not values:
        raise ConditionsFault(number, "a value is needed")
    if operator in {Operator.AT_LEAST, Operator.AT_MOST} and _number(values[0]) is None:
        raise ConditionsFault(number, "a number is needed")
    return values


def _text(value: Any) -> str:
    """A value as it is compared."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return str(value)


def _number(text: str) -> Decimal | None:
    return Decimal(text) if NUMBER.fullmatch(text) else None


def _same(told: Any, wanted: str) -> bool:
    """Whether a property's value is that; a list or an object is no single value."""
    if isinstance(told, list | dict):
        return False
    text = _text(told)
    left, right = _number(text), _number(wanted)
    return text == wanted if left is None or right is None else left == right


def _at_least(told: Any, wanted: str) -> bool:
    left, right = None if isinstance(told, list | dict | bool) else _number(_text(told)), _number(wanted)
    return left is not None and right is not None and left >= right


def _at_most(told: Any, wanted: str) -> bool:
    left, right = None if isinstance(told, list | dict | bool) else _number(_text(told)), _number(wanted)
    return left is not None and right is not None and left <= right


def _contains(told: Any, wanted: str) -> bool:
    """Whether a list has an item, or a text a part."""
    if isinstance(told, list):
        return any(_same(item, wanted) for item in told)
    return isinstance(told, str) and wanted in told


_HOLDS: dict[Operator, Callable[[Any, tuple[str, ...]], bool]] = {
    Operator.EQUALS: lambda told, values: _same(told, values[0]),
    Operator.NOT_EQUALS: lambda told, values: not _same(told, values[0]),
    Operator.IN: lambda told, values: any(_same(told, value) for value in values),
    Operator.AT_LEAST: lambda told, values: _at_least(told, values[0]),
    Operator.AT_MOST: lambda told, values: _at_most(told, values[0]),
    Operator.CONTAINS: lambda told, values: _contains(told, values[0]),
    Operator.EXISTS: lambda _told, _values: True,
}
_WORDS: dict[Operator, str] = {
    Operator.EQUALS: gettext_noop("“%(property)s” is %(value)s."),
    Operator.NOT_EQUALS: gettext_noop("“%(property)s” is not %(value)s."),
    Operator.IN: gettext_noop("“%(property)s” is one of %(value)s."),
    Operator.AT_LEAST: gettext_noop("“%(property)s” is at least %(value)s."),
    Operator.AT_MOST: gettext_noop("“%(property)s” is at most %(value)s."),
    Operator.CONTAINS: gettext_noop("“%(property)s” contains %(value)s."),
    Operator.EXISTS: gettext_noop("“%(property)s” is told."),
}


class Asked(StrEnum):
    """What is asked for, in the order in which it is judged."""

    PERIOD_LIMIT = "period_limit"
    TOTAL_LIMIT = "total_limit"
    CONDITION = "condition"
    DATES = "dates"
    SEGMENTS = "segments"


LIMITS = frozenset({Asked.PERIOD_LIMIT, Asked.TOTAL_LIMIT})
PERIODS = ("day", "week", "month")
_PERIOD_WORDS: dict[str, str] = {
    "once": gettext_noop("It counts once; done %(used)s times before."),
    "day": gettext_noop("It counts %(limit)s times a day; done %(used)s times that day."),
    "week": gettext_noop("It counts %(limit)s times a week; done %(used)s times that week."),
    "month": gettext_noop("It counts %(limit)s times a month; done %(used)s times that month."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an action asks for. `frequency` is once, day, week, month or none."""

    conditions: tuple[Condition, ...] = ()
    frequency: str = "none"
    period_limit: int = 1
    total_limit: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    has_segments: bool = False

    @property
    def within_period(self) -> int | None:
        """How often it counts within its period; None without one."""
        if self.frequency == "once":
            return 1
        return self.period_limit if self.frequency in PERIODS else None

    @property
    def in_all(self) -> int | None:
        """How often it counts in all; None without a limit."""
        limits = [limit for limit in (self.total_limit, 1 if self.frequency == "once" else None) if limit is not None]
        return min(limits, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a member did, when, and how often before: within the period of that instant, and in all."""

    occurred_at: datetime
    properties: Mapping[str, Any] = field(default_factory=dict)
    used_in_period: int = 0
    used_in_all: int = 0
    is_in_segment: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was judged: whether it is so, in words, and which property it is about."""

    asked: Asked
    met: bool
    words: Sentence
    property: str = ""


def judge(terms: Terms, case: Case) -> list[Finding]:
    """Everything that an action asks for, judged, in the order in which a refusal is told."""
    return [*_limits(terms, case), *_conditions(terms, case), *_dates(terms, case), *_segments(terms, case)]


def _limits(terms: Terms, case: Case) -> list[Finding]:
    found, within = [], terms.within_period
    if within is not None:
        used = case.used_in_all if terms.frequency == "once" else case.used_in_period
        words = Sentence(_PERIOD_WORDS[terms.frequency], {"used": used, "limit": within})
        found.append(Finding(Asked.PERIOD_LIMIT, used < within, words))
    if terms.total_limit is not None:
        values = {"used": case.used_in_all, "limit": terms.total_limit}
        words = Sentence(gettext_noop("It counts %(limit)s times in all; done %(used)s times before."), values)
        found.append(Finding(Asked.TOTAL_LIMIT, case.used_in_all < terms.total_limit, words))
    return found


def _conditions(terms: Terms, case: Case) -> list[Finding]:
    return [Finding(Asked.CONDITION, one.holds(case.properties), words_of(one), one.name) for one in terms.conditions]


def words_of(condition: Condition) -> Sentence:
    """A condition in words."""
    values = {"property": condition.name, "value": ", ".join(condition.values)}
    return Sentence(_WORDS[condition.operator], values)


def _dates(terms: Terms, case: Case) -> list[Finding]:
    found = []
    if terms.starts_at is not None:
        words = Sentence(gettext_noop("It counts from %(instant)s on."), {"instant": terms.starts_at})
        found.append(Finding(Asked.DATES, terms.starts_at <= case.occurred_at, words))
    if terms.ends_at is not None:
        words = Sentence(gettext_noop("It counts until %(instant)s."), {"instant": terms.ends_at})
        found.append(Finding(Asked.DATES, case.occurred_at < terms.ends_at, words))
    return found


def _segments(terms: Terms, case: Case) -> list[Finding]:
    if not terms.has_segments:
        return []
    words = Sentence(gettext_noop("It is for members of some segments."))
    return [Finding(Asked.SEGMENTS, case.is_in_segment, words)]


@dataclass(frozen=True, slots=True)
class Left:
    """How often an action still counts: within the period, and in all; None without a limit."""

    period: int | None
    total: int | None


def left_of(terms: Terms, *, used_in_period: int, used_in_all: int) -> Left:
    """What is left of the limits."""
    within, used = terms.within_period, used_in_all if terms.frequency == "once" else used_in_period
    return Left(
        None if within is None else max(within - used, 0),
        None if terms.in_all is None else max(terms.in_all - used_in_all, 0),
    )


def unmet(findings: Sequence[Finding]) -> Finding | None:
    """The first thing that is not so."""
    return next((one for one in findings if not one.met), None)

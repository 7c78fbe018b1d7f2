"""Membership numbers of partner programmes: normalise, judge, and say what is wrong.

The rules themselves are data (users.models.PartnerProgramme); a programme's own validation is the last word.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from stdnum import luhn

LONGEST = 32
_SEPARATORS = str.maketrans("", "", " .-")


class Alphabet(StrEnum):
    """The characters a number may hold."""

    DIGITS = "digits"
    ALPHANUMERIC = "alphanumeric"


class Checksum(StrEnum):
    """How the last character is checked."""

    NONE = "none"
    LUHN = "luhn"


class Strength(StrEnum):
    """Whether a number against the rule is refused, or only shown to staff."""

    BLOCK = "block"
    WARN = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRule:
    """What is known of one programme's numbers."""

    alphabet: Alphabet
    lengths: tuple[int, ...]
    pattern: str
    usual_pattern: str
    checksum: Checksum
    strength: Strength


@dataclass(frozen=True, slots=True)
class Judgement:
    """A number as it is kept, why it is refused (empty: it is not), and what staff should look at."""

    number: str
    refusal: str
    warning: str


def normalise(raw: str) -> str:
    """Drop spaces, dots and dashes; letters become capitals."""
    return raw.translate(_SEPARATORS).upper()


def judge(rule: NumberRule, raw: str) -> Judgement:
    """Judge one number: characters that no number has always refuse it, the rest as the rule's strength says."""
    number = normalise(raw)
    if not number:
        return Judgement(number, "the number is empty", "")
    if len(number) > LONGEST:
        return Judgement(number, f"the length must be at most {LONGEST}, not {len(number)}", "")
    if not re.fullmatch(r"[0-9A-Z]+", number):
        return Judgement(number, "a character is neither a letter nor a digit", "")
    number, fault = _fault(rule, number)
    if fault and rule.strength is Strength.BLOCK:
        return Judgement(number, fault, "")
    unusual = "" if not rule.usual_pattern or re.fullmatch(rule.usual_pattern, number) else "the prefix is unusual"
    return Judgement(number, "", fault or unusual)


def _fault(rule: NumberRule, number: str) -> tuple[str, str]:
    """The number that is kept, and the first thing that is wrong with it."""
    if rule.alphabet is Alphabet.DIGITS and not number.isdecimal():
        return number, "a character is not a digit"
    if rule.lengths and len(number) not in rule.lengths:
        allowed = " or ".join(str(length) for length in rule.lengths)
        return number, f"the length must be {allowed}, not {len(number)}"
    matched = re.fullmatch(rule.pattern, number)
    if matched is None:
        return number, "the form is not that of the programme"
    number = matched.groupdict().get("number") or number
    if rule.checksum is Checksum.LUHN and not luhn.is_valid(number):
        return number, "the check digit is wrong"
    return number, ""

"""Codes: their form, their check character, and how hard they are to guess.

The check character makes a weighted sum over the positions vanish: sum(2^i * value) = 0 modulo p, where p is the
smallest prime not below the size of the alphabet. One wrong character changes the sum by 2^i * d, two swapped
neighbours by 2^i * d, with 0 < |d| < p: never a multiple of p. So every single typo and every swap of neighbours is
caught, for any alphabet. Where the character that is needed lies beyond the alphabet, the code is drawn again.
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

SHORTEST, LONGEST = 9, 32
CHARACTERS = string.digits + string.ascii_uppercase
FEWEST_CHARACTERS = 10
FEWEST_DRAWN = 6  # characters of a code that are left to chance
EASIEST_GUESS = 1_000  # at most one in so many codes of a form may be a real one
_BYTES = 256
_SEPARATORS = str.maketrans("", "", " -")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeForm:
    """How codes look. `length` counts the whole code, prefix and check character too."""

    alphabet: str
    length: int
    prefix: str = ""
    check: bool = False

    @property
    def drawn(self) -> int:
        """How many characters are left to chance."""
        return self.length - len(self.prefix) - self.check

    @property
    def prime(self) -> int:
        """What the check character counts modulo: the smallest prime not below the size of the alphabet."""
        return _prime_from(len(self.alphabet))

    @property
    def space(self) -> int:
        """How many different codes there are."""
        size, drawn = len(self.alphabet), max(self.drawn, 0)
        bodies: int = size**drawn
        return bodies * size // self.prime if self.check else bodies

    def faults(self) -> list[str]:
        """What makes this no form for codes; empty when nothing does."""
        found = []
        if not SHORTEST <= self.length <= LONGEST:
            found.append(f"length: from {SHORTEST} to {LONGEST}, not {self.length}")
        if len(set(self.alphabet)) != len(self.alphabet) or not set(self.alphabet) <= set(CHARACTERS):
            found.append("alphabet: different digits and capital letters")
        elif len(self.alphabet) < FEWEST_CHARACTERS:
            found.append(f"alphabet: at least {FEWEST_CHARACTERS} characters")
        if not set(self.prefix) <= set(CHARACTERS):
            found.append("prefix: digits and capital letters")
        if self.drawn < FEWEST_DRAWN:
            found.append(f"length: {FEWEST_DRAWN} characters at least must be left beside prefix and check character")
        return found


def normalise(typed: str) -> str:
    """A code as it is kept: people type blanks, dashes and small letters."""
    return typed.translate(_SEPARATORS).strip().upper()


def noise_needed(form: CodeForm, count: int) -> int:
    """How many random bytes give about `count` codes, a few more rather than fewer."""
    kept = (_BYTES - _BYTES % len(form.alphabet)) / _BYTES * (len(form.alphabet) / form.prime if form.check else 1)
    return ceil(count * form.drawn / kept * 1.05) + 4 * form.drawn


def draw_codes(form: CodeForm, noise: bytes) -> list[str]:
    """The codes that random bytes make, each as likely as any other; repetitions are possible.

    Bytes beyond the last whole multiple of the alphabet's size are dropped, so that no character is favoured.
    """
    size = len(form.alphabet)
    usable = _BYTES - _BYTES % size
    table = bytes(ord(form.alphabet[value % size]) for value in range(_BYTES))
    text = noise.translate(table, bytes(range(usable, _BYTES)))
    count = len(text) // form.drawn
    text = text[: count * form.drawn]
    bodies = [text[at : at + form.drawn] for at in range(0, len(text), form.drawn)]
    if not form.check:
        return [form.prefix + body.decode() for body in bodies]
    checks = _check_characters(form, text, count)
    return [form.prefix + f"{body.decode()}{chr(check)}" for body, check in zip(bodies, checks, strict=True) if check]


def guess_odds(form: CodeForm, codes: int) -> int:
    """One guess in so many hits one of `codes` codes."""
    return form.space // max(codes, 1)


def length_needed(form: CodeForm, codes: int) -> int | None:
    """The shortest length at which so many codes are hard enough to guess; None when none is long enough."""
    for length in range(max(SHORTEST, form.length), LONGEST + 1):
        longer = CodeForm(alphabet=form.alphabet, length=length, prefix=form.prefix, check=form.check)
        if guess_odds(longer, codes) >= EASIEST_GUESS:
            return length
    return None


def _check_characters(form: CodeForm, text: bytes, count: int) -> bytes:
    """The check character of each body in `text`, 0 where it would lie beyond the alphabet.

    Works on columns: one byte a body, added up as one long number, so a million codes cost a few operations each.
    """
    prime, size = form.prime, len(form.alphabet)
    remainders = bytes(value % prime for value in range(_BYTES))
    total = bytes(count)
    for position in range(form.drawn):
        weight = pow(2, form.drawn - position, prime)
        values = bytes(form.alphabet.find(chr(value)) % prime * weight % prime for value in range(_BYTES))
        total = _add(total, text[position :: form.drawn].translate(values)).translate(remainders)
    needed = [-value % prime for value in range(_BYTES)]
    return total.translate(bytes(ord(form.alphabet[value]) if value < size else 0 for value in needed))


def _add(one: bytes, other: bytes) -> bytes:
    """Add byte by byte; no sum may reach 256."""
    return (int.from_bytes(one, "little") + int.from_bytes(other, "little")).to_bytes(len(one), "little")


def _prime_from(lowest: int) -> int:
    candidate: int = lowest
    while any(candidate % divisor == 0 for divisor in _divisors(candidate)):
        candidate += 1
    return candidate


def _divisors(number: int) -> Sequence[int]:
    return range(2, int(number**0.5) + 1)

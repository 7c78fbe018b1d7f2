"""What points become at a rate: rounded down, and what rounding dropped is told.

A rate is kept as a fraction of two decimals, for an off-ramp divided by an on-ramp need not end; so nothing is lost.
"""

from dataclasses import dataclass
from decimal import Decimal, localcontext

HIGHEST_RECEIVED = 2**53 - 1
PLACES = Decimal(1).scaleb(-18)
DIGITS, FRACTION_DIGITS = 24, 8
LONGEST_RATE = 100  # digits that are looked at, needless zeros too
ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Rate:
    """Units of B for one of A: `numerator` / `denominator`, both above 0."""

    numerator: Decimal
    denominator: Decimal = ONE

    @property
    def value(self) -> Decimal:
        """The rate as one decimal, as people read it."""
        with localcontext(prec=60):
            return (self.numerator / self.denominator).quantize(PLACES).normalize()


@dataclass(frozen=True, slots=True)
class Received:
    """What arrives: whole units, and the part of one that rounding down dropped."""

    whole: int
    remainder: Decimal


def choose_rate(
    *, override: Decimal | None, agreed: Decimal | None, offramp: Decimal | None, onramp: Decimal | None
) -> Rate | None:
    """The rate that holds: the one sent, else the partnership's, else A's off-ramp over B's on-ramp; None without any."""
    for rate in (override, agreed):
        if rate is not None:
            return Rate(rate)
    return Rate(offramp, onramp) if offramp is not None and onramp is not None else None


def fits(rate: Decimal) -> bool:
    """Whether a rate that someone sent can be kept exactly: above 0, at most 24 digits, 8 of them behind the point."""
    if not rate.is_finite() or rate <= 0 or len(rate.as_tuple().digits) > LONGEST_RATE:
        return False
    with localcontext(prec=LONGEST_RATE):
        scaled = rate.normalize()
    exponent = scaled.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -FRACTION_DIGITS and scaled.adjusted() < DIGITS - FRACTION_DIGITS


def convert(points: int, rate: Rate) -> Received:
    """What so many points become."""
    with localcontext(prec=60):
        whole, rest = divmod(points * rate.numerator, rate.denominator)
        return Received(int(whole), (rest / rate.denominator).quantize(PLACES, rounding="ROUND_DOWN"))


def cost_of(units: int, rate: Rate) -> int:
    """The fewest points that become so many units."""
    with localcontext(prec=60):
        whole, rest = divmod(units * rate.denominator, rate.numerator)
        return int(whole) + bool(rest)

"""Money in whole units of a currency's smallest coin, so that nothing is ever rounded by chance."""

import re
from decimal import ROUND_HALF_UP, Decimal

DECIMALS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "HUF": 2, "BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3}
"""Currencies whose smallest coin is not a hundredth (ISO 4217), and those that are often taken for such."""
DIGITS = re.compile(r"(0|[1-9][0-9]{0,11})(?:\.([0-9]{1,3}))?")
QUANTITY_DECIMALS = 3


def decimals_of(currency: str) -> int:
    """How many decimals a currency has."""
    return DECIMALS.get(currency, 2)


def coins(text: str, decimals: int) -> int | None:
    """A sum of money written as decimals, in coins; None where it is none, or has more decimals than the currency."""
    found = DIGITS.fullmatch(text)
    if found is None:
        return None
    whole, part = found[1], found[2] or ""
    if len(part) > decimals:
        return None
    return int(whole + part.ljust(decimals, "0")) if decimals else int(whole)


def written(amount: int, decimals: int) -> str:
    """Coins as decimals again."""
    if not decimals:
        return str(amount)
    digits = str(amount).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}"


def thousandths(quantity: int | str) -> int | None:
    """A quantity above 0 with up to three decimals, in thousandths; None where it is none."""
    found = DIGITS.fullmatch(str(quantity))
    if found is None:
        return None
    return int(found[1] + (found[2] or "").ljust(QUANTITY_DECIMALS, "0")) or None


def half_up(dividend: int, divisor: int) -> int:
    """A quotient of whole numbers that are not negative, rounded half up."""
    return (2 * dividend + divisor) // (2 * divisor)


def rate_text(rate_millionths: int) -> str:
    """A rate as decimals, exactly: what is taken back is judged by it."""
    whole, part = divmod(rate_millionths, 1_000_000)
    return f"{whole}.{part:06}".rstrip("0").rstrip(".")


def millionths(rate: str | Decimal) -> int:
    """A rate with up to six decimals, in millionths."""
    return int((Decimal(rate) * 1_000_000).to_integral_value(ROUND_HALF_UP))

"""Which lots a movement takes from and gives back to. A lot is named by the sequence of the row that opened it.

Allocations are written into the row as pairs (lot, signed amount), and hashed with it, so every lot can be
recomputed from the rows alone. Points of an account that no lot holds (credited while the token did not
expire) lapse never, and are taken last.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class OpenLot:
    """A lot with points left."""

    sequence: int
    remaining: int
    expires_at: datetime


Allocation = list[tuple[int, int]]


def soonest_first(lots: Iterable[OpenLot]) -> list[OpenLot]:
    """The order in which lots are used up: soonest to lapse first, then the oldest."""
    return sorted(lots, key=lambda lot: (lot.expires_at, lot.sequence))


def due(lots: Iterable[OpenLot], at: datetime) -> list[OpenLot]:
    """The lots that have lapsed by then."""
    return [lot for lot in soonest_first(lots) if lot.expires_at <= at]


def take(lots: Iterable[OpenLot], amount: int, *, first: int | None = None) -> Allocation:
    """Take up to `amount` points from lots, from the lot `first` before all others (a credit that is reversed).

    What is not covered comes from points that no lot holds.
    """
    order = soonest_first(lots)
    order.sort(key=lambda lot: lot.sequence != first)  # stable: only the named one moves to the front
    taken: Allocation = []
    for lot in order:
        part = min(lot.remaining, amount)
        if part > 0:
            taken.append((lot.sequence, -part))
            amount -= part
    return taken


def give_back(original: Sequence[tuple[int, int]], original_amount: int, *, returned: int, amount: int) -> Allocation:
    """Give `amount` points back to where a debit took them, the last taken first.

    `original` is what the debit took (negative amounts), `original_amount` its whole size as a positive number,
    `returned` what earlier reversals gave back. Points that came from no lot were taken last, so they return first.
    """
    loose = original_amount + sum(part for _, part in original)
    skip, wanted = returned, amount
    skipped = min(loose, skip)
    skip -= skipped
    wanted -= min(loose - skipped, wanted)
    given: Allocation = []
    for sequence, part in reversed(original):
        size = -part
        passed = min(size, skip)
        skip -= passed
        back = min(size - passed, wanted)
        wanted -= back
        if back > 0:
            given.append((sequence, back))
    return given


def absorb_debt(given: Allocation, amount: int, balance_before: int) -> Allocation:
    """Cut what goes into lots by the debt it first pays off: a lot never holds more than the account does.

    The points that return first pay the debt first.
    """
    debt = min(max(-balance_before, 0), amount)
    loose = amount - sum(part for _, part in given)
    debt -= min(loose, debt)
    kept: Allocation = []
    for sequence, part in given:
        paid = min(part, debt)
        debt -= paid
        if part > paid:
            kept.append((sequence, part - paid))
    return kept


def flat(allocation: Allocation) -> list[int] | None:
    """The pairs as the row keeps them; None when no lot is touched."""
    return [number for pair in allocation for number in pair] or None


def pairs(row: Sequence[int] | None) -> Allocation:
    """The pairs that a row keeps."""
    return list(zip(row[::2], row[1::2], strict=True)) if row else []

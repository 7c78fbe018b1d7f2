"""Where an exchange order stands, which way it may go, and when it is looked at again."""

from datetime import timedelta
from enum import StrEnum

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=2), timedelta(minutes=30)
PENDING_WAIT, LONGEST_PENDING_WAIT = timedelta(seconds=5), timedelta(hours=1)
MOST_MISSES = 40


class OrderState(StrEnum):
    """Where an order stands. Nothing but an answer of the partner's ends one that was sent."""

    ACCEPTED = "accepted"  # the points are in clearing, and the partner has nothing of it
    SUBMITTED = "submitted"  # a call may be under way
    UNKNOWN = "unknown"  # a call left and no answer is known: to be asked after under the same reference
    PENDING = "pending"  # the partner has it, and will decide
    SETTLED = "settled"
    REFUSED = "refused"  # the points came back
    PARKED = "parked"  # staff must look


OPEN = frozenset({OrderState.ACCEPTED, OrderState.SUBMITTED, OrderState.UNKNOWN, OrderState.PENDING})
FINAL = frozenset({OrderState.SETTLED, OrderState.REFUSED})
MOVES: dict[OrderState, frozenset[OrderState]] = {
    # Settled, too: the answer to an earlier call may come after the partner had said that nothing arrived.
    OrderState.ACCEPTED: frozenset({OrderState.SUBMITTED, OrderState.SETTLED, OrderState.REFUSED, OrderState.PARKED}),
    OrderState.SUBMITTED: frozenset(set(OrderState) - {OrderState.SUBMITTED}),
    OrderState.UNKNOWN: frozenset(set(OrderState) - {OrderState.UNKNOWN, OrderState.SUBMITTED}),
    OrderState.PENDING: frozenset({OrderState.SETTLED, OrderState.REFUSED, OrderState.UNKNOWN, OrderState.PARKED}),
    OrderState.PARKED: frozenset({OrderState.SETTLED, OrderState.REFUSED, OrderState.UNKNOWN}),
    # Miles that came after a refusal: the points are taken again, or staff must look.
    OrderState.REFUSED: frozenset({OrderState.SETTLED, OrderState.PARKED}),
    OrderState.SETTLED: frozenset(),
}


def wait_after(misses: int, chance: float) -> timedelta:
    """How long to wait after so many attempts without an answer: doubled each time, half of it left to chance (0 to 1)."""
    doublings = min(max(misses - 1, 0), 20)
    whole = min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)
    return whole / 2 + whole / 2 * chance


def wait_while_pending(age: timedelta) -> timedelta:
    """How long until the partner is asked again about what it has not decided yet: a tenth of the time it took so far."""
    return min(max(age / 10, PENDING_WAIT), LONGEST_PENDING_WAIT)

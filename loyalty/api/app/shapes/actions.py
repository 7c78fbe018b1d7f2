"""Actions that were rewarded."""

from msgspec import Struct


class LeftOut(Struct):
    """How often an action still counts: within its period, and in all; null without a limit."""

    period: int | None
    total: int | None


class DoneData(Struct):
    """What an action gave, what the user has now, and how often it still counts."""

    points: int
    balance: int
    left: LeftOut


class TakenData(Struct, rename="camel"):
    """An action that waits to be rewarded."""

    item_id: str


class MultiResult(Struct, rename="camel"):
    """What became of one of many."""

    partner_client_id: str
    error_code: int
    points: int
    reason: str | None


class MultiData(Struct):
    """What became of each, in the order in which they were told."""

    results: list[MultiResult]

"""What baskets earn, and what is taken back."""

from typing import Any

import msgspec
from msgspec import Struct

from ledger.services.posting import Posted
from loyalty.api.retail.shapes.postings import PostedOut, posted_out
from rewards.services.earning import Earned
from rewards.services.evaluating import Judged, told
from rewards.services.taking_back import TakenBack


class PointsOut(Struct):
    """What a basket earns in all, by the base and by promotions."""

    total: int
    base: int
    bonus: int


class LinePointsOut(Struct):
    """What falls on one line."""

    line: int | str
    points: int


class AppliedOut(Struct):
    """A promotion that gave something; one on the whole basket names no lines."""

    id: int
    name: str
    version: int
    points: int
    lines: list[LinePointsOut]
    explanation: dict[str, Any]


class NotAppliedOut(Struct):
    """A promotion that gave nothing, and why."""

    id: int
    name: str
    reason: str


class EarningOut(Struct):
    """What a basket earns and why; `balance` and `transaction` are null in an evaluation."""

    transaction_id: str | None
    points: PointsOut
    promotions: list[AppliedOut]
    not_applied: list[NotAppliedOut]
    lines: list[LinePointsOut]
    balance: int | None
    transaction: PostedOut | None


class EarningReversalOut(Struct):
    """What was taken back: `points` are 0 or negative, `remaining_points` what is left of the earning."""

    reversal_id: str
    transaction_id: str
    points: int
    remaining_points: int
    balance: int
    transaction: PostedOut | None


def evaluation_json(judged: Judged, transaction_id: str | None) -> bytes:
    """The answer of an evaluation; the engine's explanation has the shape of EarningOut already."""
    return msgspec.json.encode({"transaction_id": transaction_id, **told(judged), "balance": None, "transaction": None})


def earning_json(earned: Earned, transaction_id: str) -> str:
    """The answer of an earning."""
    answer = {"transaction_id": transaction_id, **told(earned.judged), "balance": earned.balance}
    return msgspec.json.encode(answer | {"transaction": _posted(earned.posted)}).decode()


def reversal_json(taken: TakenBack, *, reversal_id: str, transaction_id: str) -> str:
    """The answer of a reversal."""
    answer = EarningReversalOut(
        reversal_id, transaction_id, -taken.points, taken.remaining, taken.balance, _posted(taken.posted)
    )
    return msgspec.json.encode(answer).decode()


def _posted(posted: Posted | None) -> PostedOut | None:
    return None if posted is None else posted_out(posted)

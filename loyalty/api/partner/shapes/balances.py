"""Balances: points, and collectibles item by item."""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from ledger.selectors import Balance
from loyalty.api.partner.shapes.tokens import TokenOut, token_out
from rewards.models import Collectible

PersonalisationStatus = Literal["pending", "approved", "rejected"]


class BalanceOut(Struct):
    """What a user holds of one points token."""

    balance: int
    token: TokenOut


class HeldItemOut(Struct):
    """One item of a collectible that a user holds."""

    user_nft_id: str
    status: PersonalisationStatus | None
    personalised_data: dict[str, Any] | None
    token: TokenOut


class BalancesAnswer(Struct):
    """All balances of a user, zero included, and an entry for each of their collectibles."""

    data: list[BalanceOut | HeldItemOut]


def balances_answer(balances: Sequence[Balance], items: Sequence[Collectible]) -> "BalancesAnswer":
    """Points first, then items."""
    points: list[BalanceOut | HeldItemOut] = [BalanceOut(balance.points, token_out(balance.token)) for balance in balances]
    return BalancesAnswer(points + [_held(item) for item in items])


def _held(item: Collectible) -> HeldItemOut:
    return HeldItemOut(str(item.pk), status_out(item.status), item.personalised_data, token_out(item.token))


def status_out(status: str | None) -> PersonalisationStatus | None:
    """A status as it is answered; null before there was a wish."""
    match status:
        case "pending" | "approved" | "rejected" as known:
            return known
        case _:
            return None

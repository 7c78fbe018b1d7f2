"""Balances: points, and collectibles item by item."""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from ledger.selectors import Balance
from loyalty.api.partner.shapes.tokens import TokenOut, token_out
from rewards.models import Collectible

PersonalisationStatus = Literal["pending", "approved", "rejected"]


class BalanceOut(Struct, kw_only=True):
    """What a user holds: of a points token its `balance`; of a collectible one item, with all but that."""

    balance: int | UnsetType = UNSET
    user_nft_id: str | UnsetType = UNSET
    status: PersonalisationStatus | UnsetType | None = UNSET
    personalised_data: dict[str, Any] | UnsetType | None = UNSET
    token: TokenOut


class BalancesAnswer(Struct):
    """All balances of a user, zero included, and an entry for each of their collectibles."""

    data: list[BalanceOut]


def balances_answer(balances: Sequence[Balance], items: Sequence[Collectible]) -> BalancesAnswer:
    """Points first, then items."""
    points = [BalanceOut(balance=balance.points, token=token_out(balance.token)) for balance in balances]
    return BalancesAnswer(points + [_held(item) for item in items])


def _held(item: Collectible) -> BalanceOut:
    return BalanceOut(
        token=token_out(item.token),
        user_nft_id=str(item.pk),
        status=status_out(item.status),
        personalised_data=item.personalised_data,
    )


def status_out(status: str | None) -> PersonalisationStatus | None:
    """A status as it is answered; null before there was a wish."""
    match status:
        case "pending" | "approved" | "rejected" as known:
            return known
        case _:
            return None

"""Collectibles."""

from typing import Any

from msgspec import Struct

from loyalty.api.partner.shapes.balances import PersonalisationStatus, status_out
from loyalty.api.partner.shapes.tokens import TokenOut, token_out
from loyalty.api.shapes import instant_text
from rewards.models import Collectible


class ItemUser(Struct):
    """Whose item it is."""

    auth_id: str


class ItemOut(Struct):
    """One item of a collectible."""

    user_nft_id: str
    serial: int
    status: PersonalisationStatus | None
    personalised_data: dict[str, Any] | None
    reason: str | None
    user: ItemUser
    token: TokenOut
    updated_at: str


class ItemAnswer(Struct):
    """One item."""

    data: ItemOut


class ItemsAnswer(Struct):
    """Items, what changed last first."""

    data: list[ItemOut]


def item_out(item: Collectible) -> ItemOut:
    """An item that belongs to someone."""
    return ItemOut(
        user_nft_id=str(item.pk),
        serial=item.serial,
        status=status_out(item.status),
        personalised_data=item.personalised_data,
        reason=item.reason or None,
        user=ItemUser((item.member.auth_id if item.member is not None else None) or ""),
        token=token_out(item.token),
        updated_at=instant_text(item.updated_at),
    )

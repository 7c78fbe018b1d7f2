"""Reward types and rewards; instants are epoch seconds as strings, as the documents have them."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from loyalty.api.partner.shapes.tokens import TokenOut
from loyalty.api.partner.shapes.transactions import transactions_out
from loyalty.api.shapes import instant_text
from rewards.models import Location, Reward, RewardType


class LocationOut(Struct):
    """Where a reward can be used."""

    id: str
    street: str
    city: str
    country: str
    zip: str
    geolocation: str


class RewardTypeOut(Struct):
    """What a reward is; `value` is its price in points."""

    id: int
    name: str
    value: str
    website: str | None
    valid_until: str | None
    locations: list[LocationOut]


class OfferedRewardTypeOut(Struct):
    """A reward type of the catalogue; `stock` is what is left, null without a limit."""

    id: int
    name: str
    value: str
    category: str | None
    stock: int | None
    website: str | None
    valid_until: str | None
    locations: list[LocationOut]


class RewardTypesAnswer(Struct):
    """All reward types on offer."""

    data: list[OfferedRewardTypeOut]


class RewardTransactionOut(Struct):
    """The transaction that paid for a reward."""

    id: str
    loyalty_event_type: str
    tx_hash: str
    points_burned: str | None
    token: TokenOut
    status: str
    reward_id: int | None
    inserted_at: str


class RewardAnswer(Struct):
    """A reward; `user_id` is the user's auth_id, null before someone got it and after they were erased."""

    code: str
    used: bool
    used_at: str | None
    user_id: str | None
    reward_type: RewardTypeOut
    transaction: RewardTransactionOut | None


def reward_answer(reward: Reward) -> RewardAnswer:
    """A reward, with its type and the transaction that paid for it."""
    kind = reward.reward_type
    return RewardAnswer(
        code=reward.code,
        used=reward.used_at is not None,
        used_at=instant_text(reward.used_at) if reward.used_at is not None else None,
        user_id=reward.member.auth_id if reward.member is not None else None,
        reward_type=RewardTypeOut(
            id=kind.pk,
            name=kind.name,
            value=str(kind.price),
            website=kind.website or None,
            valid_until=_epoch(kind.valid_until),
            locations=_locations(kind),
        ),
        transaction=_transaction(reward),
    )


def reward_types_answer(reward_types: Sequence[RewardType]) -> RewardTypesAnswer:
    """The catalogue."""
    return RewardTypesAnswer(
        [
            OfferedRewardTypeOut(
                id=kind.pk,
                name=kind.name,
                value=str(kind.price),
                category=kind.category.code if kind.category is not None else None,
                stock=kind.left,
                website=kind.website or None,
                valid_until=_epoch(kind.valid_until),
                locations=_locations(kind),
            )
            for kind in reward_types
        ]
    )


def _transaction(reward: Reward) -> RewardTransactionOut | None:
    if reward.transaction is None:
        return None
    (paid,) = transactions_out([reward.transaction])
    return RewardTransactionOut(
        id=paid.id,
        loyalty_event_type=paid.loyalty_event_type,
        tx_hash=paid.tx_hash,
        points_burned=paid.points_burned,
        token=paid.token,
        status=paid.status,
        reward_id=reward.pk,
        inserted_at=_epoch(reward.transaction.recorded_at) or "",
    )


def _locations(kind: RewardType) -> list[LocationOut]:
    return [_location(location) for location in sorted(kind.locations.all(), key=lambda location: location.pk)]


def _location(location: Location) -> LocationOut:
    return LocationOut(str(location.pk), location.street, location.city, location.country, location.zip, location.geolocation)


def _epoch(instant: datetime | None) -> str | None:
    return None if instant is None else str(int(instant.timestamp()))

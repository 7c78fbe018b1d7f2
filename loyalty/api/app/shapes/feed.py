"""What has changed about users, and their places in the ranking."""

from msgspec import UNSET, Struct, UnsetType

from loyalty.api.app.shapes.history import BurnOut, EarnOut
from loyalty.api.app.shapes.users import AppUserOut


class ChangedOut(Struct, rename="camel", kw_only=True):
    """A user of whom something is new: as they are now, with what they earned and bought since the cursor.

    Of one who is gone there is the name alone, and that they are `deleted`.
    """

    info: AppUserOut | UnsetType = UNSET
    earns: list[EarnOut] | UnsetType = UNSET
    burns: list[BurnOut] | UnsetType = UNSET
    partner_client_id: str | UnsetType = UNSET
    deleted: bool | UnsetType = UNSET


class FeedData(Struct):
    """Changes; `cursor` goes on after them, and `more` says that there are more already."""

    users: list[ChangedOut]
    cursor: str
    more: bool


class RankedOut(Struct, rename="camel"):
    """A place in the ranking; those who earned as much share it."""

    rank: int
    partner_client_id: str
    first_name: str | None
    points: int
    me: bool


class RankingData(Struct):
    """The user's place among their neighbours, the highest first."""

    ranking: list[RankedOut]

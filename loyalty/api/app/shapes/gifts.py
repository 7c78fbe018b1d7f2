"""Gifts that were bought."""

from msgspec import Struct


class BoughtGift(Struct):
    """What was bought."""

    id: str
    name: str


class BoughtData(Struct, rename="camel"):
    """The gift's code, what it cost, and what is left."""

    code: str
    gift: BoughtGift
    points: int
    balance: int
    request_id: str

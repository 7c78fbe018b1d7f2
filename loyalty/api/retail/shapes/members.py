"""Who a member is, as the gift shop hears it."""

from msgspec import Struct


class IdentificationAnswer(Struct):
    """The cookie: what it is called, what it holds, when it ends."""

    cookie_name: str
    value: str
    expires_at: str


class IdentifiedOut(Struct):
    """The member whom a cookie stands for: their points, and the ids of their segments."""

    member_id: str
    first_name: str | None
    balance: int
    segments: list[int]
    expires_at: str


class IdentifiedAnswer(Struct):
    """The member."""

    data: IdentifiedOut

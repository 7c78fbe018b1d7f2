"""Redemptions, and moves of orders."""

from typing import Annotated

from msgspec import Meta, Struct

from loyalty.api.requests import Id
from loyalty.api.retail.bodies.reading import MemberId
from loyalty.api.retail.shapes.orders import OrderStatus

LONGEST_REASON = 1_000


class VoucherIn(Struct, forbid_unknown_fields=True):
    """Which gift a member redeems points into; `transaction_id` is the shop's own name for it, used once."""

    member_id: MemberId
    gift_id: Id
    transaction_id: Annotated[str, Meta(min_length=1, max_length=255)]


class OrderMoveIn(Struct, forbid_unknown_fields=True):
    """Where an order goes, and why."""

    status: OrderStatus
    reason: Annotated[str, Meta(max_length=LONGEST_REASON)] | None = None

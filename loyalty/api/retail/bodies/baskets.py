"""Baskets, and what comes back of them."""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta, Struct

from loyalty.api.requests import Id, as_id
from loyalty.api.retail.bodies.reading import MemberId
from rewards.rules.baskets import MOST_LINES, AskedLine
from rewards.services.evaluating import BasketOrder

Name = Annotated[str, Meta(min_length=1, max_length=100)]
Money = Annotated[str, Meta(description="A decimal, not negative, with at most the currency's decimals; never a JSON number.")]
Quantity = int | float | str
Key = Annotated[str, Meta(min_length=1, max_length=255)]


class LineIn(Struct, forbid_unknown_fields=True):
    """One line; `discount` is off the whole line: amount = quantity x unit_price - discount, rounded half up."""

    line: int | Name
    sku: Name
    quantity: Quantity
    unit_price: Money
    amount: Money
    category: Name | None = None
    discount: Money | None = None

    def asked(self) -> AskedLine:
        """The line as the engine reads it."""
        quantity = self.quantity if isinstance(self.quantity, int) else str(self.quantity)
        return AskedLine(self.line, self.sku, self.category, quantity, self.unit_price, self.discount, self.amount)


class BasketIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """A basket; without `occurred_at` it is bought now, without `token_id` it earns the programme's points."""

    currency: Annotated[str, Meta(min_length=3, max_length=3)]
    lines: Annotated[list[LineIn], Meta(min_length=1, max_length=MOST_LINES)]
    member_id: MemberId | None = None
    transaction_id: Key | None = None
    occurred_at: datetime | None = None
    store_id: Name | None = None
    channel: Name | None = None
    token_id: Id | None = None

    def order(self, brand_id: int) -> BasketOrder:
        """The basket as the engine takes it."""
        return _order(self, brand_id)


class EarningIn(BasketIn, forbid_unknown_fields=True, kw_only=True):
    """A basket that a member has paid."""

    member_id: MemberId
    transaction_id: Key


def _order(body: BasketIn, brand_id: int) -> BasketOrder:
    occurred_at = body.occurred_at
    if occurred_at is not None and occurred_at.tzinfo is None:
        occurred_at = occurred_at.replace(tzinfo=UTC)
    return BasketOrder(
        brand_id=brand_id,
        member=body.member_id,
        currency=body.currency,
        lines=[line.asked() for line in body.lines],
        occurred_at=occurred_at,
        store_id=body.store_id,
        channel=body.channel,
        token_id=None if body.token_id is None else as_id(body.token_id),
    )


class ReturnedLineIn(Struct, forbid_unknown_fields=True):
    """A line that came back; without `quantity`, all that is left of it."""

    line: int | Name
    quantity: Quantity | None = None


class EarningReversalIn(Struct, forbid_unknown_fields=True):
    """What came back: without `lines`, all that is left. `force` lets the account go below zero."""

    reversal_id: Key
    reason: Annotated[str, Meta(max_length=1_000)] | None = None
    lines: Annotated[list[ReturnedLineIn], Meta(min_length=1, max_length=MOST_LINES)] | None = None
    force: bool = False

    def parts(self) -> list[tuple[str, str | int | None]] | None:
        """The lines as the engine takes them."""
        if self.lines is None:
            return None
        return [
            (str(part.line), part.quantity if isinstance(part.quantity, int) else _text(part.quantity)) for part in self.lines
        ]


def _text(quantity: float | str | None) -> str | None:
    return None if quantity is None else str(quantity)

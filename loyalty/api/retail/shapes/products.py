"""What is promoted for a customer."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from loyalty.api.shapes import instant_text
from rewards.rules.promotions import gain_text, gain_value
from rewards.selectors.products import Promoted


class PromotionName(Struct):
    """A promotion."""

    id: int
    name: str


class GainOut(Struct):
    """What a promotion brings: by its kind a factor, or points."""

    kind: Literal["multiplier", "fixed", "per_item", "per_amount"]
    value: str
    text: str


class PromotionalProductOut(Struct):
    """What is promoted, and the gain that it brings; sku and category are null where the whole basket counts."""

    promotion: PromotionName
    sku: str | None
    category: str | None
    gain: GainOut
    starts_at: str | None
    ends_at: str | None


class PromotionalProductsAnswer(Struct):
    """A page of what is promoted."""

    data: list[PromotionalProductOut]
    next_cursor: str | None


def product_out(row: Promoted) -> PromotionalProductOut:
    """One thing that is promoted."""
    terms = row.rule.terms
    gain = GainOut(type(terms.gain).__struct_config__.tag, gain_value(terms), gain_text(terms))  # type: ignore[arg-type]
    name = PromotionName(row.rule.promotion_id, row.rule.name)
    return PromotionalProductOut(name, row.sku, row.category, gain, _text(terms.starts_at), _text(terms.ends_at))


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant_text(instant)

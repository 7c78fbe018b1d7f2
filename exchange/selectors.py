"""Reads over partnerships and exchange orders."""

from collections.abc import Sequence

from exchange.models import ExchangeOrder, Partnership, PartnershipState
from ledger.models import Transaction
from ledger.models.tokens import TokenStatus


def partnerships_of(brand_id: int) -> list[Partnership]:
    """The brand's active one-way partnerships, oldest first."""
    rows = Partnership.objects.select_related("provider__programme", "token_a", "token_b__brand")
    active = rows.filter(
        brand_id=brand_id,
        state=PartnershipState.ACTIVE,
        token_a__status=TokenStatus.ACTIVE,
        token_b__status=TokenStatus.ACTIVE,
    )
    return list(active.order_by("pk"))


def takes_points_of(brand_id: int, partner_brand_id: int) -> bool:
    """Whether points of the first brand may be exchanged into those of the second."""
    rows = Partnership.objects.filter(brand_id=brand_id, partner_brand_id=partner_brand_id, state=PartnershipState.ACTIVE)
    return rows.exists()


def orders_of(rows: Sequence[Transaction]) -> dict[int, ExchangeOrder]:
    """The orders that transactions of one brand paid for, by the transaction's id."""
    if not rows:
        return {}
    found = ExchangeOrder.objects.filter(brand_id=rows[0].brand_id, transaction_id__in=[row.pk for row in rows])
    return {order.transaction_id: order for order in found}

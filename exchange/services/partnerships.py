"""Partnerships: asked for by the brand whose points go, approved by whoever receives."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from exchange.errors import OrderMoved, PartnershipNotFound
from exchange.models import Partnership, PartnershipState, Provider
from exchange.models.partnerships import HIGHEST
from ledger.errors import TokenNotFound
from ledger.models import Token
from ledger.models.tokens import TokenStatus
from ledger.selectors import FUNGIBLE_POINTS
from loyalty.database import write
from loyalty.errors import invalid_field


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnershipTerms:
    """What is asked for: token A of the brand into a provider's miles, or into another brand's token B."""

    brand_id: int
    token_a_id: int
    provider_id: int | None = None
    token_b_id: int | None = None
    rate: Decimal | None = None
    minimum: int = 1
    maximum: int = HIGHEST


def request_partnership(*, terms: PartnershipTerms, actor: str, at: datetime) -> Partnership:
    """Ask for a partnership. One with a provider of one's own is active at once; another brand must approve it.

    Raises TokenNotFound, PartnershipNotFound (no such provider), InvalidRequest.
    """
    if terms.rate is not None and terms.rate <= 0:
        raise invalid_field("rate", "above 0")
    if not 1 <= terms.minimum <= terms.maximum <= HIGHEST:
        raise invalid_field("minimum", f"from 1, and not above the maximum, which is {HIGHEST} at most")
    token_a = _points(terms.token_a_id, brand_id=terms.brand_id)
    row = Partnership(
        brand_id=terms.brand_id,
        token_a=token_a,
        rate=terms.rate,
        minimum=terms.minimum,
        maximum=terms.maximum,
        requested_at=at,
    )
    if terms.provider_id is not None:
        row.provider = Provider.objects.filter(brand_id=terms.brand_id, pk=terms.provider_id).first()
        if row.provider is None:
            raise PartnershipNotFound("There is no such provider")
        row.token_b = row.provider.token
        row.state, row.approved_at, row.approved_by = PartnershipState.ACTIVE, at, actor
    else:
        row.token_b = _points(terms.token_b_id or 0, brand_id=None)
        row.partner_brand = row.token_b.brand
        if row.partner_brand.pk == terms.brand_id:
            raise invalid_field("token_b_id", "a token of another brand")
    row.save(force_insert=True)
    return row


def _points(token_id: int, *, brand_id: int | None) -> Token:
    rows = Token.objects.select_related("brand").filter(pk=token_id, type=FUNGIBLE_POINTS, status=TokenStatus.ACTIVE)
    found = (rows if brand_id is None else rows.filter(brand_id=brand_id)).first()
    if found is None:
        raise TokenNotFound
    return found


def approve_partnership(*, partner_brand_id: int, partnership_id: int, actor: str, at: datetime) -> Partnership:
    """The receiving brand agrees to rate and range. Raises PartnershipNotFound, OrderMoved (it was decided before)."""

    def effect() -> Partnership:
        rows = Partnership.objects.select_for_update(no_key=True, of=("self",))
        found = rows.filter(partner_brand_id=partner_brand_id, pk=partnership_id).first()
        if found is None:
            raise PartnershipNotFound
        if found.state != PartnershipState.REQUESTED:
            raise OrderMoved("The partnership was decided before")
        found.state, found.approved_at, found.approved_by = PartnershipState.ACTIVE, at, actor
        found.save(update_fields=["state", "approved_at", "approved_by"])
        return found

    return write(effect)


def cancel_partnership(*, brand_id: int, partnership_id: int, at: datetime) -> Partnership:
    """Either side ends it; orders that were accepted go on under their pinned rate. Raises PartnershipNotFound."""

    def effect() -> Partnership:
        rows = Partnership.objects.select_for_update(no_key=True, of=("self",)).filter(pk=partnership_id)
        found = rows.filter(brand_id=brand_id).first() or rows.filter(partner_brand_id=brand_id).first()
        if found is None:
            raise PartnershipNotFound
        if found.state != PartnershipState.CANCELLED:
            found.state, found.cancelled_at = PartnershipState.CANCELLED, at
            found.save(update_fields=["state", "cancelled_at"])
        return found

    return write(effect)

"""Partnerships: asked for by the brand whose points go, approved by whoever receives; each step is kept with its reason."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from exchange.errors import OrderMoved, PartnershipNotFound
from exchange.models import Partnership, PartnershipChange, PartnershipState, PartnershipVerb, Provider
from exchange.models.partnerships import HIGHEST
from ledger.errors import TokenNotFound
from ledger.models import Token
from ledger.models.tokens import TokenStatus
from ledger.selectors import FUNGIBLE_POINTS
from loyalty.database import write
from loyalty.errors import invalid_field

LONGEST_REASON = 200
RATE_DIGITS, RATE_FRACTION_DIGITS = 24, 8
CHANGED_MEANWHILE = "The terms were changed meanwhile: look at them again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """At which rate, and how many points at once. Without a rate it is the tokens' on- and off-ramp that counts."""

    rate: Decimal | None = None
    minimum: int = 1
    maximum: int = HIGHEST

    def check(self) -> None:
        """Refuse what no partnership can have. Raises InvalidRequest naming rate or minimum."""
        if self.rate is not None:
            if not (self.rate.is_finite() and self.rate > 0):
                raise invalid_field("rate", "above 0")
            if self.rate >= 10 ** (RATE_DIGITS - RATE_FRACTION_DIGITS) or self.rate != round(self.rate, RATE_FRACTION_DIGITS):
                raise invalid_field("rate", f"{RATE_FRACTION_DIGITS} decimals at most")
        if not 1 <= self.minimum <= self.maximum <= HIGHEST:
            raise invalid_field("minimum", f"from 1, and not above the maximum, which is {HIGHEST} at most")

    def told(self) -> dict[str, Any]:
        """As it is kept."""
        rate = None if self.rate is None else f"{self.rate.normalize():f}"
        return {"rate": rate, "minimum": self.minimum, "maximum": self.maximum}


def offer_in(told: dict[str, Any]) -> Offer:
    """An offer as it was kept."""
    rate = None if told["rate"] is None else Decimal(told["rate"])
    return Offer(rate=rate, minimum=told["minimum"], maximum=told["maximum"])


def offer_of(partnership: Partnership) -> Offer:
    """The terms that hold now."""
    return Offer(rate=partnership.rate, minimum=partnership.minimum, maximum=partnership.maximum)


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

    @property
    def offer(self) -> Offer:
        """Rate and range alone."""
        return Offer(rate=self.rate, minimum=self.minimum, maximum=self.maximum)


def request_partnership(*, terms: PartnershipTerms, actor: str, at: datetime, reason: str = "") -> Partnership:
    """Ask for a partnership. One with a provider of one's own is active at once; another brand must approve it.

    Raises TokenNotFound, PartnershipNotFound (no such provider), OrderMoved (there is one already), InvalidRequest.
    """
    terms.offer.check()
    _check_reason(reason, needed=False)
    row = _asked_for(terms, actor, at)

    def effect() -> Partnership:
        # Held, so that of two requests at once the second sees the first.
        Token.objects.select_for_update(no_key=True).get(pk=row.token_a_id)
        same = Partnership.objects.filter(brand_id=terms.brand_id, token_a_id=row.token_a_id, token_b_id=row.token_b_id)
        if same.exclude(state=PartnershipState.CANCELLED).exists():
            raise OrderMoved("There is a partnership between these tokens already")
        row.save(force_insert=True)
        _keep(row, PartnershipVerb.REQUESTED, {}, actor=actor, reason=reason, at=at)
        return row

    return write(effect)


def _asked_for(terms: PartnershipTerms, actor: str, at: datetime) -> Partnership:
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
    return row


def _points(token_id: int, *, brand_id: int | None) -> Token:
    rows = Token.objects.select_related("brand").filter(pk=token_id, type=FUNGIBLE_POINTS, status=TokenStatus.ACTIVE)
    found = (rows if brand_id is None else rows.filter(brand_id=brand_id)).first()
    if found is None:
        raise TokenNotFound
    return found


def approve_partnership(
    *, partner_brand_id: int, partnership_id: int, actor: str, at: datetime, reason: str = "", seen: int | None = None
) -> Partnership:
    """The receiving brand agrees to rate and range, of a request or of other terms that were proposed since.

    `seen` is the last change that whoever agrees has read: what was changed after it is not agreed to.
    Raises PartnershipNotFound, OrderMoved (it was decided before, or changed meanwhile).
    """
    _check_reason(reason, needed=False)

    def effect(row: Partnership) -> None:
        before = _state_of(row)
        if seen is not None and seen != last_change_id(row):
            raise OrderMoved(CHANGED_MEANWHILE)
        if row.state == PartnershipState.ACTIVE and row.proposal is not None:
            _take_over(row, offer_in(row.proposal.after))
            row.proposal = None
        elif row.state == PartnershipState.REQUESTED:
            row.state = PartnershipState.ACTIVE
        else:
            raise OrderMoved("The partnership was decided before")
        row.approved_at, row.approved_by = at, actor
        row.save()
        _keep(row, PartnershipVerb.APPROVED, before, actor=actor, reason=reason, at=at)

    return _held(partnership_id, effect, partner_brand_id=partner_brand_id)


def change_partnership(
    *, brand_id: int, partnership_id: int, offer: Offer, actor: str, reason: str, at: datetime, seen: int | None = None
) -> Partnership:
    """The giving brand changes rate and range: at once where the partner is a provider of its own, or has not agreed yet.

    Where another brand agreed, the old terms hold until it agrees to the new ones. Orders that were accepted keep theirs.
    Raises PartnershipNotFound, OrderMoved (cancelled, the terms are those, or changed meanwhile), InvalidRequest.
    """
    offer.check()
    _check_reason(reason)

    def effect(row: Partnership) -> None:
        before = _state_of(row)
        if row.state == PartnershipState.CANCELLED:
            raise OrderMoved("The partnership is cancelled")
        if seen is not None and seen != last_change_id(row):
            raise OrderMoved(CHANGED_MEANWHILE)
        if offer.told() == offer_of(row).told() or (row.proposal is not None and offer.told() == row.proposal.after):
            raise OrderMoved("These are its terms already")
        if row.partner_brand_id is not None and row.state == PartnershipState.ACTIVE:
            told: dict[str, Any] = {"actor": actor, "reason": reason, "at": at}
            row.proposal = _kept(row, PartnershipVerb.PROPOSED, offer_of(row).told(), offer.told(), **told)
            row.save(update_fields=["proposal"])
            return
        _take_over(row, offer)
        row.save(update_fields=["rate", "minimum", "maximum"])
        _keep(row, PartnershipVerb.CHANGED, before, actor=actor, reason=reason, at=at)

    return _held(partnership_id, effect, brand_id=brand_id)


def withdraw_proposal(*, brand_id: int, partnership_id: int, actor: str, reason: str, at: datetime) -> Partnership:
    """Either side lets the old terms stand: the one takes its proposal back, or the other declines it.

    Raises PartnershipNotFound, OrderMoved (nothing is proposed), InvalidRequest.
    """
    _check_reason(reason)

    def effect(row: Partnership) -> None:
        if row.proposal is None:
            raise OrderMoved("No other terms are proposed")
        proposed, row.proposal = row.proposal.after, None
        row.save(update_fields=["proposal"])
        told: dict[str, Any] = {"actor": actor, "reason": reason, "at": at}
        _kept(row, PartnershipVerb.WITHDRAWN, proposed, offer_of(row).told(), **told)

    return _of_either_side(brand_id, partnership_id, effect)


def cancel_partnership(*, brand_id: int, partnership_id: int, actor: str, reason: str, at: datetime) -> Partnership:
    """Either side ends it; orders that were accepted go on under their pinned rate.

    Raises PartnershipNotFound, InvalidRequest.
    """
    _check_reason(reason)

    def effect(row: Partnership) -> None:
        if row.state == PartnershipState.CANCELLED:
            return
        before = _state_of(row)
        row.state, row.cancelled_at, row.proposal = PartnershipState.CANCELLED, at, None
        row.save(update_fields=["state", "cancelled_at", "proposal"])
        _keep(row, PartnershipVerb.CANCELLED, before, actor=actor, reason=reason, at=at)

    return _of_either_side(brand_id, partnership_id, effect)


def last_change_id(partnership: Partnership) -> int | None:
    """The last step in the partnership's life, by which a decision is bound to what was read."""
    rows = PartnershipChange.objects.filter(brand_id=partnership.brand_id, partnership=partnership)
    return rows.order_by("-pk").values_list("pk", flat=True).first()


def _of_either_side(brand_id: int, partnership_id: int, effect: Callable[[Partnership], None]) -> Partnership:
    theirs = Partnership.objects.filter(pk=partnership_id, partner_brand_id=brand_id).exists()
    return _held(partnership_id, effect, **{"partner_brand_id" if theirs else "brand_id": brand_id})


def _held(partnership_id: int, effect: Callable[[Partnership], None], **side: int) -> Partnership:
    def held() -> Partnership:
        rows = Partnership.objects.select_for_update(no_key=True, of=("self",)).select_related("proposal")
        row = rows.filter(pk=partnership_id, **side).first()
        if row is None:
            raise PartnershipNotFound
        effect(row)
        return row

    return write(held)


def _take_over(row: Partnership, offer: Offer) -> None:
    row.rate, row.minimum, row.maximum = offer.rate, offer.minimum, offer.maximum


def _state_of(row: Partnership) -> dict[str, Any]:
    return offer_of(row).told() | {"state": str(row.state)}


def _keep(row: Partnership, verb: PartnershipVerb, before: dict[str, Any], *, actor: str, reason: str, at: datetime) -> None:
    _kept(row, verb, before, _state_of(row), actor=actor, reason=reason, at=at)


def _kept(
    row: Partnership,
    verb: PartnershipVerb,
    before: dict[str, Any],
    after: dict[str, Any],
    *,
    actor: str,
    reason: str,
    at: datetime,
) -> PartnershipChange:
    return PartnershipChange.objects.create(
        brand_id=row.brand_id, partnership=row, verb=verb, before=before, after=after, actor=actor, reason=reason, at=at
    )


def _check_reason(reason: str, *, needed: bool = True) -> None:
    if (needed and not reason.strip()) or len(reason) > LONGEST_REASON:
        raise invalid_field("reason", f"{'1 to' if needed else 'at most'} {LONGEST_REASON} characters")

"""Promotions: drafted, published in versions that never change, paused and ended; and the rate of the base."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from django.db.models import Max

from ledger.models.tokens import TokenType
from ledger.selectors import find_token
from loyalty.database import write
from loyalty.errors import FieldError, InvalidRequest, invalid_field
from rewards.errors import PromotionMoveNotAllowed, PromotionNotFound
from rewards.models import BaseRate, Programme, Promotion, PromotionState, PromotionVersion
from rewards.rules.money import decimals_of
from rewards.rules.promotions import Terms, TermsFault, check_terms
from users.models import Brand

MOVES: dict[PromotionState, frozenset[PromotionState]] = {
    PromotionState.DRAFT: frozenset({PromotionState.RUNNING}),
    PromotionState.RUNNING: frozenset({PromotionState.PAUSED, PromotionState.ENDED}),
    PromotionState.PAUSED: frozenset({PromotionState.RUNNING, PromotionState.ENDED}),
    PromotionState.ENDED: frozenset(),
}


def checked_terms(draft: Mapping[str, Any], *, brand: Brand) -> Terms:
    """Terms out of what staff wrote. Raises InvalidRequest naming the field."""
    try:
        terms = msgspec.convert(draft, Terms)
        check_terms(terms, decimals=decimals_of(brand.currency))
    except TermsFault as fault:
        raise _refused(fault.field, fault.detail) from None
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at `$")
        raise _refused(path.strip("`.") or "terms", detail[0].lower() + detail[1:]) from None
    return terms


def _refused(field: str, detail: str) -> InvalidRequest:
    return InvalidRequest(f"{field}: {detail}", errors=[FieldError(field, "invalid", detail)])


def stored_terms(terms: Terms) -> dict[str, Any]:
    """Terms as the database keeps them."""
    kept: dict[str, Any] = msgspec.to_builtins(terms)
    return kept


def draft_promotion(
    *, brand: Brand, name: str, terms: Mapping[str, Any], token_id: int | None = None, budget_points: int | None = None
) -> Promotion:
    """Begin a promotion; it gives nothing before it is published. Raises InvalidRequest naming the field, TokenNotFound."""
    checked = checked_terms(terms, brand=brand)
    token = token_id if token_id is not None else Programme.objects.get(brand=brand).token_id
    find_token(brand_id=brand.pk, token_id=token, type_=TokenType.ERC20)

    def effect() -> Promotion:
        if Promotion.objects.filter(brand=brand, name=name).exists():
            raise invalid_field("name", "the brand has a promotion of that name", code="name_taken")
        return Promotion.objects.create(
            brand=brand, name=name, token_id=token, draft=stored_terms(checked), budget_points=budget_points
        )

    return write(effect)


def publish_promotion(*, brand_id: int, promotion_id: int, actor: str, at: datetime) -> PromotionVersion:
    """Let the draft's terms count from now on: as a new version, unless they are those of the newest; and let it run.

    Raises PromotionNotFound, PromotionMoveNotAllowed (it has ended), InvalidRequest naming a field of the terms.
    """

    def effect() -> PromotionVersion:
        promotion = _held(brand_id, promotion_id)
        if promotion.state == PromotionState.ENDED:
            raise PromotionMoveNotAllowed("A promotion that has ended stays ended: copy it")
        terms = stored_terms(checked_terms(promotion.draft, brand=promotion.brand))
        version = promotion.version
        if version is None or version.terms != terms:
            newest = promotion.versions.aggregate(newest=Max("number"))["newest"] or 0
            version = PromotionVersion.objects.create(
                brand_id=brand_id, promotion=promotion, number=newest + 1, terms=terms, published_at=at, actor=actor
            )
        promotion.version, promotion.state = version, PromotionState.RUNNING
        promotion.save(update_fields=["version", "state"])
        return version

    return write(effect)


def move_promotion(*, brand_id: int, promotion_id: int, to: PromotionState) -> Promotion:
    """Pause a promotion, let it run again, or end it for good. Raises PromotionNotFound, PromotionMoveNotAllowed."""

    def effect() -> Promotion:
        promotion = _held(brand_id, promotion_id)
        state = PromotionState(promotion.state)
        if to not in MOVES[state] or promotion.version is None:
            raise PromotionMoveNotAllowed(f"A promotion in {state.value} cannot become {to.value}")
        promotion.state = to
        promotion.save(update_fields=["state"])
        return promotion

    return write(effect)


def copy_promotion(*, brand_id: int, promotion_id: int, name: str) -> Promotion:
    """A new draft with the terms, budget and segments of another. Raises PromotionNotFound, InvalidRequest naming name."""

    def effect() -> Promotion:
        other = _held(brand_id, promotion_id)
        made = draft_promotion(
            brand=other.brand, name=name, terms=other.draft, token_id=other.token_id, budget_points=other.budget_points
        )
        for tie in other.ties.filter(brand_id=brand_id):
            made.ties.create(brand_id=brand_id, segment_id=tie.segment_id)
        return made

    return write(effect)


def set_base_rate(*, brand_id: int, token_id: int, rate: Decimal, actor: str, at: datetime) -> BaseRate:
    """Let one unit of the brand's currency give so many points from now on; what was earned stays as it was."""
    if rate < 0 or rate >= 1_000_000 or rate != round(rate, 6):
        raise invalid_field("rate", "not negative, with up to six decimals")

    def effect() -> BaseRate:
        find_token(brand_id=brand_id, token_id=token_id, type_=TokenType.ERC20)
        Programme.objects.select_for_update(no_key=True).get(brand_id=brand_id)
        rates = BaseRate.objects.filter(brand_id=brand_id, token_id=token_id)
        newest = rates.aggregate(newest=Max("number"))["newest"] or 0
        return BaseRate.objects.create(
            brand_id=brand_id, token_id=token_id, number=newest + 1, rate=rate, actor=actor, published_at=at
        )

    return write(effect)


def _held(brand_id: int, promotion_id: int) -> Promotion:
    rows = Promotion.objects.select_for_update(of=("self",), no_key=True).select_related("brand", "version")
    promotion = rows.filter(brand_id=brand_id, pk=promotion_id).first()
    if promotion is None:
        raise PromotionNotFound
    return promotion

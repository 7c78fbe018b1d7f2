"""Partnerships: what points may become."""

from collections.abc import Sequence

from msgspec import Struct

from exchange.models import Partnership
from exchange.rules.rates import choose_rate
from loyalty.api.partner.shapes.tokens import TokenOut, token_out
from loyalty.api.shapes import decimal_text


class PartnerBrandOut(Struct):
    """The brand whose token B is."""

    id: int
    name: str


class PartnershipOut(Struct):
    """One way from token A to token B; `rate` is units of B for one of A, null while the tokens have none."""

    id: int
    token_a: TokenOut
    token_b: TokenOut
    brand: PartnerBrandOut
    exchange_provider_implementation_name: str | None
    rate: str | None
    minimum: int
    maximum: int


class PartnershipsAnswer(Struct):
    """The brand's active partnerships."""

    data: list[PartnershipOut]


def partnerships_answer(rows: Sequence[Partnership]) -> PartnershipsAnswer:
    """Partnerships, as they stand now."""
    return PartnershipsAnswer([_partnership(row) for row in rows])


def _partnership(row: Partnership) -> PartnershipOut:
    rate = choose_rate(override=None, agreed=row.rate, offramp=row.token_a.offramp, onramp=row.token_b.onramp)
    brand = row.token_b.brand
    return PartnershipOut(
        id=row.pk,
        token_a=token_out(row.token_a),
        token_b=token_out(row.token_b),
        brand=PartnerBrandOut(brand.pk, brand.name),
        exchange_provider_implementation_name=row.provider.programme.implementation_name if row.provider else None,
        rate=decimal_text(rate.value) if rate is not None else None,
        minimum=row.minimum,
        maximum=row.maximum,
    )

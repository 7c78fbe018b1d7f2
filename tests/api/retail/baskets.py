"""A brand with a programme, its promotions, and baskets."""

import secrets
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpResponse

from ledger.models import Account, Token
from rewards.models import Programme, Promotion, PromotionSegment
from rewards.services.promotions import draft_promotion, publish_promotion, set_base_rate
from tests.clients import RetailClient
from tests.conftest import NOON, make_token
from users.models import Brand, Member, Segment

DOUBLE_COFFEE = {"gain": {"kind": "multiplier", "factor": "2"}, "categories": ["coffee"]}
FIFTY = {"gain": {"kind": "fixed", "points": 50}, "minimum_amount": "50.00"}


def make_programme(brand: Brand, *, rate: str = "1", **terms: Any) -> Token:
    """A point for each full euro, unless another rate is given."""
    token = make_token(brand, **terms)
    Programme.objects.create(brand=brand, token=token)
    set_base_rate(brand_id=brand.pk, token_id=token.pk, rate=Decimal(rate), actor="system", at=NOON)
    return token


def publish(brand: Brand, terms: dict[str, Any], *, segment: Segment | None = None, budget: int | None = None) -> Promotion:
    """A promotion that runs."""
    promotion = draft_promotion(brand=brand, name=f"P {secrets.token_hex(4)}", terms=terms, budget_points=budget)
    if segment is not None:
        PromotionSegment.objects.create(brand=brand, promotion=promotion, segment=segment)
    publish_promotion(brand_id=brand.pk, promotion_id=promotion.pk, actor="staff:1", at=NOON)
    promotion.refresh_from_db()
    return promotion


def line(number: Any, price: str, *, sku: str = "bread", **terms: Any) -> dict[str, Any]:
    """One item for an amount."""
    return {"line": number, "sku": sku, "quantity": 1, "unit_price": price, "amount": price} | terms


def basket(member_id: str | None, *lines: dict[str, Any], **terms: Any) -> dict[str, Any]:
    """A basket under a name of its own."""
    told = {"currency": "EUR", "lines": list(lines), "transaction_id": f"till-{secrets.token_hex(6)}"}
    return told | ({} if member_id is None else {"member_id": member_id}) | terms


def text(instant: datetime) -> str:
    """An instant as a till writes it."""
    return instant.isoformat()


def balance(member: Member, token: Token) -> int:
    """What the ledger says."""
    return Account.objects.get(member=member, token=token).balance


def earned(till: RetailClient, member: Member, *lines: dict[str, Any], **terms: Any) -> str:
    """Earn on a basket; answers its transaction_id."""
    answer = till.post("/earnings", basket(member.auth_id, *lines, **terms))
    assert answer.status_code == 201, answer.json()
    return answer.json()["transaction_id"]


def reverse(till: RetailClient, name: str, reversal_id: str = "r1", **terms: Any) -> HttpResponse:
    """Take back."""
    return till.post(f"/earnings/{name}/reversal", {"reversal_id": reversal_id} | terms)

"""What the demo's tills and web shops need: a client, a programme, segments, promotions, actions. Made again without harm."""

from decimal import Decimal
from typing import Any

from django.contrib.auth.hashers import check_password
from django.utils import timezone

from rewards.models import Action, BaseRate, Frequency, Programme, Promotion, PromotionSegment
from rewards.services.promotions import draft_promotion, publish_promotion, set_base_rate
from users.models import Brand, OAuthClient, RetailScope, Segment
from users.services.oauth import create_oauth_client

ACTOR = "system"
ACTIONS: dict[str, dict[str, Any]] = {
    "daily": {"name": "Come by", "points": 5, "frequency": Frequency.DAY},
    "once": {"name": "Complete your profile", "points": 50, "frequency": Frequency.ONCE, "total_limit": 1},
    "conditional": {
        "name": "Tell us what you drink",
        "points": 10,
        "frequency": Frequency.NONE,
        "conditions": [{"property": "category", "is": "equals", "value": "coffee"}],
    },
}


def make_retail(brand: Brand, points: int, known: dict[str, str]) -> dict[str, Any]:
    """Make what is missing, and answer ids and credentials as the API takes them; a secret that is known is kept."""
    Programme.objects.get_or_create(brand=brand, defaults={"token_id": points})
    if not BaseRate.objects.filter(brand=brand, token_id=points).exists():
        set_base_rate(brand_id=brand.pk, token_id=points, rate=Decimal(1), actor=ACTOR, at=timezone.now())
    vip, _ = Segment.objects.get_or_create(brand=brand, name="vip", defaults={"description": "Our best guests."})
    coffee = _promotion(
        brand, "Double coffee", {"gain": {"kind": "multiplier", "factor": "2"}, "categories": ["coffee"], "priority": 10}
    )
    bonus = _promotion(brand, "VIP bonus", {"gain": {"kind": "fixed", "points": 50}, "minimum_amount": "50.00"})
    PromotionSegment.objects.get_or_create(brand=brand, promotion=bonus, segment=vip)
    for tag, terms in ACTIONS.items():
        Action.objects.get_or_create(brand=brand, tag=tag, defaults={"token_id": points, **terms})
    return {
        "retail": _client(brand, known),
        "segments": {"vip": vip.pk},
        "promotions": {"double_coffee": coffee.pk, "vip_bonus": bonus.pk},
        "actions": {tag: tag for tag in ACTIONS},
    }


def _promotion(brand: Brand, name: str, terms: dict[str, Any]) -> Promotion:
    found = Promotion.objects.filter(brand=brand, name=name).first()
    if found is not None:
        return found
    made = draft_promotion(brand=brand, name=name, terms=terms)
    publish_promotion(brand_id=brand.pk, promotion_id=made.pk, actor=ACTOR, at=timezone.now())
    return made


def _client(brand: Brand, known: dict[str, str]) -> dict[str, str]:
    client = OAuthClient.objects.filter(brand=brand, client_id=known.get("client_id", ""), revoked_at__isnull=True).first()
    if client is not None and check_password(known.get("client_secret", ""), client.client_secret):
        return {"client_id": client.client_id, "client_secret": known["client_secret"]}
    client, secret = create_oauth_client(brand_id=brand.pk, name="demo till", scopes=RetailScope.values)
    return {"client_id": client.client_id, "client_secret": secret}

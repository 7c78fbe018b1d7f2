"""What each demo brand has to give: tokens, campaigns, reward types. Made again without harm."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ledger.models import Token
from ledger.models.tokens import TokenType
from ledger.rules.expiry import ExpiryUnit
from rewards.models import (
    Campaign,
    CampaignKind,
    CampaignState,
    Category,
    CollectibleSupply,
    Fulfilment,
    Location,
    Reward,
    RewardType,
    RewardTypeLocation,
    RewardTypeText,
)
from rewards.services.pools import upload_pool
from users.models import Brand

EXPIRY_DAYS = 365
SUPPLY = 10_000
BEGAN, LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
COUPON_TEXTS = {
    "en": "Free coffee and cake",
    "fr": "Un café et un gâteau offerts",
    "de": "Kaffee und Kuchen gratis",
    "it": "Caffè e torta in omaggio",
}


@dataclass(frozen=True, slots=True)
class DemoProgramme:
    """What tells one demo brand from the other."""

    name: str
    points: str
    symbol: str
    collectible: str
    collectible_symbol: str


def make_programme(brand: Brand, plan: DemoProgramme) -> dict[str, Any]:
    """Make what is missing, and answer the ids as the APIs take them."""
    points = _token(brand, plan.points, plan.symbol, onramp=Decimal("0.01"), offramp=Decimal("0.01"))
    expiring = _token(
        brand,
        f"{plan.points} Plus",
        f"{plan.symbol}X",
        expiry_unit=ExpiryUnit.DAYS.value,
        expiry_count=EXPIRY_DAYS,
    )
    collectible = _token(brand, plan.collectible, plan.collectible_symbol, type_=TokenType.ERC721)
    CollectibleSupply.objects.get_or_create(brand=brand, token=collectible, defaults={"supply_limit": SUPPLY})
    return {
        "tokens": {"points": points.pk, "expiring": expiring.pk, "collectible": collectible.pk},
        "campaigns": {
            "points": _campaign(brand, "Welcome points", points, CampaignKind.POINTS),
            "nft": _campaign(brand, f"{plan.collectible} for friends", collectible, CampaignKind.NFT),
            "miles": _campaign(brand, "Miles for flyers", points, CampaignKind.EXTERNAL_REWARDS),
            "ended": _campaign(brand, "Last winter", points, CampaignKind.POINTS, ends_at=LONG_AGO),
        },
        "reward_types": {
            "coupon": _coupon(brand, points),
            "scarce": _scarce(brand, points),
            "expired": _reward_type(brand, "Winter special", points, price=10, valid_until=LONG_AGO),
        },
    }


def _token(brand: Brand, name: str, symbol: str, type_: TokenType = TokenType.ERC20, **terms: Any) -> Token:
    token, _ = Token.objects.get_or_create(brand=brand, symbol=symbol, type=type_, defaults={"name": name, **terms})
    return token


def _campaign(brand: Brand, name: str, token: Token, kind: CampaignKind, ends_at: datetime | None = None) -> int:
    terms = {"token": token, "kind": kind, "state": CampaignState.RUNNING, "starts_at": BEGAN, "ends_at": ends_at}
    return Campaign.objects.get_or_create(brand=brand, name=name, defaults=terms)[0].pk


def _reward_type(brand: Brand, name: str, token: Token, **terms: Any) -> int:
    category, _ = Category.objects.get_or_create(brand=brand, code="treats", defaults={"name": "Treats"})
    terms |= {"token": token, "category": category, "website": "https://www.example.org/"}
    return RewardType.objects.get_or_create(brand=brand, name=name, defaults=terms)[0].pk


def _coupon(brand: Brand, token: Token) -> int:
    """Plentiful: its codes are made on the spot."""
    coupon = _reward_type(brand, "Free coffee and cake", token, price=100)
    place, _ = Location.objects.get_or_create(
        brand=brand,
        street="Falkenstrasse 1",
        defaults={"city": "Zurich", "country": "Switzerland", "zip": "8008", "geolocation": "47.3653,8.5466"},
    )
    RewardTypeLocation.objects.get_or_create(brand=brand, reward_type_id=coupon, location=place)
    for language, name in COUPON_TEXTS.items():
        RewardTypeText.objects.get_or_create(brand=brand, reward_type_id=coupon, language=language, defaults={"name": name})
    return coupon


def _scarce(brand: Brand, token: Token) -> int:
    """Three in stock, one a member: its codes come from a pool."""
    scarce = _reward_type(brand, "Tasting", token, price=10, stock=0, member_limit=1, fulfilment=Fulfilment.POOL)
    if not Reward.objects.filter(brand=brand, reward_type_id=scarce).exists():
        upload_pool(brand_id=brand.pk, reward_type_id=scarce, lines=[f"TASTING-{number}" for number in (1, 2, 3)])
    return scarce

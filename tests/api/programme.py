"""What a brand has to give, for tests: campaigns, codes, reward types, rewards of a pool, collectibles and items."""

import secrets
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from ledger.models import Token
from ledger.models.tokens import TokenType
from rewards.models import Campaign, CampaignKind, CampaignState, Code, Collectible, CollectibleSupply, Fulfilment, RewardType
from rewards.services.codes import CodeOrder, issue_code
from rewards.services.collectibles import ItemOrder, credit_item
from rewards.services.pools import upload_pool
from tests.conftest import make_token
from users.models import Brand, Member

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
IN_100_YEARS = datetime(2120, 1, 1, tzinfo=UTC)


def make_campaign(brand: Brand, token: Token, **terms: Any) -> Campaign:
    """One that runs; of the kind that its token calls for."""
    kind = CampaignKind.NFT if token.type == TokenType.ERC721 else CampaignKind.POINTS
    name = f"Campaign {secrets.token_hex(4)}"
    terms = {"name": name, "kind": kind, "state": CampaignState.RUNNING, "starts_at": LONG_AGO} | terms
    return Campaign.objects.create(brand=brand, token=token, **terms)


def make_code(campaign: Campaign, value: int = 100, **terms: Any) -> str:
    """The text of a code; `terms` are written over what issuing made of it."""
    order = CodeOrder(brand_id=campaign.brand_id, campaign_id=campaign.pk, value=value)
    issued = issue_code(order=order, at=timezone.now())
    if terms:
        Code.objects.filter(pk=issued.pk).update(**terms)
    return issued.code


def make_reward_type(brand: Brand, token: Token, **terms: Any) -> RewardType:
    """One without limits for 100 points, whose codes are made on the spot."""
    return RewardType.objects.create(brand=brand, token=token, **({"name": "Free coffee", "price": 100} | terms))


def make_pool(brand: Brand, token: Token, codes: list[str], **terms: Any) -> RewardType:
    """A reward type that hands out these codes."""
    reward_type = make_reward_type(brand, token, fulfilment=Fulfilment.POOL, stock=0, **terms)
    upload_pool(brand_id=brand.pk, reward_type_id=reward_type.pk, lines=codes)
    reward_type.refresh_from_db()
    return reward_type


def make_collectible(brand: Brand, supply: int | None = None) -> Token:
    token = make_token(brand, name="Golden Bean", symbol="BEAN", type=TokenType.ERC721)
    CollectibleSupply.objects.create(brand=brand, token=token, supply_limit=supply)
    return token


def make_item(member: Member, token: Token) -> Collectible:
    order = ItemOrder(brand_id=member.brand_id, auth_id=str(member.auth_id), token_id=token.pk, actor="system")
    moved = credit_item(order=order, at=timezone.now())
    return Collectible.objects.get(transaction_id=moved.posted.id)

"""Short ways to campaigns, codes, rewards and items; and stampedes: many threads that act at the same instant."""

import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.db.models import Sum

from ledger.models import Token, Transaction
from ledger.models.tokens import TokenType
from ledger.services.proof import prove
from loyalty.errors import LoyaltyError
from rewards.models import Campaign, CampaignKind, CampaignState, Code, Fulfilment, RewardType
from rewards.services.brake import count_try
from rewards.services.codes import CodeOrder, issue_code
from rewards.services.pools import upload_pool
from rewards.services.redeeming import Redemption, redeem_for_items, redeem_for_points
from rewards.services.rewards import HandedOut, RewardOrder, hand_out_reward
from tests.conftest import NOON, make_member, make_token
from tests.waiting import PATIENCE_SECONDS
from users.models import Brand, Email, Member

DAY = timedelta(days=1)
KEY = 7
MANY_TRIES = {"member": 10_000, "key": 10_000, "brand": 10_000}


@pytest.fixture
def own_brand(own_brand: Brand) -> Iterator[Brand]:
    """A brand whose rows are committed, and whose e-mails no other test's worker finds."""
    yield own_brand
    Email.objects.filter(brand=own_brand).delete()


@pytest.fixture
def own_member(own_brand: Brand) -> Member:
    """A member of that brand."""
    return make_member(own_brand)


@pytest.fixture
def unbraked(settings) -> None:
    """Nobody is held for wrong codes: where a test tries more of them than one may."""
    settings.CODE_TRIES_PER_HOUR = MANY_TRIES


def make_collectible_token(brand: Brand) -> Token:
    return make_token(brand, name="Golden Bean", symbol="BEAN", type=TokenType.ERC721)


def make_members(brand: Brand, count: int) -> list[Member]:
    names = [secrets.token_hex(6) for _ in range(count)]
    return Member.objects.bulk_create(Member(brand=brand, auth_id=name, email=f"{name}@example.org") for name in names)


def make_campaign(brand: Brand, **terms) -> Campaign:
    """A running campaign for points, unless the terms say more."""
    if "token" not in terms:
        collectible = terms.get("kind") == CampaignKind.NFT
        terms["token"] = make_collectible_token(brand) if collectible else make_token(brand)
    usual = {"name": secrets.token_hex(6), "state": CampaignState.RUNNING, "starts_at": NOON - DAY}
    return Campaign.objects.create(brand=brand, **(usual | terms))


def issue(campaign: Campaign, value: int = 10, *, at: datetime = NOON, **terms) -> Code:
    order = CodeOrder(brand_id=campaign.brand_id, campaign_id=campaign.pk, value=value, **terms)
    return issue_code(order=order, at=at)


def asking(member: Member, code: str, *, at: datetime = NOON, key: int = KEY, reference_id: str | None = None) -> Redemption:
    """The redemption of a code, its try counted."""
    return Redemption(
        brand_id=member.brand_id,
        auth_id=member.auth_id or "",
        code=code,
        actor=f"key:{key}",
        tried=count_try(brand_id=member.brand_id, key_id=key, auth_id=member.auth_id, at=at),
        reference_id=reference_id,
    )


def redeem(member: Member, code: Code | str, *, at: datetime = NOON, **terms):
    text = code.code if isinstance(code, Code) else code
    return redeem_for_points(redemption=asking(member, text, at=at, **terms), at=at)


def redeem_items(member: Member, code: Code, *, at: datetime = NOON, **terms):
    return redeem_for_items(redemption=asking(member, code.code, at=at, **terms), at=at)


def make_reward_type(token: Token, **terms) -> RewardType:
    """A reward type for 10 points; `pool` are the codes it is given."""
    pool = terms.pop("pool", None)
    if pool is not None:
        terms |= {"fulfilment": Fulfilment.POOL, "stock": 0}
    made = RewardType.objects.create(brand=token.brand, token=token, **({"name": "Coffee", "price": 10} | terms))
    if pool:
        upload_pool(brand_id=made.brand_id, reward_type_id=made.pk, lines=[f"{code}\n" for code in pool])
    return made


def buy(member: Member, reward_type: RewardType, *, at: datetime = NOON, **changes) -> HandedOut:
    order = {
        "brand_id": member.brand_id,
        "auth_id": member.auth_id,
        "token_id": reward_type.token_id,
        "reward_type_id": reward_type.pk,
        "amount": reward_type.price,
        "actor": f"key:{KEY}",
    }
    return hand_out_reward(order=RewardOrder(**(order | changes)), at=at)


def stampede(act: Callable[[Any], Any], given: Iterable[Any]) -> list[Any]:
    """Act for each of the given at the same instant, over a connection each; answers results and refusals in their order."""
    items = list(given)
    barrier = threading.Barrier(len(items))

    def run(item: Any) -> Any:
        try:
            _be_patient()
            barrier.wait(PATIENCE_SECONDS)
            return attempt(lambda: act(item))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(items)) as threads:
        return list(threads.map(run, items))


def _be_patient() -> None:
    """Let this connection wait for all the others, and look for a deadlock after 50 ms instead of a second, where it may."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '30s'")
        cursor.execute(
            "SELECT set_config('deadlock_timeout', '50ms', false) FROM pg_roles WHERE rolname = current_user AND rolsuper"
        )


def closing(act: Callable[[], Any]) -> Any:
    """Act, and close the connection that it opened."""
    try:
        return act()
    finally:
        connections.close_all()


def attempt(act: Callable[[], Any]) -> Any:
    """What comes of it: the result or the refusal."""
    try:
        return act()
    except LoyaltyError as refusal:
        return refusal


def kinds(outcomes: Iterable[Any]) -> dict[type, int]:
    """How many outcomes there are of each type."""
    return dict(Counter(type(outcome) for outcome in outcomes))


def total(token: Token) -> int:
    """What all rows of a token come to."""
    rows = Transaction.objects.filter(brand_id=token.brand_id, account__token=token)
    return rows.aggregate(total=Sum("amount", default=0))["total"]


def balance(member: Member, token: Token) -> int:
    rows = Transaction.objects.filter(brand_id=token.brand_id, account__token=token, account__member=member)
    return rows.aggregate(total=Sum("amount", default=0))["total"]


def again(row: Any) -> Any:
    """A row as it stands in the database now."""
    return type(row).objects.get(pk=row.pk)


def must_hold(brand: Brand) -> None:
    """The ledger of the brand proves."""
    assert prove(brand_id=brand.pk).differences == []

"""One row of every table of rewards, as the services make them; and two brands of it, so that walls can be tried."""

from types import SimpleNamespace
from typing import Any

from django.db.models import Model

from ledger.models.tokens import TokenType
from rewards.models import (
    CampaignUse,
    Category,
    CategoryText,
    CodeBatch,
    CodeMark,
    CodeTries,
    Collectible,
    CollectibleSupply,
    DailyCodes,
    Fulfilment,
    GiftOrder,
    GiftOrderMove,
    LedgerLook,
    Location,
    PoolDraft,
    RedeemedCodes,
    RedemptionMark,
    Reward,
    RewardTypeLocation,
    RewardTypeSegment,
    RewardTypeText,
)
from rewards.rules.gift_orders import GiftOrderStatus
from rewards.services.collectibles import ItemOrder, credit_item, request_personalisation
from rewards.services.gift_orders import move_gift_order
from rewards.services.ledger_looks import note_moved
from rewards.services.rewards import use_reward
from tests.conftest import NOON, make_member, make_token
from tests.ledger.orders import move
from tests.rewards.acting import add_actions
from tests.rewards.conftest import DAY, again, buy, issue, make_campaign, make_reward_type, redeem
from tests.rewards.promoting import add_promotions
from tests.rewards.reporting import add_reports
from users.models import Brand, Segment

POOL = ["POOL-1", "POOL-2"]


def make_world(brand: Brand) -> SimpleNamespace:
    """All of it, by name."""
    world = SimpleNamespace(brand=brand, member=make_member(brand), stranger=make_member(brand), token=make_token(brand))
    world.credit = move(world.member, world.token, 1_000)
    world.debit = move(world.member, world.token, -1)
    move(world.stranger, world.token, 1_000)
    world.strangers_debit = move(world.stranger, world.token, -1)
    _add_codes(world)
    _add_catalogue(world)
    _add_collectibles(world)
    note_moved()
    world.look = LedgerLook.objects.get()
    add_actions(world)
    add_promotions(world)
    add_reports(world)
    return world


def _add_codes(world: SimpleNamespace) -> None:
    brand, member = world.brand, world.member
    budgets = {"budget_points": 100, "budget_codes": 10, "member_limit": 5, "value_per_point": "0.01", "ends_at": NOON + DAY}
    world.campaign = make_campaign(brand, token=world.token, **budgets)
    world.other_campaign = make_campaign(brand, token=world.token)
    form = {"length": 9, "alphabet": "0123456789", "check_character": False}
    form |= {"brand": brand, "campaign": world.campaign, "count": 2, "value": 1}
    world.batch = CodeBatch.objects.create(generated=1, **form)
    world.whole = CodeBatch.objects.create(generated=2, state="finished", finished_at=NOON, reference="form", **form)
    world.marks = [model.objects.create(brand=brand) for model in (CodeMark, RedemptionMark)]
    world.daily = DailyCodes.objects.create(brand=brand, campaign=world.campaign, day=NOON.date(), codes=2, value=20)
    world.counted = RedeemedCodes.objects.create(brand=brand, campaign=world.campaign, codes=1, value=10)
    world.code = issue(world.campaign, reference_id="Order 1")
    world.redeemed = issue(world.campaign, reference_id="Order 2")
    world.redemption = redeem(member, world.redeemed)
    world.redeemed = again(world.redeemed)
    world.use = CampaignUse.objects.get(brand=brand)
    world.tries = CodeTries.objects.get(brand=brand, scope="member")


def _add_catalogue(world: SimpleNamespace) -> None:
    brand, token = world.brand, world.token
    world.shelf = Category.objects.create(brand=brand, code="food", name="Food")
    world.category = Category.objects.create(brand=brand, code="coffee", name="Coffee", parent=world.shelf)
    world.shelf_text = CategoryText.objects.create(brand=brand, category=world.category, language="de", name="Kaffee")
    world.location = Location.objects.create(brand=brand, city="Bern")
    terms = {"valid_from": NOON, "valid_until": NOON + DAY, "stock": 3, "sku": "ESPRESSO"}
    world.gift = make_reward_type(token, category=world.category, fulfilment=Fulfilment.PHYSICAL, **terms)
    world.place = RewardTypeLocation.objects.create(brand=brand, reward_type=world.gift, location=world.location)
    world.text = RewardTypeText.objects.create(brand=brand, reward_type=world.gift, language="de", name="Kaffee")
    world.reward = again(buy(world.member, world.gift).reward)
    world.order = GiftOrder.objects.get(reward=world.reward)
    move_gift_order(
        brand_id=brand.pk, order_id=world.order.pk, to=GiftOrderStatus.IN_PREPARATION, actor="staff:1", reason="paid", at=NOON
    )
    world.step = GiftOrderMove.objects.get(order=world.order)
    world.pool = make_reward_type(token, name="Coupon", pool=POOL)
    world.segment = Segment.objects.create(brand=brand, name="vip")
    world.tie = RewardTypeSegment.objects.create(brand=brand, reward_type=world.pool, segment=world.segment)
    world.draft = PoolDraft.objects.create(brand=brand, reward_type=world.pool, actor="staff:1", text="POOL-3")
    world.used, world.free = Reward.objects.filter(reward_type=world.pool).order_by("pk")
    world.used = use_reward(brand_id=brand.pk, code=world.used.code, at=NOON)


def _add_collectibles(world: SimpleNamespace) -> None:
    brand, member = world.brand, world.member
    world.beans = make_token(brand, name="Golden Bean", symbol="BEAN", type=TokenType.ERC721)
    world.shells = make_token(brand, name="Shell", symbol="SHELL", type=TokenType.ERC721)
    world.supply = CollectibleSupply.objects.create(brand=brand, token=world.beans, supply_limit=10)
    world.receipt = _credit(world, member.auth_id)
    world.strangers_receipt = _credit(world, world.stranger.auth_id)
    world.item, world.strangers_item = Collectible.objects.filter(brand=brand).order_by("serial")
    request_personalisation(brand_id=brand.pk, item_id=world.item.pk, data={"text": "For Ann"}, at=NOON)


def _credit(world: SimpleNamespace, auth_id: str) -> int:
    order = ItemOrder(brand_id=world.brand.pk, auth_id=auth_id, token_id=world.beans.pk, actor="key:1")
    return credit_item(order=order, at=NOON).posted.id


def by_table(world: SimpleNamespace) -> dict[str, Any]:
    """A row of each table; of a table with several, one in which every foreign key is filled."""
    full = {"rewards_code": world.redeemed, "rewards_reward": world.reward, "rewards_category": world.category}
    full |= {"rewards_campaign": world.campaign, "rewards_rewardtype": world.gift, "rewards_collectible": world.item}
    full |= {"users_member": world.member, "ledger_token": world.token}
    rows = [row for row in (*vars(world).values(), *world.marks) if isinstance(row, Model)]
    return {row._meta.db_table: row for row in rows} | full


def pointed_at(world: SimpleNamespace) -> dict[str, Any]:
    """A row of each table that others may point at: a reward without an order of its own."""
    return by_table(world) | {"rewards_reward": world.free}

"""A request that is sent twice, at once or later: its twin learns that the reference_id is used, before anything else."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from ledger.errors import ReferenceAlreadyUsed
from ledger.services.points import Moved
from rewards.models import CampaignKind, CollectibleSupply
from rewards.services.collectibles import ItemOrder, credit_item
from rewards.services.rewards import HandedOut
from tests.conftest import NOON, make_token
from tests.ledger.orders import move
from tests.rewards.conftest import (
    KEY,
    attempt,
    buy,
    closing,
    issue,
    kinds,
    make_campaign,
    make_collectible_token,
    make_reward_type,
    redeem,
    redeem_items,
    stampede,
    total,
)
from tests.waiting import PATIENCE_SECONDS, wait_for_waiting

REFERENCE = "Till 7"


@pytest.mark.parametrize("terms", [{"stock": 1}, {"member_limit": 1}, {"pool": ["A"]}])
def test_a_reward_that_is_ordered_again_names_the_reference(own_member, own_brand, terms):
    token = make_token(own_brand)
    coffee = make_reward_type(token, **terms)
    move(own_member, token, 10)

    outcomes = [attempt(lambda: buy(own_member, coffee, reference_id=REFERENCE)) for _ in range(2)]
    late = attempt(lambda: buy(own_member, coffee, reference_id=REFERENCE, amount=11))

    assert kinds(outcomes) == {HandedOut: 1, ReferenceAlreadyUsed: 1}
    assert outcomes[1].transaction_id == outcomes[0].moved.posted.id
    assert isinstance(late, ReferenceAlreadyUsed)


@pytest.mark.parametrize("terms", [{"stock": 1}, {"member_limit": 1}])
def test_the_twin_of_an_order_names_the_reference_though_the_other_took_the_last(own_member, own_brand, terms):
    """It looked for the reference before the other was committed, and at stock and limit afterwards."""
    token = make_token(own_brand)
    coffee = make_reward_type(token, **terms)
    move(own_member, token, 100)
    bought, go_on = threading.Event(), threading.Event()

    def buy_slowly() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            buy(own_member, coffee, reference_id=REFERENCE)
            cursor.execute("LOCK TABLE rewards_rewardtype IN ACCESS EXCLUSIVE MODE")
            bought.set()
            go_on.wait(PATIENCE_SECONDS)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(closing, buy_slowly)
        bought.wait(PATIENCE_SECONDS)
        twin = threads.submit(closing, lambda: attempt(lambda: buy(own_member, coffee, reference_id=REFERENCE)))
        wait_for_waiting(1)
        go_on.set()
        first.result(PATIENCE_SECONDS)

        assert isinstance(twin.result(PATIENCE_SECONDS), ReferenceAlreadyUsed)


@pytest.mark.parametrize("kind", [CampaignKind.POINTS, CampaignKind.NFT])
def test_a_redemption_that_is_sent_again_names_the_reference(own_member, own_brand, unbraked, kind):
    give = redeem if kind == CampaignKind.POINTS else redeem_items
    campaign = make_campaign(own_brand, kind=kind, member_limit=1)
    code = issue(campaign, 5)

    outcomes = stampede(lambda _: give(own_member, code, reference_id=REFERENCE), range(8))
    late = attempt(lambda: give(own_member, code, reference_id=REFERENCE))

    assert kinds(outcomes) == {Moved: 1, ReferenceAlreadyUsed: 7}
    assert isinstance(late, ReferenceAlreadyUsed)
    assert total(campaign.token) == 5


def test_an_item_that_is_asked_for_again_names_the_reference_though_it_was_the_last(own_member, own_brand):
    token = make_collectible_token(own_brand)
    CollectibleSupply.objects.create(brand=own_brand, token=token, supply_limit=1)
    order = ItemOrder(
        brand_id=own_brand.pk, auth_id=own_member.auth_id, token_id=token.pk, actor=f"key:{KEY}", reference_id=REFERENCE
    )

    outcomes = stampede(lambda _: credit_item(order=order, at=NOON), range(8))
    late = attempt(lambda: credit_item(order=order, at=NOON))

    assert kinds(outcomes) == {Moved: 1, ReferenceAlreadyUsed: 7}
    assert isinstance(late, ReferenceAlreadyUsed)
    assert total(token) == 1

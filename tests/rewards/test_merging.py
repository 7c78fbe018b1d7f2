"""A duplicate is merged: its items move through the ledger, what it used of limits counts on, the rest stays with the link."""

import pytest

from ledger.models import Transaction
from rewards.errors import CampaignLimitReached, RewardLimitReached
from rewards.models import CampaignKind, CampaignUse, Code, CodeTries, Collectible, Fulfilment, GiftOrder, GiftOrderMove, Reward
from rewards.rules.gift_orders import GiftOrderStatus
from rewards.services.collectibles import decide_personalisation, request_personalisation
from rewards.services.gift_orders import move_gift_order
from tests.conftest import NOON, make_member, make_token
from tests.ledger.orders import move
from tests.rewards.conftest import (
    again,
    attempt,
    balance,
    buy,
    closing,
    issue,
    make_campaign,
    make_reward_type,
    must_hold,
    redeem,
    redeem_items,
    stampede,
)
from users.models import Brand, Consent, ConsentChange, Member
from users.services.merging import merge_members


@pytest.fixture
def keep(own_brand: Brand) -> Member:
    return make_member(own_brand)


@pytest.fixture
def duplicate(own_brand: Brand) -> Member:
    return make_member(own_brand)


def merge(keep: Member, duplicate: Member) -> None:
    merge_members(brand_id=keep.brand_id, keep_id=keep.pk, duplicate_id=duplicate.pk, actor="staff:1", at=NOON)


@pytest.mark.parametrize(
    ("kept", "other", "after"),
    [
        (Consent.ACCEPTED, Consent.REFUSED, Consent.REFUSED),
        (Consent.NOT_SET, Consent.REFUSED, Consent.REFUSED),
        (Consent.NOT_SET, Consent.ACCEPTED, Consent.ACCEPTED),
        (Consent.REFUSED, Consent.ACCEPTED, Consent.REFUSED),
        (Consent.ACCEPTED, Consent.NOT_SET, Consent.ACCEPTED),
    ],
)
def test_a_refusal_of_either_stays_one_and_what_was_not_asked_is_taken_over(keep, duplicate, kept, other, after):
    for member, said in ((keep, kept), (duplicate, other)):
        Member.objects.filter(pk=member.pk).update(consent=said)

    merge(keep, duplicate)

    assert again(keep).consent == after
    changes = ConsentChange.objects.filter(member=keep).values_list("before", "after", "actor")
    assert list(changes) == ([(kept, after, "staff:1")] if kept != after else [])


def test_items_move_with_their_wishes_and_the_ledger_says_so(own_brand, keep, duplicate):
    campaign = make_campaign(own_brand, kind=CampaignKind.NFT)
    redeem_items(keep, issue(campaign, 1))
    redeem_items(duplicate, issue(campaign, 2))
    wished = Collectible.objects.filter(brand=own_brand, member=duplicate).earliest("serial")
    request_personalisation(brand_id=own_brand.pk, item_id=wished.pk, data={"text": "For Ann"}, at=NOON)

    merge(keep, duplicate)

    items = Collectible.objects.filter(brand=own_brand).order_by("serial")
    assert {item.member_id for item in items} == {keep.pk}
    assert [item.transaction.type for item in items] == ["code_to_nft", "merge", "merge"]
    assert [item.status for item in items] == [None, "pending", None]
    assert balance(keep, campaign.token) == 3
    must_hold(own_brand)


def test_a_wish_is_decided_while_its_item_moves(own_brand, keep, duplicate):
    campaign = make_campaign(own_brand, kind=CampaignKind.NFT)
    for _ in range(4):
        duplicate = make_member(own_brand)
        redeem_items(duplicate, issue(campaign, 1))
        item = Collectible.objects.get(brand=own_brand, member=duplicate)
        request_personalisation(brand_id=own_brand.pk, item_id=item.pk, data={"text": "For Ann"}, at=NOON)
        terms = {"brand_id": own_brand.pk, "item_id": item.pk, "approve": True, "actor": "staff:1", "at": NOON}

        outcomes = stampede(
            lambda act: act(),
            [
                lambda duplicate=duplicate: merge(keep, duplicate),
                lambda terms=terms: decide_personalisation(**terms),
            ],
        )

        assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert (again(item).member, again(item).status) == (keep, "approved")
    must_hold(own_brand)


def test_what_the_duplicate_redeemed_counts_for_the_limit_of_the_kept_one(own_brand, keep, duplicate):
    campaign = make_campaign(own_brand, member_limit=3)
    for member in (keep, duplicate):
        redeem(member, issue(campaign))
    redeemed = Code.objects.get(brand=own_brand, member=duplicate)

    merge(keep, duplicate)

    assert CampaignUse.objects.get(brand=own_brand).count == 2
    assert not CodeTries.objects.filter(brand=own_brand, scope="member", subject_id=duplicate.pk).exists()
    assert again(redeemed).member == duplicate
    redeem(keep, issue(campaign))
    assert isinstance(attempt(lambda: redeem(keep, issue(campaign))), CampaignLimitReached)


def test_a_count_that_only_the_duplicate_has_moves(own_brand, keep, duplicate):
    campaign = make_campaign(own_brand, member_limit=1)
    redeem(duplicate, issue(campaign))

    merge(keep, duplicate)

    assert CampaignUse.objects.get(brand=own_brand).member == keep


def test_rewards_of_the_duplicate_count_for_the_limit_of_the_kept_one(own_brand, keep, duplicate):
    token = make_token(own_brand)
    reward_type = make_reward_type(token, member_limit=1)
    for member in (keep, duplicate):
        move(member, token, 100)
    buy(duplicate, reward_type)

    merge(keep, duplicate)

    assert isinstance(attempt(lambda: buy(keep, reward_type)), RewardLimitReached)
    assert Reward.objects.get(brand=own_brand).member == duplicate


def test_a_gift_of_the_duplicate_that_comes_back_gives_its_points_to_the_kept_one(own_brand, keep, duplicate):
    token = make_token(own_brand)
    move(duplicate, token, 30)
    buy(duplicate, make_reward_type(token, fulfilment=Fulfilment.PHYSICAL))
    merge(keep, duplicate)
    order = GiftOrder.objects.get(brand=own_brand)

    terms = {"brand_id": own_brand.pk, "order_id": order.pk, "actor": "staff:1", "at": NOON}
    move_gift_order(to=GiftOrderStatus.CANCELLATION, **terms)

    assert GiftOrderMove.objects.get(order=order).member == duplicate
    assert (balance(keep, token), balance(duplicate, token)) == (30, 0)
    assert Transaction.objects.filter(account__member=duplicate, type="reversal", account__token=token).exists()
    must_hold(own_brand)


def test_codes_that_the_duplicate_types_while_it_is_merged_pay_once_or_not_at_all(own_brand, keep):
    token = make_token(own_brand)
    campaign = make_campaign(own_brand, token=token)
    for _ in range(6):
        duplicate, code = make_member(own_brand), issue(campaign, 10)
        before = balance(keep, token)

        merged, redeemed = stampede(
            lambda act: act(),
            [
                lambda duplicate=duplicate: merge(keep, duplicate),
                lambda duplicate=duplicate, code=code: redeem(duplicate, code),
            ],
        )

        assert not isinstance(merged, Exception)
        paid = not isinstance(redeemed, Exception)
        assert balance(keep, token) - before == (10 if paid else 0)
        assert (again(code).redeemed_at is not None) is paid
    must_hold(own_brand)
    closing(lambda: None)

"""Codes under stampedes: each pays once, ever, limits hold exactly, and the ledger proves afterwards."""

from functools import partial
from itertools import product

import pytest

from ledger.services.points import Moved
from rewards.errors import CampaignLimitReached, CodeAlreadyRedeemed, InvalidCode, OutOfStock
from rewards.models import CampaignKind, CampaignUse, Code, CodeTries, Collectible, CollectibleSupply
from rewards.services.redeeming import redeem_for_items, redeem_for_points
from tests.conftest import NOON, make_brand, make_member
from tests.rewards.conftest import (
    again,
    asking,
    balance,
    issue,
    kinds,
    make_campaign,
    make_members,
    must_hold,
    redeem,
    redeem_items,
    stampede,
    total,
)
from users.errors import UserNotFound
from users.models import Member
from users.services.members import erase_member


def test_a_code_pays_once_however_many_members_try_it_at_once(own_brand):
    campaign = make_campaign(own_brand)
    code, members = issue(campaign, 100), make_members(own_brand, 32)

    outcomes = stampede(lambda member: redeem(member, code), members)

    assert kinds(outcomes) == {Moved: 1, InvalidCode: 31}
    assert total(campaign.token) == 100
    (winner,) = [member for member, outcome in zip(members, outcomes, strict=True) if isinstance(outcome, Moved)]
    assert (again(code).member, balance(winner, campaign.token)) == (winner, 100)
    must_hold(own_brand)


@pytest.mark.parametrize("has_account", [True, False])
def test_a_code_pays_once_however_often_one_member_sends_it_at_once(own_brand, unbraked, has_account):
    campaign, member = make_campaign(own_brand), make_member(own_brand)
    code = issue(campaign, 100)
    if has_account:
        redeem(member, issue(campaign, 1))

    outcomes = stampede(lambda _: redeem(member, code), range(32))

    assert kinds(outcomes) == {Moved: 1, CodeAlreadyRedeemed: 31}
    assert total(campaign.token) == 100 + has_account
    must_hold(own_brand)


def test_codes_that_all_members_try_at_once_pay_once_each(own_brand, unbraked):
    campaign = make_campaign(own_brand)
    codes, members = [issue(campaign, 10) for _ in range(8)], make_members(own_brand, 5)

    outcomes = stampede(lambda pair: redeem(*pair), product(members, codes))

    assert kinds(outcomes) == {Moved: 8, InvalidCode: 32}
    assert total(campaign.token) == 80
    assert not Code.objects.filter(campaign=campaign, redeemed_at__isnull=True).exists()
    must_hold(own_brand)


def test_only_wrong_codes_stay_counted_after_a_stampede(own_brand, unbraked):
    campaign, member = make_campaign(own_brand), make_member(own_brand)
    codes = [issue(campaign).code for _ in range(16)]

    outcomes = stampede(lambda text: redeem(member, text), [*codes, *["000000000"] * 8])

    assert kinds(outcomes) == {Moved: 16, InvalidCode: 8}
    assert CodeTries.objects.get(brand=own_brand, scope="member", subject_id=member.pk).tries == 8


def test_one_code_of_two_brands_pays_in_each(own_brand):
    """The same text, if chance has it so: nobody's redemption touches the other brand's code."""
    brands = [own_brand, make_brand()]
    codes = [issue(make_campaign(brand)) for brand in brands]
    twins = [Code.objects.create(brand=code.brand, campaign=code.campaign, code="123123123", value=10) for code in codes]

    outcomes = stampede(lambda member: redeem(member, "123123123"), [make_member(brand) for brand in brands for _ in range(8)])

    assert kinds(outcomes) == {Moved: 2, InvalidCode: 14}
    assert [again(twin).member.brand_id for twin in twins] == [brand.pk for brand in brands]


def test_the_limit_of_one_member_holds_exactly(own_brand, unbraked):
    campaign, member = make_campaign(own_brand, member_limit=3), make_member(own_brand)
    codes = [issue(campaign, 10) for _ in range(16)]

    outcomes = stampede(lambda code: redeem(member, code), codes)

    assert kinds(outcomes) == {Moved: 3, CampaignLimitReached: 13}
    assert total(campaign.token) == 30
    assert CampaignUse.objects.get(campaign=campaign, member=member).count == 3
    assert Code.objects.filter(campaign=campaign, redeemed_at__isnull=False).count() == 3
    must_hold(own_brand)


def test_a_supply_holds_exactly_and_its_numbers_have_no_gap(own_brand):
    campaign = make_campaign(own_brand, kind=CampaignKind.NFT)
    CollectibleSupply.objects.create(brand=own_brand, token=campaign.token, supply_limit=20)
    given = [(member, issue(campaign, 3)) for member in make_members(own_brand, 16)]

    outcomes = stampede(lambda pair: redeem_items(*pair), given)

    assert kinds(outcomes) == {Moved: 6, OutOfStock: 10}
    serials = Collectible.objects.filter(token=campaign.token).order_by("serial").values_list("serial", flat=True)
    assert list(serials) == list(range(1, 19))
    assert Code.objects.filter(campaign=campaign, redeemed_at__isnull=False).count() == 6
    must_hold(own_brand)


def test_who_is_erased_while_they_redeem_keeps_nothing(own_brand, unbraked):
    campaign, items = make_campaign(own_brand), make_campaign(own_brand, kind=CampaignKind.NFT)
    for turn in range(10):
        member = make_member(own_brand)
        if turn % 2:
            redeem(member, issue(campaign))
            redeem_items(member, issue(items))
        acts = [
            partial(redeem_for_points, redemption=asking(member, issue(campaign).code), at=NOON),
            partial(redeem_for_items, redemption=asking(member, issue(items).code), at=NOON),
            partial(erase_member, brand_id=own_brand.pk, auth_id=member.auth_id, at=NOON),
        ]

        outcomes = stampede(lambda act: act(), acts)

        assert set(kinds(outcomes)) <= {Moved, UserNotFound, Member}
        assert balance(member, campaign.token) == balance(member, items.token) == 0
        assert not Collectible.objects.filter(token=items.token, member=member).exists()
    must_hold(own_brand)

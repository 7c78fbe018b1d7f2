"""Redeemed codes are counted behind the ledger: each once, by campaign, whatever it gave."""

from ledger.services.rollups import check_rollup
from rewards.models import CampaignKind, RedeemedCodes
from rewards.services.tallying import REDEMPTIONS
from tests.ledger.rolling import counted_to_now
from tests.rewards.conftest import issue, make_campaign, make_members, redeem, redeem_items


def counts(brand) -> dict[int, tuple[int, int]]:
    counted_to_now(REDEMPTIONS, brand)
    return {row.campaign_id: (row.codes, row.value) for row in RedeemedCodes.objects.filter(brand=brand)}


def test_redeemed_codes_are_counted_into_their_campaigns_once(own_brand, unbraked):
    points, items = make_campaign(own_brand), make_campaign(own_brand, kind=CampaignKind.NFT)
    first, second, third = make_members(own_brand, 3)
    for member in (first, second):
        redeem(member, issue(points, 10))
    redeem_items(first, issue(items, 2))
    issue(points)

    before = counts(own_brand)
    redeem(third, issue(points, 5))
    after = counts(own_brand)

    assert before == {points.pk: (2, 20), items.pk: (1, 2)}
    assert after == {points.pk: (3, 25), items.pk: (1, 2)}
    assert counts(own_brand) == after
    assert check_rollup(REDEMPTIONS, own_brand.pk).differences == []

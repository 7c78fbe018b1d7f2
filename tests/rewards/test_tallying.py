"""Redeemed codes are counted behind the ledger: each once, and only those that have settled."""

import pytest

from ledger.services.tallying import tally_transactions
from rewards.models import CampaignKind
from rewards.services.tallying import tally_redemptions
from tests.rewards.conftest import again, issue, make_campaign, make_members, redeem, redeem_items, stampede


def settle() -> None:
    """Let the ledger's mark come to the last row; rows of a test that is rolled back are settled by hand alone."""
    for _ in range(2):
        tally_transactions()


def counted(campaign) -> tuple[int, int]:
    row = again(campaign)
    return row.redeemed_codes, row.redeemed_points


@pytest.fixture
def members(own_brand, unbraked):
    return make_members(own_brand, 3)


def test_redeemed_codes_are_counted_into_their_campaigns(own_brand, members):
    points, items = make_campaign(own_brand), make_campaign(own_brand, kind=CampaignKind.NFT)
    for member in members:
        redeem(member, issue(points, 10))
    redeem_items(members[0], issue(items, 2))
    issue(points)

    wait_until_counted(points, (3, 30))

    assert counted(items) == (1, 2)


def wait_until_counted(campaign, wanted: tuple[int, int]) -> None:
    """Other sessions of this server may hold the ledger's mark back for a moment."""
    for _ in range(50):
        settle()
        tally_redemptions()
        if counted(campaign) == wanted:
            return
    assert counted(campaign) == wanted


def test_counting_again_and_at_once_counts_nothing_twice(own_brand, members):
    campaign = make_campaign(own_brand)
    redeem(members[0], issue(campaign, 10))
    wait_until_counted(campaign, (1, 10))
    redeem(members[1], issue(campaign, 5))

    for _ in range(20):
        settle()
        stampede(lambda _: tally_redemptions(), range(4))

    assert counted(campaign) == (2, 15)

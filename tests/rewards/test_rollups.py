"""The rollup of codes: issued by campaign and day, one by one and in batches."""

from datetime import UTC, date, datetime

from django.utils import timezone

from ledger.services.rollups import check_rollup
from rewards.models import DailyCodes
from rewards.services.codes import revoke_code
from rewards.services.generating import BatchOrder, generate_codes, open_batch
from rewards.services.tallying import CODES
from tests.conftest import NOON
from tests.ledger.rolling import counted_to_now
from tests.rewards.conftest import issue, make_campaign


def counts(brand) -> dict:
    counted_to_now(CODES, brand)
    return {(row.campaign_id, row.day): (row.codes, row.value) for row in DailyCodes.objects.filter(brand=brand)}


def test_codes_are_counted_on_the_brands_day_on_which_they_were_issued(own_brand):
    campaign, other = make_campaign(own_brand), make_campaign(own_brand)
    for at in (NOON, datetime(2026, 6, 1, 21, 59, tzinfo=UTC), datetime(2026, 6, 1, 22, 0, tzinfo=UTC)):
        issue(campaign, value=100, at=at)
    issue(other, value=7, at=NOON)

    told = counts(own_brand)

    assert told == {
        (campaign.pk, date(2026, 6, 1)): (2, 200),
        (campaign.pk, date(2026, 6, 2)): (1, 100),
        (other.pk, date(2026, 6, 1)): (1, 7),
    }
    assert check_rollup(CODES, own_brand.pk).differences == []


def test_a_batch_counts_with_the_day_it_was_made_and_a_revoked_code_stays_issued(own_brand):
    campaign = make_campaign(own_brand)
    order = BatchOrder(brand_id=own_brand.pk, campaign_id=campaign.pk, count=500, value=3, actor="test", length=16)
    batch = open_batch(order=order, at=timezone.now())
    generate_codes(batch_id=batch.pk, clock=timezone.now)
    code = issue(campaign, value=3, at=timezone.now())
    revoke_code(brand_id=own_brand.pk, code=code.code, at=timezone.now())

    told = counts(own_brand)

    assert sum(codes for codes, _ in told.values()) == 501
    assert check_rollup(CODES, own_brand.pk).differences == []

"""A campaign is copied: the same terms, a free name, nothing of what became of the first."""

from datetime import timedelta

import pytest

from rewards.errors import CampaignNotFound
from rewards.models import Campaign
from rewards.services.campaigns import TERMS, copy_campaign
from tests.conftest import NOON, make_brand
from tests.rewards.conftest import DAY, issue, kinds, make_campaign, redeem, stampede

OF_EACH_ALONE = {"id", "brand_id", "name", "state", "created_at", "issued_points", "issued_codes"}


def copy(campaign: Campaign, *, at=NOON) -> Campaign:
    return Campaign.objects.get(pk=copy_campaign(brand_id=campaign.brand_id, campaign_id=campaign.pk, at=at).pk)


def test_a_copy_is_a_draft_with_the_same_terms_and_nothing_issued(member):
    terms = {"budget_points": 90, "budget_codes": 9, "member_limit": 2, "value_per_point": "0.010000", "ends_at": NOON + DAY}
    form = {"code_alphabet": "ABCDEFGHIJKL", "code_length": 12, "code_prefix": "S", "code_check": True}
    original = make_campaign(member.brand, name="Summer", **terms, **form, code_lifetime_days=30, email_template="sunny")
    redeem(member, issue(original))

    made = copy(original)

    original.refresh_from_db()
    assert {term: getattr(made, term) for term in TERMS} == {term: getattr(original, term) for term in TERMS}
    assert (made.name, made.state, made.brand_id) == ("Summer (2)", "draft", member.brand_id)
    assert (made.issued_codes, made.issued_points) == (0, 0)
    made.clean()


def test_every_field_of_a_campaign_is_a_term_or_its_own():
    assert {field.attname for field in Campaign._meta.concrete_fields} == {*TERMS, *OF_EACH_ALONE}


def test_a_copy_of_what_is_over_begins_now_and_lasts_as_long(brand):
    original = make_campaign(brand, starts_at=NOON - 9 * DAY, ends_at=NOON - 2 * DAY)

    made = copy(original)

    assert (made.starts_at, made.ends_at) == (NOON, NOON + timedelta(days=7))


def test_each_copy_has_a_name_of_its_own_however_long_the_first_is(brand):
    original = make_campaign(brand, name="x" * 100)

    names = [copy(original).name for _ in range(10)]

    assert names[:2] == ["x" * 96 + " (2)", "x" * 96 + " (3)"]
    assert len(set(names)) == 10
    assert len(names[-1]) == 100


def test_copies_made_at_the_same_instant_have_different_names(own_brand):
    original = make_campaign(own_brand, name="Summer")

    outcomes = stampede(lambda _: copy(original), range(4))

    assert kinds(outcomes) == {Campaign: 4}
    assert {made.name for made in outcomes} == {f"Summer ({number})" for number in range(2, 6)}


def test_a_campaign_of_another_brand_is_not_copied(brand):
    campaign = make_campaign(brand)

    with pytest.raises(CampaignNotFound):
        copy_campaign(brand_id=make_brand().pk, campaign_id=campaign.pk, at=NOON)

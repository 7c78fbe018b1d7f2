"""Campaigns: their states, their dates, and budgets that hold exactly, whoever issues at once."""

import random
from datetime import timedelta
from itertools import product

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from ledger.models.tokens import TokenType
from rewards.errors import CampaignNotFound, CampaignOutOfBudget, CodeNotFound, CodeReferenceUsed, MoveNotAllowed
from rewards.models import Campaign, CampaignKind, CampaignState, Code
from rewards.services.campaigns import MOST_POINTS, find_campaign, move_campaign, reserve_budget
from rewards.services.codes import revoke_code
from tests.conftest import NOON, make_brand, make_token
from tests.rewards.conftest import DAY, again, attempt, issue, kinds, make_campaign, make_collectible_token, stampede

DRAFT, RUNNING, PAUSED, ENDED = CampaignState
ALLOWED = {
    (DRAFT, RUNNING),
    (DRAFT, ENDED),
    (RUNNING, PAUSED),
    (RUNNING, ENDED),
    (PAUSED, RUNNING),
    (PAUSED, ENDED),
}
SECOND = timedelta(seconds=1)


def move(campaign: Campaign, to: CampaignState) -> Campaign:
    return move_campaign(brand_id=campaign.brand_id, campaign_id=campaign.pk, to=to)


def issued(campaign: Campaign) -> tuple[int, int]:
    """What the campaign counts: codes, points."""
    now = again(campaign)
    return now.issued_codes, now.issued_points


def revoke(code: Code) -> Code:
    return revoke_code(brand_id=code.brand_id, code=code.code, at=NOON)


@pytest.mark.parametrize(("before", "to"), sorted(ALLOWED))
def test_a_campaign_moves_where_it_may(brand, before, to):
    campaign = make_campaign(brand, state=before)

    moved = move(campaign, to)

    assert moved.state == again(campaign).state == to


@pytest.mark.parametrize(("before", "to"), sorted(set(product(CampaignState, repeat=2)) - ALLOWED))
def test_a_campaign_moves_nowhere_else(brand, before, to):
    campaign = make_campaign(brand, state=before)

    with pytest.raises(MoveNotAllowed, match=f"that is {before.value} cannot become {to.value}"):
        move(campaign, to)

    assert again(campaign).state == before


def test_a_campaign_of_another_brand_is_not_found(brand):
    campaign = make_campaign(make_brand())

    with pytest.raises(CampaignNotFound):
        move_campaign(brand_id=brand.pk, campaign_id=campaign.pk, to=PAUSED)
    with pytest.raises(CampaignNotFound) as refusal:
        find_campaign(brand_id=brand.pk, campaign_id=campaign.pk)

    assert again(campaign).state == RUNNING
    assert [error.field for error in refusal.value.errors] == ["campaign_id"]


def test_of_many_who_end_a_campaign_at_once_one_does(own_brand):
    campaign = make_campaign(own_brand)

    outcomes = stampede(lambda _: move(campaign, ENDED), range(16))

    assert kinds(outcomes) == {Campaign: 1, MoveNotAllowed: 15}


def test_what_has_ended_stays_so_whoever_else_moves_it_at_once(own_brand):
    for _ in range(8):
        campaign = make_campaign(own_brand)

        stampede(lambda to, campaign=campaign: move(campaign, to), [PAUSED, RUNNING, ENDED, PAUSED, RUNNING])

        assert again(campaign).state == ENDED


@pytest.mark.parametrize(
    ("state", "starts", "ends", "stands"),
    [
        (DRAFT, NOON - DAY, None, DRAFT),
        (RUNNING, NOON - DAY, None, RUNNING),
        (RUNNING, NOON, None, RUNNING),
        (RUNNING, NOON + SECOND, None, DRAFT),
        (RUNNING, NOON - DAY, NOON + SECOND, RUNNING),
        (RUNNING, NOON - DAY, NOON, ENDED),
        (PAUSED, NOON - DAY, NOON + SECOND, PAUSED),
        (PAUSED, NOON - DAY, NOON, ENDED),
        (PAUSED, NOON + SECOND, None, PAUSED),
        (DRAFT, NOON - DAY, NOON, ENDED),
        (ENDED, NOON + SECOND, None, ENDED),
    ],
)
def test_dates_narrow_what_staff_decided(state, starts, ends, stands):
    campaign = Campaign(state=state, starts_at=starts, ends_at=ends)

    assert campaign.state_at(NOON) is stands


def test_a_budget_in_points_holds_exactly_under_a_stampede(own_brand):
    """64 threads issue two codes each, of 10 points, out of 1,000."""
    campaign = make_campaign(own_brand, budget_points=1_000)

    pairs = stampede(lambda _: [attempt(lambda: issue(campaign, 10)) for _ in range(2)], range(64))

    assert kinds(outcome for pair in pairs for outcome in pair) == {Code: 100, CampaignOutOfBudget: 28}
    assert issued(campaign) == (100, 1_000)
    assert Code.objects.filter(campaign=campaign).count() == 100


def test_a_budget_in_codes_holds_exactly_under_a_stampede(own_brand):
    campaign = make_campaign(own_brand, budget_codes=25)

    outcomes = stampede(lambda _: issue(campaign, 10), range(64))

    assert kinds(outcomes) == {Code: 25, CampaignOutOfBudget: 39}
    assert issued(campaign) == (25, 250)


def test_both_budgets_hold_with_codes_of_any_worth(own_brand):
    campaign = make_campaign(own_brand, budget_points=500, budget_codes=30)
    chance = random.Random(7)
    worths = [chance.randint(1, 60) for _ in range(48)]

    outcomes = stampede(lambda worth: issue(campaign, worth), worths)

    made = [outcome.value for outcome in outcomes if isinstance(outcome, Code)]
    assert issued(campaign) == (len(made), sum(made))
    assert sum(made) <= 500
    assert len(made) <= 30


def test_codes_that_fit_are_issued_to_the_last_point(brand):
    campaign = make_campaign(brand, budget_points=30, budget_codes=2)

    with pytest.raises(CampaignOutOfBudget):
        issue(campaign, 31)
    issue(campaign, 29)
    with pytest.raises(CampaignOutOfBudget):
        issue(campaign, 2)
    issue(campaign, 1)

    assert issued(campaign) == (2, 30)


def test_a_code_that_is_refused_after_all_takes_nothing_from_the_budget(own_brand):
    campaign = make_campaign(own_brand, budget_codes=2)
    issue(campaign, reference_id="Order 1")

    with pytest.raises(CodeReferenceUsed):
        issue(campaign, reference_id="Order 1")

    assert issued(campaign) == (1, 10)


def test_a_reservation_goes_with_the_transaction_that_made_it(own_brand):
    campaign = make_campaign(own_brand, budget_codes=2)

    with transaction.atomic():
        reserve_budget(campaign, codes=2, points=20)
        transaction.set_rollback(True)

    assert issued(campaign) == (0, 0)


def test_a_revoked_code_returns_its_worth_to_the_budget(brand):
    campaign = make_campaign(brand, budget_points=20, budget_codes=2)
    first, _ = issue(campaign, 5), issue(campaign, 15)

    revoke(first)

    assert issued(campaign) == (1, 15)
    assert issue(campaign, 5).value == 5


def test_many_who_revoke_one_code_at_once_return_it_once(own_brand):
    campaign = make_campaign(own_brand)
    code, _ = issue(campaign), issue(campaign)

    outcomes = stampede(lambda _: revoke(code), range(16))

    assert kinds(outcomes) == {Code: 16}
    assert issued(campaign) == (1, 10)


def test_issuing_and_revoking_at_once_leave_the_right_count(own_brand):
    campaign = make_campaign(own_brand, budget_codes=20)
    codes = [issue(campaign) for _ in range(20)]

    outcomes = stampede(lambda code: revoke(code) if code else issue(campaign), [*codes[:12], *[None] * 12])

    usable = Code.objects.filter(campaign=campaign, revoked_at__isnull=True).count()
    assert CodeNotFound not in kinds(outcomes)
    assert issued(campaign) == (usable, usable * 10)
    assert usable <= 20


def test_without_a_budget_the_count_stays_below_what_can_be_counted(brand):
    campaign = make_campaign(brand)

    with pytest.raises(CampaignOutOfBudget):
        reserve_budget(campaign, codes=1, points=MOST_POINTS)
    reserve_budget(campaign, codes=1, points=MOST_POINTS - 1)
    reserve_budget(campaign, codes=1, points=1)
    with pytest.raises(CampaignOutOfBudget):
        reserve_budget(campaign, codes=1, points=1)

    assert issued(campaign) == (2, MOST_POINTS)


def test_a_good_campaign_is_clean(brand):
    for terms in ({}, {"kind": CampaignKind.NFT}, {"code_alphabet": "23456789AB", "code_prefix": "SUM", "code_length": 12}):
        make_campaign(brand, **terms).full_clean()


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"code_length": 8}, "code_length"),
        ({"code_length": 33}, "code_length"),
        ({"code_alphabet": "012345678"}, "code_length"),
        ({"code_alphabet": "0123456788"}, "code_length"),
        ({"code_alphabet": "0123456789a"}, "code_length"),
        ({"code_prefix": "sum"}, "code_length"),
        ({"code_prefix": "SUMMER"}, "code_length"),
        ({"code_prefix": "SUM", "code_check": True}, "code_length"),
        ({"kind": CampaignKind.NFT}, "token"),
        ({"ends_at": NOON - 2 * DAY}, "__all__"),
        ({"value_per_point": 0}, "__all__"),
        ({"kind": "else"}, "kind"),
        ({"state": "else"}, "state"),
    ],
)
def test_a_campaign_with_a_fault_is_not_clean(brand, terms, field):
    campaign = make_campaign(brand)
    for name, value in terms.items():
        setattr(campaign, name, value)

    with pytest.raises(ValidationError) as refusal:
        campaign.full_clean()

    assert field in refusal.value.message_dict


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        (CampaignKind.POINTS, TokenType.ERC721),
        (CampaignKind.NFT, TokenType.ERC20),
        (CampaignKind.EXTERNAL_REWARDS, TokenType.MILES),
    ],
)
def test_a_campaign_gives_a_token_of_its_kind(brand, kind, type_):
    campaign = make_campaign(brand)
    campaign.kind, campaign.token = kind, make_token(brand, type=type_)

    with pytest.raises(ValidationError, match="a token of the brand"):
        campaign.clean()


def test_a_campaign_gives_a_token_of_its_brand(brand):
    campaign = make_campaign(brand)
    campaign.token = make_token(make_brand())

    with pytest.raises(ValidationError, match="a token of the brand"):
        campaign.clean()


def test_a_second_campaign_of_that_name_is_not_clean(brand):
    campaign = make_campaign(brand, name="Summer")
    make_campaign(make_brand(), name="Summer")
    second = Campaign(brand=brand, name="Summer", token=campaign.token, starts_at=NOON)

    with pytest.raises(ValidationError, match="already exists"):
        second.full_clean()


def test_campaigns_for_items_take_collectible_tokens(brand):
    campaign = Campaign(brand=brand, name="Beans", kind=CampaignKind.NFT, token=make_collectible_token(brand), starts_at=NOON)

    campaign.full_clean()

    assert campaign.state == DRAFT

"""A code pays what it is worth, to whom it may; whoever is refused leaves it as it was."""

import statistics
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from ledger.errors import BalanceLimit, ReferenceAlreadyUsed
from ledger.models import Lot, Transaction
from ledger.models.accounts import BALANCE_LIMIT
from loyalty.errors import LoyaltyError
from rewards.errors import (
    CampaignLimitReached,
    CampaignNotRunning,
    CodeAlreadyRedeemed,
    InvalidCode,
    OutOfStock,
)
from rewards.models import CampaignKind, CampaignState, CampaignUse, Collectible, CollectibleSupply
from rewards.models.codes import CodeState
from rewards.selectors import details_of, find_code
from rewards.services.codes import revoke_code
from rewards.services.redeeming import redeem_for_items, redeem_for_points
from tests.conftest import NOON, make_brand, make_expiring_token, make_member
from tests.ledger.orders import account_of, move
from tests.rewards.conftest import DAY, again, asking, balance, issue, make_campaign, must_hold, redeem, redeem_items
from users.errors import UserNotFound
from users.services.members import erase_member

SECOND = timedelta(seconds=1)
ROUNDS = 60
FULL_WIDTH = "".join(chr(ord(digit) + 0xFEE0) for digit in "123456789")


def refused(refusal: type[LoyaltyError], act: Callable[[], object]) -> LoyaltyError:
    with pytest.raises(LoyaltyError) as error:
        act()
    assert type(error.value) is refusal
    return error.value


def must_be_free(code, member) -> None:
    """Nobody has redeemed the code, and somebody can."""
    found = find_code(brand_id=code.brand_id, code=code.code)
    assert (found.state_at(NOON), found.member) == (CodeState.AVAILABLE, None)
    assert redeem(member, code).posted.posting.amount == code.value


def test_a_code_pays_what_it_is_worth(own_brand, own_member):
    campaign = make_campaign(own_brand)
    code = issue(campaign, 25)

    moved = redeem(own_member, code, reference_id="Till 7")

    row = Transaction.objects.get(pk=moved.posted.id)
    assert (row.amount, row.balance_after, row.type, row.counterpart) == (25, 25, "code_to_points", "issuance")
    assert (row.actor, row.reference_id, row.account.token, row.account.member) == (
        "key:7",
        "Till 7",
        campaign.token,
        own_member,
    )
    assert moved.token == campaign.token
    stored = again(code)
    assert (stored.redeemed_at, stored.member) == (NOON, own_member)
    must_hold(own_brand)


def test_the_ledgers_row_names_the_code_and_its_campaign(brand, member):
    campaign = make_campaign(brand)
    code = issue(campaign)

    row = Transaction.objects.get(pk=redeem(member, code).posted.id)

    assert row.explanation == {"code": code.pk, "campaign": campaign.pk}
    assert details_of([row])[row.pk].code == code.code


@pytest.mark.parametrize("typed", ["{0}-{1}", " {0} {1} ", "{0}{1}\n", "- {0}--{1} -"])
def test_a_code_may_be_typed_with_blanks_dashes_and_small_letters(brand, member, typed):
    code = issue(make_campaign(brand, code_alphabet="ABCDEFGHIJ")).code

    moved = redeem(member, typed.format(code[:4].lower(), code[4:]))

    assert moved.posted.posting.amount == 10


@pytest.mark.parametrize("typed", ["", "-", "{0}0", "{0}\t{1}", "{0}{1}{1}", FULL_WIDTH, "'; --", "%", "x" * 10_000])
def test_what_is_not_the_code_pays_nothing(brand, member, typed):
    code = issue(make_campaign(brand)).code

    refused(InvalidCode, lambda: redeem(member, typed.format(code[:4], code[4:])))


def test_a_code_pays_once_to_the_same_member(brand, member):
    code = issue(make_campaign(brand))
    redeem(member, code)

    refused(CodeAlreadyRedeemed, lambda: redeem(member, code))

    assert balance(member, code.campaign.token) == 10


def test_points_of_a_code_lapse_as_the_token_says(own_brand, own_member):
    token = make_expiring_token(own_brand, days=9_000)  # so that no other test's expiry meets them

    redeem(own_member, issue(make_campaign(own_brand, token=token), 25))

    lot = Lot.objects.get(account=account_of(own_member, token))
    assert (lot.amount, lot.remaining) == (25, 25)
    assert lot.expires_at == token.expiry.lapses_at(NOON, own_brand.zone)
    assert NOON + 8_999 * DAY < lot.expires_at <= NOON + 9_001 * DAY
    must_hold(own_brand)


def test_a_code_for_items_gives_so_many_of_them_with_their_numbers(own_brand, own_member):
    campaign = make_campaign(own_brand, kind=CampaignKind.NFT)
    other = make_member(own_brand)

    first, second = issue(campaign, 3), issue(campaign, 2)
    moved = redeem_items(own_member, first)
    redeem_items(other, second)

    row = Transaction.objects.get(pk=moved.posted.id)
    items = Collectible.objects.filter(token=campaign.token).order_by("serial")
    assert list(items.values_list("serial", "member")) == [(n, own_member.pk if n <= 3 else other.pk) for n in range(1, 6)]
    assert set(items.filter(member=own_member).values_list("transaction", flat=True)) == {row.pk}
    assert (row.amount, row.type) == (3, "code_to_nft")
    assert row.explanation == {"code": first.pk, "campaign": campaign.pk, "serials": [1, 2, 3]}
    assert CollectibleSupply.objects.get(token=campaign.token).issued == 5
    must_hold(own_brand)


@pytest.mark.parametrize("kind", [CampaignKind.NFT, CampaignKind.EXTERNAL_REWARDS])
def test_a_code_of_another_kind_gives_no_points(brand, member, kind):
    code = issue(make_campaign(brand, kind=kind))

    refused(InvalidCode, lambda: redeem(member, code))


@pytest.mark.parametrize("kind", [CampaignKind.POINTS, CampaignKind.EXTERNAL_REWARDS])
def test_a_code_of_another_kind_gives_no_items(brand, member, kind):
    code = issue(make_campaign(brand, kind=kind))

    refused(InvalidCode, lambda: redeem_items(member, code))


@pytest.mark.parametrize(
    "terms",
    [
        {"state": CampaignState.DRAFT},
        {"state": CampaignState.PAUSED},
        {"state": CampaignState.ENDED},
        {"starts_at": NOON + SECOND},
        {"ends_at": NOON},
    ],
)
def test_a_campaign_that_does_not_run_pays_nothing(brand, member, terms):
    campaign = make_campaign(brand)
    code = issue(campaign)
    type(campaign).objects.filter(pk=campaign.pk).update(**terms)

    refused(CampaignNotRunning, lambda: redeem(member, code))

    assert not Transaction.objects.filter(brand_id=brand.pk).exists()


def test_a_code_is_good_to_its_last_instant(brand, member):
    campaign = make_campaign(brand, code_lifetime_days=1)
    code, late = issue(campaign), issue(campaign)

    redeem(member, code, at=NOON + DAY - SECOND)

    refused(InvalidCode, lambda: redeem(member, late, at=NOON + DAY))


def test_a_revoked_code_pays_nothing(brand, member):
    code = issue(make_campaign(brand))
    revoke_code(brand_id=brand.pk, code=code.code, at=NOON)

    refused(InvalidCode, lambda: redeem(member, code))


def test_a_code_of_another_brand_is_unknown(brand, member):
    code = issue(make_campaign(make_brand()))

    refused(InvalidCode, lambda: redeem(member, code))

    assert again(code).redeemed_at is None


def test_one_member_redeems_so_many_codes_of_a_campaign(brand, member):
    campaign = make_campaign(brand, member_limit=2)
    codes = [issue(campaign) for _ in range(4)]

    for code in codes[:2]:
        redeem(member, code)
    refused(CampaignLimitReached, lambda: redeem(member, codes[2]))

    assert CampaignUse.objects.get(campaign=campaign, member=member).count == 2
    assert redeem(make_member(brand), codes[3])


def test_a_limit_of_none_lets_nobody_redeem(brand, member):
    code = issue(make_campaign(brand, member_limit=0))

    refused(CampaignLimitReached, lambda: redeem(member, code))


def test_the_limit_of_a_campaign_leaves_the_code_free(own_brand):
    campaign, member = make_campaign(own_brand, member_limit=1), make_member(own_brand)
    code = issue(campaign)
    redeem(member, issue(campaign))

    refused(CampaignLimitReached, lambda: redeem(member, code))

    must_be_free(code, make_member(own_brand))


def test_the_limit_of_balances_leaves_the_code_free(own_brand):
    campaign, rich = make_campaign(own_brand, member_limit=1), make_member(own_brand)
    code = issue(campaign)
    move(rich, campaign.token, BALANCE_LIMIT - 10)

    refused(BalanceLimit, lambda: redeem(rich, code))

    assert not CampaignUse.objects.filter(campaign=campaign).exists()
    must_be_free(code, make_member(own_brand))
    must_hold(own_brand)


def test_a_reference_that_is_used_leaves_the_code_free(own_brand):
    campaign, member = make_campaign(own_brand), make_member(own_brand)
    code = issue(campaign)
    earlier = move(member, campaign.token, 1, reference_id="Till 7")

    refusal = refused(ReferenceAlreadyUsed, lambda: redeem(member, code, reference_id="Till 7"))

    assert refusal.transaction_id == earlier.id
    must_be_free(code, member)


def test_a_supply_that_is_used_up_leaves_the_code_free(own_brand):
    campaign, member = make_campaign(own_brand, kind=CampaignKind.NFT), make_member(own_brand)
    supply = CollectibleSupply.objects.create(brand=own_brand, token=campaign.token, supply_limit=4)
    code, small = issue(campaign, 5), issue(campaign, 4)

    refused(OutOfStock, lambda: redeem_items(member, code))

    assert (again(code).redeemed_at, again(supply).issued) == (None, 0)
    assert redeem_items(member, small).posted.posting.amount == 4
    refused(OutOfStock, lambda: redeem_items(member, code))
    assert Collectible.objects.filter(token=campaign.token).count() == again(supply).issued == 4
    must_hold(own_brand)


@pytest.mark.parametrize("kind", [CampaignKind.POINTS, CampaignKind.NFT])
@pytest.mark.parametrize("is_followed", [False, True])
@pytest.mark.parametrize("has_account", [False, True])
def test_who_is_erased_before_the_redemption_gets_nothing(own_brand, kind, is_followed, has_account):
    """Nor does someone new, to whom the name was given meanwhile."""
    campaign, member = make_campaign(own_brand, kind=kind), make_member(own_brand)
    give, redeem_one = (redeem_for_points, redeem) if kind == CampaignKind.POINTS else (redeem_for_items, redeem_items)
    code = issue(campaign, 1)
    if has_account:
        redeem_one(member, issue(campaign, 1))
    redemption = asking(member, code.code)

    erase_member(brand_id=own_brand.pk, auth_id=member.auth_id, at=NOON)
    follower = make_member(own_brand, auth_id=member.auth_id) if is_followed else None
    refused(UserNotFound, lambda: give(redemption=redemption, at=NOON))

    assert again(code).redeemed_at is None
    assert not Collectible.objects.filter(token=campaign.token, member__isnull=False).exists()
    assert follower is None or balance(follower, campaign.token) == 0
    must_hold(own_brand)


def test_who_is_unknown_gets_nothing(brand, member):
    code = issue(make_campaign(brand))
    member.auth_id = "nobody"

    refused(UserNotFound, lambda: redeem(member, code))

    assert again(code).redeemed_at is None


def test_a_code_that_someone_else_used_is_told_as_one_that_does_not_exist(brand, member):
    code = issue(make_campaign(brand))
    redeem(make_member(brand), code)

    used, unknown = (refused(InvalidCode, lambda text=text: redeem(member, text)) for text in (code.code, "000000000"))

    assert (str(used), used.code, used.errors) == (str(unknown), unknown.code, unknown.errors)


def test_a_code_that_someone_else_used_takes_as_long_as_one_that_does_not_exist(brand, member, unbraked):
    code = issue(make_campaign(brand))
    redeem(make_member(brand), code)
    seconds: dict[str, list[float]] = {code.code: [], "000000000": []}

    for _ in range(ROUNDS):
        for text, taken in seconds.items():
            redemption, began = asking(member, text), time.perf_counter()
            refused(InvalidCode, lambda redemption=redemption: redeem_for_points(redemption=redemption, at=NOON))
            taken.append(time.perf_counter() - began)

    used, unknown = map(statistics.median, seconds.values())
    assert 0.5 < used / unknown < 2

"""Codes are issued one by one: in the campaign's form, once a reference, with their e-mail or not at all; and revoked."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import DataError

from loyalty.errors import InvalidRequest
from rewards.errors import (
    CampaignNotFound,
    CampaignNotRunning,
    CampaignOutOfBudget,
    CodeLengthTooShort,
    CodeNotFound,
    CodeReferenceUsed,
    InvalidCode,
)
from rewards.models import CampaignKind, CampaignState, Code
from rewards.models.codes import CodeState
from rewards.selectors import find_code
from rewards.services import codes as service
from rewards.services.codes import CodeOrder, issue_code, revoke_code
from tests.conftest import NOON, make_brand, make_member
from tests.rewards.conftest import DAY, again, issue, kinds, make_campaign, make_members, must_hold, redeem, stampede, total
from tests.rewards.forms import is_well_formed
from users.models import Email

SECOND = timedelta(seconds=1)
FULL_WIDTH = "".join(chr(ord(digit) + 0xFEE0) for digit in "123456789")


def revoke(code: Code, *, at=NOON) -> Code:
    return revoke_code(brand_id=code.brand_id, code=code.code, at=at)


def draw_only(monkeypatch: pytest.MonkeyPatch, noise: bytes) -> None:
    """Let chance always come to the same."""
    monkeypatch.setattr(service, "secrets", SimpleNamespace(token_bytes=lambda _: noise))


def test_a_code_is_nine_digits_unless_the_campaign_says_more(brand):
    campaign = make_campaign(brand)

    code = issue(campaign, 25, reference_id="Order 1")

    stored = again(code)
    assert len(stored.code) == 9
    assert stored.code.isdigit()
    assert (stored.value, stored.reference_id, stored.campaign, stored.brand) == (25, "Order 1", campaign, brand)
    assert (stored.created_at, stored.expires_at, stored.redeemed_at, stored.member) == (NOON, None, None, None)


@pytest.mark.parametrize("length", [10, 17, 32])
@pytest.mark.parametrize("check", [False, True])
def test_the_length_counts_the_whole_code(brand, length, check):
    campaign = make_campaign(brand, code_prefix="SUM", code_check=check, code_length=10, code_alphabet="23456789ABCDEFGH")

    code = issue(campaign, length=length).code

    assert len(code) == length
    assert code.startswith("SUM")
    assert is_well_formed(campaign.code_form(length), code)


def test_without_a_length_the_campaigns_holds(brand):
    assert len(issue(make_campaign(brand, code_length=14)).code) == 14


@pytest.mark.parametrize(("terms", "length"), [({}, 8), ({}, 0), ({"code_prefix": "SUM", "code_check": True}, 9)])
def test_a_length_that_leaves_too_little_to_chance_is_refused(brand, terms, length):
    campaign = make_campaign(brand, **({"code_length": 12} | terms))

    with pytest.raises(CodeLengthTooShort, match="Code length too short") as refusal:
        issue(campaign, length=length)

    assert {error.field for error in refusal.value.errors} == {"length"}
    assert again(campaign).issued_codes == 0


def test_a_length_above_the_longest_is_refused(brand):
    with pytest.raises(InvalidRequest, match="length: at most 32"):
        issue(make_campaign(brand), length=33)


def test_a_code_that_is_taken_is_drawn_again(brand, monkeypatch):
    campaign = make_campaign(brand)
    draw_only(monkeypatch, bytes([1] * 9 + [2] * 9))

    codes = [issue(campaign).code, issue(campaign).code]

    assert codes == ["111111111", "222222222"]
    with pytest.raises(CodeLengthTooShort, match="nearly all codes of 9 characters are taken"):
        issue(campaign)
    assert issue(campaign, length=18).code == "1" * 9 + "2" * 9


def test_a_code_is_unique_within_its_brand_and_across_campaigns(brand, monkeypatch):
    draw_only(monkeypatch, bytes([1] * 9))
    issue(make_campaign(brand))

    other = issue(make_campaign(make_brand()))

    assert other.code == "111111111"
    with pytest.raises(CodeLengthTooShort):
        issue(make_campaign(brand))


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
def test_a_campaign_that_does_not_run_issues_no_codes(brand, terms):
    campaign = make_campaign(brand, **terms)

    with pytest.raises(CampaignNotRunning):
        issue(campaign)

    assert not Code.objects.filter(campaign=campaign).exists()


def test_a_campaign_of_another_brand_issues_no_codes(brand):
    campaign = make_campaign(make_brand())

    with pytest.raises(CampaignNotFound, match="Invalid campaign id"):
        issue_code(order=CodeOrder(brand_id=brand.pk, campaign_id=campaign.pk, value=1), at=NOON)


def test_a_reference_stands_once_among_the_brands_codes_whatever_else_is_asked(brand):
    campaign = make_campaign(brand)
    issue(campaign, 10, reference_id="Order 1")

    for again_for, value, length in [(campaign, 10, None), (campaign, 11, 12), (make_campaign(brand), 10, 5)]:
        with pytest.raises(CodeReferenceUsed):
            issue(again_for, value, length=length, reference_id="Order 1")

    assert Code.objects.filter(brand=brand).count() == 1
    assert issue(make_campaign(make_brand()), reference_id="Order 1").reference_id == "Order 1"


def test_a_reference_of_a_code_that_was_revoked_stays_used(brand):
    campaign = make_campaign(brand)
    revoke(issue(campaign, reference_id="Order 1"))

    with pytest.raises(CodeReferenceUsed):
        issue(campaign, reference_id="Order 1")


def test_codes_without_a_reference_never_stand_in_one_anothers_way(brand):
    campaign = make_campaign(brand)

    codes = {issue(campaign).code for _ in range(5)}

    assert len(codes) == 5


@pytest.mark.parametrize("campaigns", [1, 4])
def test_of_many_who_send_one_reference_at_once_one_gets_a_code(own_brand, campaigns):
    made = [make_campaign(own_brand) for _ in range(campaigns)]

    outcomes = stampede(lambda number: issue(made[number % campaigns], reference_id="Order 1"), range(16))

    assert kinds(outcomes) == {Code: 1, CodeReferenceUsed: 15}
    assert sum(again(campaign).issued_codes for campaign in made) == 1


def test_codes_expire_so_long_after_issue_as_their_campaign_says(brand):
    code = issue(make_campaign(brand, code_lifetime_days=3))

    assert again(code).expires_at == NOON + 3 * DAY


def test_a_code_tells_what_has_become_of_it(brand):
    campaign = make_campaign(brand, code_lifetime_days=3, ends_at=NOON + 10 * DAY)
    code, redeemed, revoked = issue(campaign), issue(campaign), issue(campaign)
    redeem(make_member(brand), redeemed)
    revoke(revoked)

    def state(code: Code, at) -> CodeState:
        return find_code(brand_id=brand.pk, code=code.code).state_at(at)

    assert state(code, NOON + 3 * DAY - SECOND) is CodeState.AVAILABLE
    assert state(code, NOON + 3 * DAY) is CodeState.EXPIRED
    assert state(redeemed, NOON + 20 * DAY) is CodeState.REDEEMED
    assert state(revoked, NOON + 20 * DAY) is CodeState.REVOKED


def test_a_code_is_over_with_its_campaign(brand):
    campaign = make_campaign(brand, ends_at=NOON + DAY)
    code = issue(campaign)

    found = find_code(brand_id=brand.pk, code=f" {code.code[:3]}-{code.code[3:]} ")

    assert found == code
    assert [found.state_at(NOON), found.state_at(NOON + DAY)] == [CodeState.AVAILABLE, CodeState.EXPIRED]


def test_a_code_of_another_brand_is_not_found(brand):
    code = issue(make_campaign(make_brand()))

    for text in (code.code, "", "no such", "1" * 40, "\x00", FULL_WIDTH):
        with pytest.raises(CodeNotFound):
            find_code(brand_id=brand.pk, code=text)


def test_a_code_for_items_is_worth_no_more_than_one_movement_gives(brand):
    campaign = make_campaign(brand, kind=CampaignKind.NFT)

    with pytest.raises(InvalidRequest, match="value: at most 1000 items"):
        issue(campaign, 1_001)

    assert issue(campaign, 1_000).value == 1_000
    assert issue(make_campaign(brand), 1_001).value == 1_001


def test_a_code_for_items_is_worth_one_unless_told(brand):
    assert issue(make_campaign(brand, kind=CampaignKind.NFT), None).value == 1

    with pytest.raises(InvalidRequest, match="value: this field is needed"):
        issue(make_campaign(brand), None)


def test_the_email_with_a_code_is_queued_with_it(brand):
    campaign = make_campaign(brand, name="Summer", email_template="summer", code_lifetime_days=3, ends_at=NOON + 10 * DAY)

    code = issue(campaign, 25, email="ann@example.org", language="de")

    queued = Email.objects.get(brand=brand)
    assert (queued.kind, queued.recipient, queued.language) == ("code", "ann@example.org", "de")
    assert (queued.template, queued.state, queued.due_at, queued.member) == ("summer", "queued", NOON, None)
    valid_until = "2026-06-04 14:00"  # noon in UTC, in summer in Zurich
    assert queued.context == {
        "code": code.code,
        "value": 25,
        "token": "Points",
        "campaign": "Summer",
        "valid_until": valid_until,
    }


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({}, ""),
        ({"ends_at": NOON + DAY}, "2026-06-02 14:00"),
        ({"ends_at": NOON + DAY, "code_lifetime_days": 9}, "2026-06-02 14:00"),
        ({"code_lifetime_days": 200}, "2026-12-18 13:00"),
    ],
)
def test_the_email_tells_until_when_the_code_is_good(brand, terms, told):
    issue(make_campaign(brand, **terms), email="ann@example.org")

    assert Email.objects.get(brand=brand).context["valid_until"] == told


def test_without_an_address_no_email_is_queued(brand):
    issue(make_campaign(brand))

    assert not Email.objects.filter(brand=brand).exists()


def test_a_bad_address_is_refused_before_anything_is_counted(brand):
    campaign = make_campaign(brand)

    for address in ("", "ann", "ann@", "ann@example.org, bob@example.org"):
        with pytest.raises(InvalidRequest) as refusal:
            issue(campaign, email=address)
        assert [error.field for error in refusal.value.errors] == ["email"]

    assert again(campaign).issued_codes == 0
    assert not Code.objects.filter(campaign=campaign).exists()


def test_no_email_is_queued_for_a_code_that_is_refused(own_brand):
    campaign = make_campaign(own_brand, budget_codes=2)
    issue(campaign, reference_id="Order 1")

    with pytest.raises(CodeReferenceUsed):
        issue(campaign, reference_id="Order 1", email="ann@example.org")
    issue(campaign)
    with pytest.raises(CampaignOutOfBudget):
        issue(campaign, email="ann@example.org")

    assert not Email.objects.filter(brand=own_brand).exists()


def test_no_code_is_made_whose_email_cannot_be_queued(own_brand):
    campaign = make_campaign(own_brand)

    with pytest.raises(DataError):
        issue(campaign, email="ann@example.org", language="x" * 36)

    assert not Code.objects.filter(campaign=campaign).exists()
    assert again(campaign).issued_codes == 0


def test_a_code_is_revoked_once_for_good(brand):
    campaign = make_campaign(brand)
    code = issue(campaign)

    first, second = revoke(code), revoke(code, at=NOON + DAY)

    assert first.revoked_at == second.revoked_at == again(code).revoked_at == NOON
    assert again(campaign).issued_codes == 0
    with pytest.raises(InvalidCode):
        redeem(make_member(brand), code)


def test_a_code_is_revoked_as_someone_types_it(brand):
    code = issue(make_campaign(brand, code_alphabet="ABCDEFGHIJ"))

    revoke_code(brand_id=brand.pk, code=f" {code.code[:4].lower()}-{code.code[4:]} ", at=NOON)

    assert again(code).revoked_at == NOON


def test_a_code_that_was_redeemed_cannot_be_revoked(brand):
    code = issue(make_campaign(brand))
    redeem(make_member(brand), code)

    with pytest.raises(CodeNotFound):
        revoke(code)

    assert again(code).revoked_at is None


def test_only_a_code_of_the_brand_can_be_revoked(brand):
    code = issue(make_campaign(make_brand()))

    for text in (code.code, "000000000"):
        with pytest.raises(CodeNotFound):
            revoke_code(brand_id=brand.pk, code=text, at=NOON)

    assert again(code).revoked_at is None


def test_a_code_that_is_revoked_and_redeemed_at_once_is_one_of_both(own_brand):
    campaign = make_campaign(own_brand)
    members = make_members(own_brand, 3)
    for _ in range(8):
        code = issue(campaign)

        stampede(lambda member, code=code: redeem(member, code) if member else revoke(code), [*members, None])

    counted = Code.objects.filter(campaign=campaign, revoked_at__isnull=True)
    assert set(counted.values_list("redeemed_at", flat=True)) <= {NOON}
    assert total(campaign.token) == 10 * counted.count() == again(campaign).issued_points
    must_hold(own_brand)

"""Redeeming codes over HTTP: once, for points or collectibles; who may not is told no more than is theirs to know."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from ledger.models import Token, Transaction
from ledger.models.tokens import TokenStatus
from rewards.models import Campaign, CampaignKind, CampaignState, Code, CodeTries
from rewards.services.codes import revoke_code
from tests.api.conftest import assert_refused, at_once, tries_of
from tests.api.programme import LONG_AGO, make_campaign, make_code, make_collectible, make_reward_type
from tests.api.test_transactions import FIELDS, balance
from tests.clients import Partner
from tests.conftest import make_expiring_token, make_member, make_token

KINDS = ("code_to_points", "code_to_nft")


@pytest.fixture
def campaign(brand, token) -> Campaign:
    return make_campaign(brand, token)


@pytest.fixture
def code(campaign) -> str:
    return make_code(campaign)


def raw_refusal(response) -> tuple:
    """All of a refusal that its receiver can see, byte by byte; sent with one X-Request-ID."""
    headers = {name: value for name, value in response.items() if not name.startswith("RateLimit")}
    return response.status_code, response.content, headers


def test_a_code_gives_its_points_and_the_answer_names_it(partner, member, token, code):
    response = partner.redeem(member.auth_id, code, reference_id="coupon 7")

    assert response.status_code == 202
    transaction = response.json()["data"]
    assert set(transaction) == FIELDS
    expected = {
        "loyalty_event_type": "code_to_points",
        "status": "success",
        "points_credited": "100",
        "points_burned": None,
        "amount_received": None,
        "code": code,
        "reward_id": None,
        "user": {"auth_id": member.auth_id, "email": member.email},
        "reference_id": "coupon 7",
        "reverses": None,
    }
    assert {name: transaction[name] for name in expected} == expected
    assert transaction["token"]["id"] == token.pk
    assert partner.get(f"/transactions/{transaction['id']}").json()["data"] == transaction
    assert partner.get("/transactions?types=code_to_points").json()["data"]["transactions"] == [transaction]
    assert balance(member, token) == 100


def test_a_code_is_taken_as_it_was_typed(partner, brand, member, token):
    code = make_code(make_campaign(brand, token, code_alphabet="ABCDEFGHJKLMNPQ", code_length=12))

    transaction = partner.redeem(member.auth_id, f" {code[:4]}-{code[4:8]} {code[8:]} ".lower()).json()["data"]

    assert transaction["code"] == code


def test_points_of_an_expiring_token_lapse_as_credited_ones_do(partner, brand, member):
    token = make_expiring_token(brand)
    code = make_code(make_campaign(brand, token))

    row = partner.redeem(member.auth_id, code).json()["data"]

    posted = Transaction.objects.get(pk=row["id"])
    assert posted.expires_at > posted.recorded_at


def test_a_code_gives_as_many_items_as_it_is_worth(partner, brand, member):
    collectible = make_collectible(brand)
    code = make_code(make_campaign(brand, collectible), value=3)

    response = partner.redeem(member.auth_id, code, "code_to_nft", reference_id="beans")

    assert response.status_code == 202
    transaction = response.json()["data"]
    assert (transaction["loyalty_event_type"], transaction["points_credited"]) == ("code_to_nft", "3")
    assert (transaction["code"], transaction["reference_id"]) == (code, "beans")
    assert (transaction["token"]["id"], transaction["token"]["type"]) == (collectible.pk, "erc721")
    assert partner.get(f"/transactions/{transaction['id']}").json()["data"] == transaction
    items = partner.get(f"/nfts?user_auth_id={member.auth_id}").json()["data"]
    assert sorted(item["serial"] for item in items) == [1, 2, 3]


def test_a_code_for_more_items_than_there_are_is_refused_and_stays_available(own_brand):
    partner, member = Partner.of(own_brand), make_member(own_brand)
    code = make_code(make_campaign(own_brand, make_collectible(own_brand, supply=2)), value=3)

    assert_refused(partner.redeem(member.auth_id, code, "code_to_nft"), 400, "out_of_stock")
    assert partner.get(f"/codes/{code}").json()["data"]["state"] == "available"
    assert tries_of(member) == 0


@pytest.mark.parametrize("type_", KINDS)
def test_an_unknown_user_is_a_400_and_no_try_of_anyone_s(partner, brand, code, type_):
    for auth_id in ("nobody", "", "x" * 5_000):
        assert_refused(partner.redeem(auth_id, code, type_), 400, "user_not_found")

    assert not CodeTries.objects.filter(brand=brand, scope="member").exists()


@pytest.mark.parametrize("typed", ["NOBODYS", "0", "-", " ", "ÄÖÜ", "x" * 100, "12345678\n9"])
@pytest.mark.parametrize("type_", KINDS)
def test_an_unknown_code_is_invalid(partner, member, code, type_, typed):
    assert_refused(partner.redeem(member.auth_id, typed, type_), 400, "invalid_code")


@pytest.mark.parametrize("typed", [None, "", 123456789, True, [], "x" * 101, "1\x002"])
@pytest.mark.parametrize("type_", KINDS)
def test_a_code_that_can_be_none_is_refused_naming_it(partner, member, type_, typed):
    assert_refused(partner.redeem(member.auth_id, typed, type_), 400, "invalid_request", "transaction.code")
    assert tries_of(member) == 0


@pytest.mark.parametrize("type_", KINDS)
def test_a_missing_or_unknown_field_is_named(partner, member, type_):
    without = partner.order(type_, member.auth_id)
    more = partner.redeem(member.auth_id, "1", type_, token_id=1)

    assert_refused(without, 400, "invalid_request", "transaction.code")
    assert_refused(more, 400, "invalid_request", "transaction.token_id")


def test_a_code_of_another_kind_is_invalid_and_stays_available(partner, brand, member, token, code):
    nft = make_code(make_campaign(brand, make_collectible(brand)), value=1)
    miles = make_code(make_campaign(brand, token, kind=CampaignKind.EXTERNAL_REWARDS))

    for typed, type_ in ((code, KINDS[1]), (nft, KINDS[0]), (miles, KINDS[0]), (miles, KINDS[1])):
        assert_refused(partner.redeem(member.auth_id, typed, type_), 400, "invalid_code")
    assert not Code.objects.filter(brand=brand, redeemed_at__isnull=False).exists()


def test_an_expired_and_a_revoked_code_are_invalid(partner, brand, member, campaign):
    expired, revoked = make_code(campaign, expires_at=timezone.now()), make_code(campaign)
    revoke_code(brand_id=brand.pk, code=revoked, at=timezone.now())

    for code in (expired, revoked):
        assert_refused(partner.redeem(member.auth_id, code), 400, "invalid_code")


@pytest.mark.parametrize(
    "terms", [{"state": CampaignState.PAUSED}, {"state": CampaignState.ENDED}, {"ends_at": LONG_AGO + timedelta(days=1)}]
)
def test_while_the_campaign_does_not_run_its_codes_pay_nothing(partner, member, campaign, code, terms):
    Campaign.objects.filter(pk=campaign.pk).update(**terms)

    assert_refused(partner.redeem(member.auth_id, code), 400, "campaign_not_running")
    assert tries_of(member) == 0


def test_a_member_redeems_as_many_codes_of_a_campaign_as_one_may(own_brand):
    partner, member, other = Partner.of(own_brand), make_member(own_brand), make_member(own_brand)
    campaign = make_campaign(own_brand, make_token(own_brand), member_limit=1)
    first, second = make_code(campaign), make_code(campaign)
    partner.redeem(member.auth_id, first)

    assert_refused(partner.redeem(member.auth_id, second), 400, "campaign_limit_reached")
    assert tries_of(member) == 0
    assert partner.redeem(other.auth_id, second).status_code == 202


def test_points_of_a_token_that_is_not_active_are_not_given(own_brand):
    partner, member, token = Partner.of(own_brand), make_member(own_brand), make_token(own_brand)
    code = make_code(make_campaign(own_brand, token))
    Token.objects.filter(pk=token.pk).update(status=TokenStatus.INACTIVE)

    assert_refused(partner.redeem(member.auth_id, code), 400, "token_not_found")
    assert partner.get(f"/codes/{code}").json()["data"]["state"] == "available"


def test_a_reference_is_used_once_and_a_refusal_leaves_the_code_available(own_brand):
    partner, member, token = Partner.of(own_brand), make_member(own_brand), make_token(own_brand)
    code = make_code(make_campaign(own_brand, token))
    credit = partner.credit(member.auth_id, 1, token.pk, reference_id="once").json()["data"]

    response = partner.redeem(member.auth_id, code, reference_id="once")

    assert_refused(response, 409, "reference_already_used")
    assert response.json()["transaction_id"] == credit["id"]
    assert tries_of(member) == 0
    assert partner.redeem(member.auth_id, code, reference_id="twice").status_code == 202


def test_who_redeemed_a_code_is_told_so(partner, member, token, code):
    partner.redeem(member.auth_id, code)

    assert_refused(partner.redeem(member.auth_id, code), 400, "code_already_redeemed")
    assert balance(member, token) == 100


def test_a_code_that_another_has_redeemed_is_told_as_an_unknown_one_byte_by_byte(partner, brand, member, code):
    other = make_member(brand)
    partner.redeem(other.auth_id, code)

    for key in ({}, {"Idempotency-Key": "k"}):
        used, unknown = (
            partner.post(
                "/transactions",
                {"transaction": {"type": "code_to_points", "user_auth_id": member.auth_id, "code": typed}},
                **{"X-Request-ID": "mine"} | {name: f"{value}{typed}" for name, value in key.items()},
            )
            for typed in (code, "0" * 9)
        )
        assert_refused(used, 400, "invalid_code")
        assert raw_refusal(used) == raw_refusal(unknown)


def test_of_many_members_who_redeem_one_code_at_once_one_gets_it(own_brand):
    token, members, key = make_token(own_brand), [make_member(own_brand) for _ in range(8)], Partner.of(own_brand).key
    code = make_code(make_campaign(own_brand, token))

    answers = at_once(lambda member: Partner(key).redeem(member.auth_id, code), members)

    assert Counter(answer.json().get("code") for answer in answers) == {None: 1, "invalid_code": 7}
    assert sum(balance(member, token) for member in members) == 100


def test_a_redeemed_code_is_reversed_in_parts_or_whole_and_stays_redeemed(partner, member, token, code):
    redeemed = partner.redeem(member.auth_id, code).json()["data"]
    path = f"/transactions/{redeemed['id']}/reversal"

    part = partner.post(path, {"reversal": {"amount": 30}})
    rest = partner.post(path, {"reversal": {}})

    assert [answer.json()["data"]["points_burned"] for answer in (part, rest)] == ["30", "70"]
    assert (rest.json()["data"]["loyalty_event_type"], rest.json()["data"]["reverses"]) == ("reversal", redeemed["id"])
    assert partner.get(f"/transactions/{redeemed['id']}").json()["data"] == redeemed | {"status": "reversed"}
    assert balance(member, token) == 0
    assert_refused(partner.redeem(member.auth_id, code), 400, "code_already_redeemed")
    assert_refused(partner.post(path, {"reversal": {}}), 400, "reversal_exceeds_original")


def test_what_gave_items_or_a_reward_is_not_reversible(partner, brand, member, token, code):
    collectible = make_collectible(brand)
    partner.redeem(member.auth_id, code)
    answers = [
        partner.redeem(member.auth_id, make_code(make_campaign(brand, collectible), value=1), KINDS[1]),
        partner.order("credit_nft", member.auth_id, token_id=collectible.pk),
        partner.buy(member.auth_id, make_reward_type(brand, token)),
    ]

    for answer in answers:
        response = partner.post(f"/transactions/{answer.json()['data']['id']}/reversal", {"reversal": {}})
        assert_refused(response, 400, "not_reversible")
    assert len(partner.get(f"/nfts?user_auth_id={member.auth_id}").json()["data"]) == 2


def test_a_decision_cannot_be_asked_for_here(partner, member, code):
    assert_refused(partner.redeem(member.auth_id, code, "nft_personalisation"), 400, "unknown_type", "transaction.type")

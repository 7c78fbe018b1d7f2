"""The brake on guessing codes over HTTP: wrong ones count for the member, the key and the brand, right ones do not."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from django.conf import settings as conf

from loyalty.api.models import IdempotentRequest
from rewards.models import Campaign
from tests.api.conftest import assert_refused, at_once, tries_of
from tests.api.programme import make_campaign, make_code, make_reward_type
from tests.api.test_transactions import balance
from tests.clients import Partner
from tests.conftest import make_member
from users.models import Member

HALF_PAST = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
MEMBERS_TRIES = 10


@pytest.fixture
def campaign(brand, token) -> Campaign:
    return make_campaign(brand, token)


@pytest.fixture
def code(campaign) -> str:
    return make_code(campaign)


@pytest.fixture
def half_past() -> Iterator[time_machine.Traveller]:
    """The hour that tries are counted in has 30 minutes to go, and the clock stands."""
    with time_machine.travel(HALF_PAST, tick=False) as clock:
        yield clock


@pytest.fixture
def braked(half_past, partner, member) -> Member:
    """A member who has tried as many wrong codes as one may."""
    for number in range(MEMBERS_TRIES):
        assert_refused(partner.redeem(member.auth_id, f"WRONG{number}"), 400, "invalid_code")
    return member


def test_the_same_request_again_is_answered_as_the_first_time_and_is_no_try(partner, member, token, code):
    first = partner.redeem(member.auth_id, code, key="right")
    wrong = partner.redeem(member.auth_id, "WRONG", key="wrong")

    for _ in range(MEMBERS_TRIES + 2):
        again, wrong_again = (
            partner.redeem(member.auth_id, code, key="right"),
            partner.redeem(member.auth_id, "WRONG", key="wrong"),
        )
        assert (again.status_code, again.content) == (202, first.content)
        assert (wrong_again.status_code, wrong_again.content) == (400, wrong.content)
        assert again["Idempotent-Replayed"] == wrong_again["Idempotent-Replayed"] == "true"
    assert tries_of(member) == 1
    assert balance(member, token) == 100


def test_the_11th_wrong_code_of_a_member_in_an_hour_is_not_even_compared(partner, braked, code):
    wrong, right = partner.redeem(braked.auth_id, "WRONG"), partner.redeem(braked.auth_id, code)

    for response in (wrong, right, partner.redeem(braked.auth_id, "WRONG", "code_to_nft")):
        assert_refused(response, 429, "too_many_code_tries")
        assert response["Retry-After"] == "1800"
    assert partner.get(f"/codes/{code}").json()["data"]["state"] == "available"


def test_who_waited_as_told_may_go_on(partner, braked, half_past, token, code):
    refused = partner.redeem(braked.auth_id, code)
    half_past.shift(int(refused["Retry-After"]) - 1)
    still = partner.redeem(braked.auth_id, code)
    half_past.shift(1)

    passed = partner.redeem(braked.auth_id, code)

    assert (refused.status_code, still.status_code, still["Retry-After"], passed.status_code) == (429, 429, "1", 202)
    assert balance(braked, token) == 100


def test_the_brake_is_not_stored_under_the_key(partner, brand, braked, half_past, code):
    braked_answer = partner.redeem(braked.auth_id, code, key="k")
    assert not IdempotentRequest.objects.filter(brand=brand).exists()
    half_past.shift(1_800)

    answer = partner.redeem(braked.auth_id, code, key="k")

    assert (braked_answer.status_code, answer.status_code) == (429, 202)
    assert "Idempotent-Replayed" not in answer


def test_a_braked_member_is_answered_what_was_answered_before(partner, half_past, member, code):
    first = partner.redeem(member.auth_id, code, key="right")
    for number in range(MEMBERS_TRIES):
        partner.redeem(member.auth_id, f"WRONG{number}")
    assert partner.redeem(member.auth_id, "WRONG").status_code == 429

    again = partner.redeem(member.auth_id, code, key="right")
    other_body = partner.redeem(member.auth_id, "WRONG", key="right")

    assert (again.status_code, again.content) == (202, first.content)
    assert again["Idempotent-Replayed"] == "true"
    assert_refused(other_body, 422, "idempotency_key_reused")


def test_a_braked_member_holds_up_nobody_and_nothing_else(partner, braked, token, code):
    other = make_member(braked.brand)

    assert partner.redeem(other.auth_id, code).status_code == 202
    assert partner.credit(braked.auth_id, 100, token.pk).status_code == 202
    assert partner.buy(braked.auth_id, make_reward_type(braked.brand, token)).status_code == 202
    assert partner.get(f"/codes/{code}").status_code == 200


def test_right_codes_and_those_one_has_redeemed_never_brake(partner, half_past, member, token, campaign):
    codes = [make_code(campaign, value=1) for _ in range(MEMBERS_TRIES + 2)]

    first = [partner.redeem(member.auth_id, code).status_code for code in codes]
    again = [partner.redeem(member.auth_id, code).json()["code"] for code in codes]

    assert set(first) == {202}
    assert set(again) == {"code_already_redeemed"}
    assert (tries_of(member), balance(member, token)) == (0, len(codes))


def test_wrong_codes_of_one_member_at_once_get_no_further_than_one_by_one(own_brand, half_past):
    member, key = make_member(own_brand), Partner.of(own_brand).key

    answers = at_once(lambda number: Partner(key).redeem(member.auth_id, f"WRONG{number}"), range(MEMBERS_TRIES + 6))

    assert Counter(answer.json()["code"] for answer in answers) == {"invalid_code": MEMBERS_TRIES, "too_many_code_tries": 6}


def test_the_limits_are_10_a_member_1000_a_key_and_5000_a_brand():
    assert conf.CODE_TRIES_PER_HOUR == {"member": 10, "key": 1_000, "brand": 5_000}


@pytest.mark.parametrize(("key", "of_brand"), [(3, 100), (100, 3)])
@pytest.mark.usefixtures("half_past")
def test_reading_unknown_codes_brakes_the_key_and_the_brand(partner, settings, code, *, key, of_brand):
    settings.CODE_TRIES_PER_HOUR = {"member": 10, "key": key, "brand": of_brand}

    answers = [partner.get(f"/codes/WRONG{number}") for number in range(4)]

    assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
    assert_refused(answers[3], 429, "too_many_code_tries")
    assert answers[3]["Retry-After"] == "1800"
    assert partner.get(f"/codes/{code}").status_code == 429
    assert Partner.of(partner.brand).get(f"/codes/{code}").status_code == (200 if of_brand == 100 else 429)


def test_wrong_codes_of_many_members_brake_the_key(partner, brand, half_past, settings, code):
    settings.CODE_TRIES_PER_HOUR = {"member": 10, "key": 3, "brand": 100}
    members = [make_member(brand) for _ in range(4)]

    answers = [partner.redeem(member.auth_id, "WRONG") for member in members]

    assert [answer.status_code for answer in answers] == [400, 400, 400, 429]
    assert_refused(partner.get(f"/codes/{code}"), 429, "too_many_code_tries")


def test_reading_codes_that_exist_never_brakes(partner, half_past, settings, code):
    settings.CODE_TRIES_PER_HOUR = {"member": 10, "key": 3, "brand": 3}

    assert {partner.get(f"/codes/{code}").status_code for _ in range(6)} == {200}

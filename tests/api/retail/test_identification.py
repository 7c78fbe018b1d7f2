"""Identification: the cookie by which the gift shop knows a member for a quarter of an hour."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.core.signing import TimestampSigner
from django.utils import timezone

from rewards.models import Programme
from tests.api.conftest import assert_refused
from tests.api.retail.conftest import make_segment, stranger
from tests.clients import Partner, RetailClient
from tests.conftest import make_brand, make_member, make_token
from users.services.identification import SALT
from users.services.members import erase_member
from users.services.merging import merge_members

COOKIE, PATH = "loyalty_identification", "/identification"
pytestmark = pytest.mark.usefixtures("programme")


def identified(value: str | None, **headers: str):
    """What the gift shop hears when a browser comes with this cookie, and no token."""
    shop = stranger()
    if value is not None:
        headers["Cookie"] = f"{COOKIE}={value}"
    return shop.get(PATH, **headers)


def value_for(till: RetailClient, member) -> str:
    return till.post(PATH, {"member_id": member.auth_id}).json()["value"]


def test_a_member_is_identified_by_the_cookie_alone(till, brand, token, member):
    Partner.of(brand).credit(member.auth_id, 320, token.pk)
    vip = make_segment(brand, "vip", member)

    made = till.post(PATH, {"member_id": member.auth_id})
    told = identified(made.json()["value"])

    assert (made.status_code, set(made.json())) == (200, {"cookie_name", "value", "expires_at"})
    assert (told.status_code, told["Cache-Control"]) == (200, "no-store")
    assert told.json() == {
        "data": {
            "member_id": member.auth_id,
            "first_name": None,
            "balance": 320,
            "segments": [vip.pk],
            "expires_at": made.json()["expires_at"],
        }
    }


def test_the_cookie_is_set_as_one_that_no_script_and_no_other_site_can_use(till, member):
    made = till.post(PATH, {"member_id": member.auth_id})

    cookie = made.cookies[COOKIE]
    assert cookie.value == made.json()["value"]
    assert made.json()["cookie_name"] == COOKIE
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")
    assert (cookie["path"], cookie["domain"]) == ("/api/retail/identification", "")
    assert 895 <= cookie["max-age"] <= 900
    left = datetime.fromisoformat(made.json()["expires_at"]) - timezone.now()
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)


def test_the_cookie_names_nobody(till, brand):
    member = make_member(brand, auth_id="ann@example.org", first_name="Ann")

    value = value_for(till, member)

    content = TimestampSigner(salt=SALT).unsign_object(value)
    assert "ann" not in str(content).lower()


@pytest.mark.parametrize("change", ["none", "empty", "cut", "other", "unsigned", "another salt", "junk"])
def test_a_cookie_that_is_missing_or_tampered_with_is_refused(till, member, change):
    value = value_for(till, member)
    tampered = {
        "none": None,
        "empty": "",
        "cut": value[:-1],
        "other": ("X" if value[0] != "X" else "Y") + value[1:],
        "unsigned": value.partition(":")[0],
        "another salt": TimestampSigner(salt="x").sign_object([1, "a", 2**40]),
        "junk": "%ff::::",
    }[change]

    answer = identified(tampered)

    assert_refused(answer, 401, "identification_invalid")
    assert answer["WWW-Authenticate"].startswith("Cookie ")


def test_a_cookie_lasts_for_fifteen_minutes(till, member):
    now = timezone.now().replace(microsecond=0)
    with time_machine.travel(now, tick=False):
        value = value_for(till, member)

    with time_machine.travel(now + timedelta(seconds=899), tick=False):
        assert identified(value).status_code == 200
    with time_machine.travel(now + timedelta(seconds=901), tick=False):
        assert_refused(identified(value), 401, "identification_invalid")


def test_an_erased_member_is_identified_no_more(till, brand, member):
    value = value_for(till, member)

    erase_member(brand_id=brand.pk, auth_id=member.auth_id, at=timezone.now())

    assert_refused(identified(value), 401, "identification_invalid")


def test_a_merged_member_is_identified_as_the_one_that_is_kept(till, brand, member):
    duplicate = make_member(brand)
    value = value_for(till, duplicate)

    merge_members(brand_id=brand.pk, keep_id=member.pk, duplicate_id=duplicate.pk, actor="system", at=timezone.now())

    assert identified(value).json()["data"]["member_id"] == member.auth_id


def test_a_token_does_not_stand_in_for_the_cookie(till):
    assert_refused(till.get(PATH), 401, "identification_invalid")


def test_naming_a_member_needs_a_token_with_the_scope(brand, member):
    body = {"member_id": member.auth_id}

    assert_refused(stranger().post(PATH, body), 401, "missing_token")
    assert_refused(RetailClient.of(brand, ["catalogue:read"]).post(PATH, body), 403, "scope_missing")


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "member_id"), ({"member_id": ""}, "member_id"), ({"member_id": 1}, "member_id"), ({"member_id": None}, "member_id")],
)
def test_a_malformed_body_is_refused_by_name(till, body, field):
    assert_refused(till.post(PATH, body), 400, "invalid_request", field)


def test_an_unknown_field_is_refused_by_name(till, member):
    assert_refused(till.post(PATH, {"member_id": member.auth_id, "shoe": 1}), 400, "invalid_request", "shoe")


def test_an_unknown_member_and_one_of_another_brand_are_refused_alike(till):
    answers = [till.post(PATH, {"member_id": name}) for name in ("nobody", make_member(make_brand()).auth_id)]

    for answer in answers:
        assert_refused(answer, 400, "member_not_found", "member_id")


def test_a_key_repeats_the_first_answer_with_its_cookie(till, member):
    body = {"member_id": member.auth_id}

    first, again = (till.post(PATH, body, key="k") for _ in range(2))

    assert first.content == again.content
    assert again["Idempotent-Replayed"] == "true"
    assert again.cookies[COOKIE].value == first.json()["value"]
    assert_refused(till.post(PATH, {"member_id": "x"}, key="k"), 422, "idempotency_key_reused")


def test_a_brand_without_a_programme_says_so(till, member, programme):
    value = value_for(till, member)
    Programme.objects.filter(brand=member.brand).delete()

    assert_refused(identified(value), 409, "programme_missing")


def test_bad_cookies_are_held_to_the_limit_of_an_address_and_good_ones_to_that_of_the_member(till, member):
    value, shop = value_for(till, member), stranger()

    bad = {shop.get(PATH, Cookie=f"{COOKIE}=x").status_code for _ in range(150)}
    good = [shop.get(PATH, Cookie=f"{COOKIE}={value}") for _ in range(150)]

    assert bad == {401, 429}
    assert good[0].status_code == 200
    assert {answer.status_code for answer in good} == {200, 429}


def test_the_balance_is_of_the_programme_s_points(till, brand, token, member):
    other = make_token(brand, symbol="OTH")
    Partner.of(brand).credit(member.auth_id, 7, other.pk)

    assert identified(value_for(till, member)).json()["data"]["balance"] == 0

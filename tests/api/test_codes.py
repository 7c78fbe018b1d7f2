"""Codes over HTTP: issued, refused, mailed, read; and the campaigns they are issued for."""

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.utils import timezone

from loyalty.api.models import IdempotentRequest
from rewards.models import Campaign, CampaignKind, CampaignState, Code
from rewards.services.codes import revoke_code
from tests.api.conftest import anonymous, assert_refused
from tests.api.programme import IN_100_YEARS, LONG_AGO, make_campaign, make_code, make_collectible
from tests.api.test_transactions import BAD_AMOUNTS, HIGHEST
from tests.clients import Partner
from tests.conftest import make_brand, make_token
from users.models import Email
from users.services.email_templates import compose

STOPPED = {
    "draft": {"state": CampaignState.DRAFT},
    "paused": {"state": CampaignState.PAUSED},
    "ended by staff": {"state": CampaignState.ENDED},
    "over": {"ends_at": LONG_AGO + timedelta(days=1)},
    "not begun": {"starts_at": IN_100_YEARS},
}


@pytest.fixture
def campaign(brand, token) -> Campaign:
    return make_campaign(brand, token)


def issued(response) -> dict:
    assert response.status_code == 201, response.content
    return response.json()["data"]


def test_a_code_is_issued_and_answered_with_its_worth(partner, campaign):
    response = partner.issue(campaign.pk, 100, reference_id="order 1")

    code = issued(response)["code"]
    assert re.fullmatch("[0-9]{9}", code)
    expected = {"code": code, "value": "100", "campaign_id": campaign.pk, "reference_id": "order 1"}
    assert response.json() == {"data": expected}
    states = {"state": "available", "redeemed_at": None, "user_auth_id": None}
    assert partner.get(f"/codes/{code}").json() == {"data": expected | states}


def test_codes_of_one_order_each_are_all_different(partner, campaign):
    codes = {issued(partner.issue(campaign.pk))["code"] for _ in range(20)}

    assert len(codes) == 20


@pytest.mark.parametrize("value", [1, "1", "007", HIGHEST, str(HIGHEST)])
@pytest.mark.parametrize("as_text", [False, True])
def test_value_and_campaign_may_be_numbers_or_digits(partner, campaign, value, as_text):
    campaign_id = str(campaign.pk) if as_text else campaign.pk

    assert issued(partner.issue(campaign_id, value))["value"] == str(int(value))


@pytest.mark.parametrize("value", BAD_AMOUNTS, ids=lambda value: repr(value)[:20])
def test_a_value_that_is_no_whole_number_in_range_is_refused(partner, campaign, value):
    assert_refused(partner.issue(campaign.pk, value), 400, "invalid_request", "code.value")
    assert not Code.objects.filter(brand=campaign.brand).exists()


@pytest.mark.parametrize("kind", [CampaignKind.POINTS, CampaignKind.EXTERNAL_REWARDS])
def test_a_value_is_needed_where_codes_are_worth_points(partner, brand, token, kind):
    campaign = make_campaign(brand, token, kind=kind)

    assert_refused(partner.post("/codes", {"code": {"campaign_id": campaign.pk}}), 400, "invalid_request", "code.value")


@pytest.mark.parametrize(
    ("sent", "value"), [({}, "1"), ({"value": None}, "1"), ({"value": 3}, "3"), ({"value": "1000"}, "1000")]
)
def test_in_a_collectible_campaign_the_value_counts_items_and_may_be_left_out(partner, brand, sent, value):
    campaign = make_campaign(brand, make_collectible(brand))

    assert issued(partner.post("/codes", {"code": {"campaign_id": campaign.pk} | sent}))["value"] == value


def test_a_code_for_more_items_than_one_movement_may_give_is_refused(partner, brand):
    campaign = make_campaign(brand, make_collectible(brand))

    assert_refused(partner.issue(campaign.pk, 1_001), 400, "invalid_request", "code.value")


@pytest.mark.parametrize("campaign_id", [0, 999_999_999, "999999999", 2**63, "9" * 30, "9" * 5_000])
def test_an_unknown_campaign_is_told_so(partner, campaign_id):
    response = partner.issue(campaign_id)

    assert_refused(response, 400, "campaign_not_found")
    assert response.json()["detail"] == "Invalid campaign id"
    assert response.json()["errors"][0]["field"] == "code.campaign_id"


@pytest.mark.parametrize("campaign_id", [-1, 1.0, True, None, "", " 1", "abc", "\u0661", []])
def test_a_campaign_id_that_is_no_id_is_refused_naming_it(partner, campaign_id):
    assert_refused(partner.issue(campaign_id), 400, "invalid_request", "code.campaign_id")


@pytest.mark.parametrize("terms", STOPPED.values(), ids=STOPPED)
def test_a_campaign_that_does_not_run_issues_nothing(partner, brand, token, terms):
    campaign = make_campaign(brand, token, **terms)

    assert_refused(partner.issue(campaign.pk), 400, "campaign_not_running")
    assert not Code.objects.filter(brand=brand).exists()


@pytest.mark.parametrize("budget", [{"budget_codes": 2}, {"budget_points": 250}])
def test_a_campaign_issues_up_to_its_budget(partner, brand, token, budget):
    campaign = make_campaign(brand, token, **budget)

    answers = [partner.issue(campaign.pk, 100) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 201, 400]
    assert_refused(answers[2], 400, "campaign_out_of_budget")
    campaign.refresh_from_db()
    assert (campaign.issued_codes, campaign.issued_points) == (2, 200)


@pytest.mark.parametrize("length", [9, 10, 31, 32])
def test_a_code_is_as_long_as_asked_for(partner, campaign, length):
    assert re.fullmatch(f"[0-9]{{{length}}}", issued(partner.issue(campaign.pk, length=length))["code"])


@pytest.mark.parametrize("length", [None, 14])
def test_the_length_counts_prefix_and_check_character_and_is_the_campaign_s_unless_told(partner, brand, token, length):
    alphabet = "23456789ABCDEFGH"
    form = {"code_alphabet": alphabet, "code_length": 12, "code_prefix": "SUN", "code_check": True}
    campaign = make_campaign(brand, token, **form)

    code = issued(partner.issue(campaign.pk, length=length))["code"]

    assert re.fullmatch(f"SUN[{alphabet}]{{{(length or 12) - 3}}}", code)


@pytest.mark.parametrize("length", [8, 1, 0, -1, -(2**70)])
def test_a_length_below_9_is_too_short(partner, campaign, length):
    response = partner.issue(campaign.pk, length=length)

    assert_refused(response, 400, "code_length_too_short")
    assert response.json()["detail"].startswith("Code length too short")
    assert {error["field"] for error in response.json()["errors"]} == {"code.length"}


def test_a_length_that_leaves_too_little_beside_the_prefix_is_too_short(partner, brand, token):
    campaign = make_campaign(brand, token, code_prefix="SUMMER", code_length=12)

    assert_refused(partner.issue(campaign.pk, length=11), 400, "code_length_too_short")
    assert issued(partner.issue(campaign.pk, length=12))["code"].startswith("SUMMER")


@pytest.mark.parametrize("length", [33, 1_000, 2**70, "9", 9.5, True, [], "long"])
def test_a_length_that_can_be_none_is_refused_naming_it(partner, campaign, length):
    assert_refused(partner.issue(campaign.pk, length=length), 400, "invalid_request", "code.length")


@pytest.mark.parametrize("email", ["", "a", "a@", "@b.org", "a b@example.org", "a\n@example.org", "a@b.org,c@d.org", 5, True])
def test_a_bad_email_is_refused_and_no_code_is_made(partner, campaign, email):
    assert_refused(partner.issue(campaign.pk, email=email), 400, "invalid_request", "code.email")
    assert not Code.objects.filter(brand=campaign.brand).exists()


def test_with_an_email_the_code_is_queued_for_it(partner, brand, token):
    campaign = make_campaign(brand, token, name="Summer", email_template="sunny", ends_at=IN_100_YEARS)

    code = issued(partner.issue(campaign.pk, 70, email="ben@example.org", language="de"))["code"]

    mail = Email.objects.get(brand=brand)
    assert (mail.kind, mail.recipient, mail.language, mail.template) == ("code", "ben@example.org", "de", "sunny")
    assert (mail.state, mail.member) == ("queued", None)
    expected = {"code": code, "value": 70, "token": token.name, "campaign": "Summer", "valid_until": "2120-01-01 01:00"}
    assert mail.context == expected


def test_without_an_email_and_where_nothing_is_issued_nobody_is_mailed(partner, brand, token, campaign):
    stopped = make_campaign(brand, token, state=CampaignState.PAUSED)

    partner.issue(campaign.pk)
    partner.issue(campaign.pk, email=None)
    partner.issue(stopped.pk, email="ben@example.org")

    assert not Email.objects.filter(brand=brand).exists()


@pytest.mark.parametrize(
    ("sent", "of_brand", "written"),
    [
        ({}, ["fr", "en"], "Your code"),
        ({"language": None}, ["fr", "en"], "Your code"),
        ({"language": "de"}, ["en", "de"], "Ihr Code"),
        ({"language": "DE"}, ["en", "de"], "Ihr Code"),
        ({"language": "de-CH"}, ["en", "de"], "Ihr Code"),
        ({"language": "it_IT"}, ["en", "it"], "Il Suo codice"),
        ({"language": "ja"}, ["fr", "en"], "Votre code"),
        ({"language": "ja"}, ["ja"], "Your code"),
    ],
)
def test_the_mail_is_in_the_language_asked_for_then_the_brand_s_first_then_english(db, sent, of_brand, written):
    brand = make_brand(languages=of_brand)
    campaign = make_campaign(brand, make_token(brand))

    Partner.of(brand).issue(campaign.pk, email="ben@example.org", **sent)

    assert written.lower() in compose(Email.objects.get(brand=brand)).subject.lower()


@pytest.mark.parametrize("language", ["", "e", "engl", "12", "en-", "-en", "en us", "en-x", "en\n", "x" * 36, 5, True, []])
def test_a_malformed_language_is_refused_naming_it(partner, campaign, language):
    response = partner.issue(campaign.pk, email="ben@example.org", language=language)

    assert_refused(response, 400, "invalid_request", "code.language")


@pytest.mark.parametrize("reference", ["", "x" * 256, 5, True, [], "a\x00b"])
def test_a_malformed_reference_is_refused(partner, campaign, reference):
    assert_refused(partner.issue(campaign.pk, reference_id=reference), 400, "invalid_reference", "code.reference_id")


@pytest.mark.parametrize("reference", ["x", "x" * 255, "ä" * 255, " ", "名前"])
def test_a_reference_of_1_to_255_characters_is_kept_as_sent(partner, campaign, reference):
    code = issued(partner.issue(campaign.pk, reference_id=reference))

    assert code["reference_id"] == reference
    assert partner.get(f"/codes/{code['code']}").json()["data"]["reference_id"] == reference


def test_a_reference_is_used_once_among_codes_whatever_the_body(partner, brand, token, campaign):
    paused = make_campaign(brand, token, state=CampaignState.PAUSED)
    issued(partner.issue(campaign.pk, 100, reference_id="once"))

    for response in (
        partner.issue(campaign.pk, 100, reference_id="once"),
        partner.issue(campaign.pk, 7, reference_id="once", email="ben@example.org"),
        partner.issue(campaign.pk, 100, reference_id="once", length=3),
        partner.issue(paused.pk, 100, reference_id="once"),
    ):
        assert_refused(response, 409, "reference_already_used")
    assert Code.objects.filter(brand=brand).count() == 1
    assert not Email.objects.filter(brand=brand).exists()


def test_a_reference_of_a_transaction_or_of_another_brand_is_free_for_a_code(partner, member, token, campaign, other_brand):
    theirs = make_campaign(other_brand, make_token(other_brand))
    Partner.of(other_brand).issue(theirs.pk, reference_id="same")
    partner.credit(member.auth_id, 1, token.pk, reference_id="same")

    assert issued(partner.issue(campaign.pk, reference_id="same"))["reference_id"] == "same"


def test_a_refused_code_does_not_use_up_its_reference(partner, campaign):
    partner.issue(campaign.pk, length=3, reference_id="kept free")

    assert partner.issue(campaign.pk, reference_id="kept free").status_code == 201


def test_a_replay_comes_before_the_rule_on_references(partner, campaign):
    first = partner.issue(campaign.pk, 5, email="ben@example.org", reference_id="once", key="k")

    again = partner.issue(campaign.pk, 5, email="ben@example.org", reference_id="once", key="k")

    assert (again.status_code, again.content) == (201, first.content)
    assert again["Idempotent-Replayed"] == "true"
    assert_refused(partner.issue(campaign.pk, 5, reference_id="once", key="other"), 409, "reference_already_used")
    assert_refused(partner.issue(campaign.pk, 6, reference_id="once", key="k"), 422, "idempotency_key_reused")
    assert Email.objects.filter(brand=campaign.brand).count() == 1


def test_a_refusal_of_the_business_is_stored_and_one_of_the_shape_is_not(partner, campaign):
    Campaign.objects.filter(pk=campaign.pk).update(state=CampaignState.PAUSED)
    partner.issue(campaign.pk, 0, key="shape")
    first = partner.issue(campaign.pk, key="business")
    Campaign.objects.filter(pk=campaign.pk).update(state=CampaignState.RUNNING)

    again = partner.issue(campaign.pk, key="business")

    assert_refused(first, 400, "campaign_not_running")
    assert again.content == first.content
    assert IdempotentRequest.objects.filter(brand=campaign.brand).count() == 1
    assert partner.issue(campaign.pk, key="shape").status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "code"),
        ({"code": None}, "code"),
        ({"code": {"value": 1}}, "code.campaign_id"),
        ({"code": {"value": 1, "campaign_id": 1, "colour": 1}}, "code.colour"),
        ({"code": {"value": 1, "campaign_id": 1, "code": "123456789"}}, "code.code"),
        ({"code": {"value": 1, "campaign_id": 1}, "more": 1}, "more"),
    ],
)
def test_a_body_of_another_shape_is_refused_naming_the_field(partner, body, field):
    assert_refused(partner.post("/codes", body), 400, "invalid_request", field)


def test_a_redeemed_code_tells_who_and_when(partner, member, campaign):
    code = make_code(campaign)
    instant = partner.redeem(member.auth_id, code).json()["data"]["inserted_at"]

    shown = partner.get(f"/codes/{code}").json()["data"]

    assert (shown["state"], shown["user_auth_id"], shown["redeemed_at"]) == ("redeemed", member.auth_id, instant)


def test_a_revoked_code_is_told_so(partner, campaign):
    code = make_code(campaign)
    revoke_code(brand_id=campaign.brand_id, code=code, at=timezone.now())

    assert partner.get(f"/codes/{code}").json()["data"]["state"] == "revoked"


def test_a_code_has_expired_by_its_own_end_or_by_that_of_its_campaign(partner, brand, token, campaign):
    own = make_code(campaign, expires_at=LONG_AGO)
    over = make_campaign(brand, token)
    of_campaign = make_code(over)
    Campaign.objects.filter(pk=over.pk).update(ends_at=timezone.now())

    assert [partner.get(f"/codes/{code}").json()["data"]["state"] for code in (own, of_campaign)] == ["expired", "expired"]


@pytest.mark.parametrize("typed", ["{}-{}", "{} {}", " {}{} ", "--{}-{}-"])
def test_a_code_is_found_as_it_was_typed(partner, brand, token, typed):
    campaign = make_campaign(brand, token, code_alphabet="ABCDEFGHJKLMNPQ", code_length=12)
    code = make_code(campaign)
    text = typed.format(code[:4], code[4:]).lower()

    response = partner.get(f"/codes/{quote(text, safe='')}")

    assert response.status_code == 200
    assert response.json()["data"]["code"] == code


@pytest.mark.parametrize(
    "code", ["123", "0", "%00", "%ff", "x" * 1_000, "%20", "-", "ÄÖÜ", "1%0A", "'; drop table", "%D9%A1" * 9]
)
def test_an_unknown_code_is_not_found(partner, campaign, code):
    assert_refused(partner.get(f"/codes/{code}"), 404, "code_not_found")


def test_a_code_of_another_brand_is_one_that_does_not_exist(partner, other_brand):
    theirs = make_code(make_campaign(other_brand, make_token(other_brand)))

    assert anonymous(partner.get(f"/codes/{theirs}")) == anonymous(partner.get("/codes/NOBODYSCODE"))


def test_campaigns_are_listed_as_they_stand_now(partner, brand, token):
    running = make_campaign(brand, token, name="Summer", ends_at=IN_100_YEARS)
    for name, terms in STOPPED.items():
        make_campaign(brand, token, name=name, **terms)
    nft = make_campaign(brand, make_collectible(brand))
    miles = make_campaign(brand, token, kind=CampaignKind.EXTERNAL_REWARDS)

    listed = partner.get("/campaigns").json()["data"]

    assert listed[0] == {
        "id": running.pk,
        "name": "Summer",
        "kind": "points",
        "state": "running",
        "token_id": token.pk,
        "starts_at": "2020-01-01T00:00:00Z",
        "ends_at": "2120-01-01T00:00:00Z",
    }
    assert [row["state"] for row in listed[1:6]] == ["draft", "paused", "ended", "ended", "draft"]
    kinds = [(nft.pk, "nft", nft.token_id, None), (miles.pk, "external_rewards", token.pk, None)]
    assert [(row["id"], row["kind"], row["token_id"], row["ends_at"]) for row in listed[6:]] == kinds


def test_a_brand_without_campaigns_has_an_empty_list(partner):
    assert partner.get("/campaigns").json() == {"data": []}

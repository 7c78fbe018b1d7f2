"""Erasure over HTTP: the person goes, the ledger stays."""

import pytest

from ledger.models import Account, Note, Transaction
from ledger.services.proof import prove
from loyalty.api.models import IdempotentRequest
from rewards.models import CampaignUse, Code, CodeTries, Collectible, GiftOrder, Reward
from tests.api.conftest import assert_refused, tries_of
from tests.api.programme import make_campaign, make_collectible, make_reward_type
from tests.clients import Partner
from tests.conftest import make_member, make_token
from users.models import Email, Member, Membership

PERSON = {
    "email": "anna.example@example.org",
    "auth_id": "anna-auth-id",
    "first_name": "Annabella",
    "second_name": "Exemplaria",
    "language": "it",
    "country_ISO": "ita",
    "metadata": {"shoe": "size-46-of-anna"},
}
TRACES = [
    *("anna.example", "anna-auth-id", "Annabella", "Exemplaria", "size-46-of-anna", "100200300400", "because anna"),
    *("anna and ben", "anna is too long"),
]


def make_anna(partner, token) -> dict:
    """Someone with points, a membership and a reason for a reversal."""
    user = partner.post("/users", {"user": PERSON}, **{"Idempotency-Key": "anna"}).json()["data"]
    membership = {"membership": {"brand_id": "etihad", "membership_number": "100200300400"}}
    partner.post("/users/anna-auth-id/memberships", membership, **{"Idempotency-Key": "etihad"})
    credit = partner.credit("anna-auth-id", 100, token.pk, key="credit", send_email=True, reference_id="order").json()["data"]
    partner.debit("anna-auth-id", 30, token.pk)
    partner.post(f"/transactions/{credit['id']}/reversal", {"reversal": {"amount": 10, "reason": "because anna"}})
    return user


def spoil(partner, token) -> dict[str, str]:
    """The names of what she got: a code she redeemed, a reward, an item with a wish that was rejected."""
    brand = partner.brand
    campaign, collectible = make_campaign(brand, token, member_limit=5), make_collectible(brand)
    reward_type = make_reward_type(brand, token, price=10)
    code = partner.issue(campaign.pk, 50, email=PERSON["email"], key="code").json()["data"]["code"]
    partner.redeem("anna-auth-id", code, key="redeem")
    partner.redeem("anna-auth-id", "WRONGCODE", key="guess")
    reward = partner.buy("anna-auth-id", reward_type, key="buy").json()["data"]["code"]
    partner.order("credit_nft", "anna-auth-id", token_id=collectible.pk)
    item = partner.get("/nfts?user_auth_id=anna-auth-id").json()["data"][0]["user_nft_id"]
    partner.keyed(f"/nfts/{item}/personalisation", {"personalisation": {"data": {"text": "anna and ben"}}}, "wish")
    decision = {"user_nft_id": item, "status": "rejected", "reason": "anna is too long"}
    assert partner.keyed("/nfts", {"userNFT": decision}, "decision").status_code == 200
    return {"code": code, "reward": reward, "item": item}


@pytest.fixture
def anna(partner, token) -> dict:
    return make_anna(partner, token)


@pytest.fixture
def kept(partner, token, anna) -> dict[str, str]:
    return spoil(partner, token)


def erase(partner, auth_id="anna-auth-id"):
    return partner.call("DELETE", f"/users/{auth_id}")


def test_erasing_answers_204_once(partner, anna):
    response = erase(partner)

    assert (response.status_code, response.content) == (204, b"")
    assert_refused(erase(partner), 404, "user_not_found")


@pytest.mark.parametrize("path", ["", "/balances", "/memberships", "/memberships/etihad"])
def test_an_erased_user_is_not_found(partner, anna, path):
    erase(partner)

    assert_refused(partner.get(f"/users/anna-auth-id{path}"), 404, "user_not_found")


def test_nothing_moves_for_an_erased_user(partner, token, anna):
    erase(partner)

    assert_refused(partner.credit("anna-auth-id", 1, token.pk), 400, "user_not_found")
    assert_refused(partner.debit("anna-auth-id", 1, token.pk), 400, "user_not_found")


def test_an_erased_user_is_listed_no_more(partner, anna):
    erase(partner)

    assert partner.get("/users").json()["data"]["total_count"] == 0
    assert partner.get("/users?email_like=anna").json()["data"]["users"] == []
    assert partner.get("/transactions?user_auth_id=anna-auth-id").json()["data"]["transactions"] == []


def test_the_ledger_keeps_its_rows_with_a_user_of_null(partner, anna):
    before = partner.get("/transactions").json()["data"]["transactions"]

    erase(partner)

    after = partner.get("/transactions").json()["data"]["transactions"]
    kept = after[-len(before) :]
    assert kept == [row | {"user": None} for row in before]
    assert all(row["user"] is None for row in after)
    assert partner.get(f"/transactions/{before[0]['id']}").json()["data"]["user"] is None


def test_what_is_left_on_the_accounts_lapses_and_they_are_closed(partner, token, anna):
    erase(partner)

    account = Account.objects.get(brand=partner.brand, token=token)
    assert account.balance == 0
    assert account.closed_at is not None
    closure = Transaction.objects.filter(account=account).latest("sequence")
    assert (closure.type, closure.amount) == ("closure", -60)


def test_no_trace_of_the_person_stays(partner, anna, kept):
    from django.db import connection

    erase(partner)

    tables = [Member, Membership, Email, Note, Transaction, Account, IdempotentRequest]
    tables += [Code, CodeTries, CampaignUse, Reward, GiftOrder, Collectible]
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'SELECT row.*::text FROM "{table._meta.db_table}" AS row WHERE brand_id = %s', [partner.brand.pk])
            rows = [text for (text,) in cursor.fetchall()]
            hexed = [trace.encode().hex() for trace in TRACES]
            assert not [(table, trace) for trace in TRACES + hexed for row in rows if trace in row]


def test_what_she_redeemed_stays_redeemed_by_nobody(partner, kept):
    before = partner.get(f"/codes/{kept['code']}").json()["data"]
    assert (before["state"], before["user_auth_id"]) == ("redeemed", "anna-auth-id")

    erase(partner)

    assert partner.get(f"/codes/{kept['code']}").json()["data"] == before | {"user_auth_id": None}
    other = make_member(partner.brand)
    assert_refused(partner.redeem(other.auth_id, kept["code"]), 400, "invalid_code")


def test_her_rewards_stay_rewards_of_nobody_and_can_be_used(partner, kept):
    before = partner.get(f"/rewards/{kept['reward']}").json()
    assert before["user_id"] == "anna-auth-id"

    erase(partner)

    assert partner.get(f"/rewards/{kept['reward']}").json() == before | {"user_id": None}
    assert partner.call("PUT", f"/rewards/{kept['reward']}").json()["used"] is True


def test_her_items_are_gone(partner, kept):
    erase(partner)

    for query in ("", "?user_auth_id=anna-auth-id", "?status=rejected"):
        assert partner.get(f"/nfts{query}").json() == {"data": []}
    wish = {"personalisation": {"data": {"text": "mine"}}}
    assert_refused(partner.post(f"/nfts/{kept['item']}/personalisation", wish), 404, "nft_not_found")
    decision = {"userNFT": {"user_nft_id": kept["item"], "status": "approved"}}
    assert_refused(partner.post("/nfts", decision), 404, "nft_not_found")
    item = Collectible.objects.get(pk=kept["item"])
    assert (item.member, item.status, item.personalised_data, item.reason) == (None, None, None, "")


def test_what_was_counted_of_her_is_forgotten(partner, kept):
    member = Member.objects.get(brand=partner.brand)
    assert tries_of(member) == 1
    assert CampaignUse.objects.filter(member=member).exists()

    erase(partner)

    assert tries_of(member) == 0
    assert not CampaignUse.objects.filter(member=member).exists()


def test_the_proof_holds_after_it(own_brand):
    partner, token = Partner.of(own_brand), make_token(own_brand)
    make_anna(partner, token)
    spoil(partner, token)

    assert erase(partner).status_code == 204

    assert prove(brand_id=own_brand.pk).holds


@pytest.mark.parametrize("key", ["redeem", "buy", "wish", "decision"])
def test_what_was_answered_about_her_is_answered_no_more(partner, kept, key):
    path = {"wish": f"/nfts/{kept['item']}/personalisation", "decision": "/nfts"}.get(key, "/transactions")

    erase(partner)

    assert_refused(partner.keyed(path, {}, key), 410, "answer_erased")


def test_the_auth_id_is_free_for_a_new_empty_user(partner, token, anna):
    erase(partner)

    response = partner.post("/users", {"user": {"email": "new@example.org", "auth_id": "anna-auth-id"}})

    assert response.status_code == 201
    user = response.json()["data"]
    assert user["id"] != anna["id"]
    assert user["first_name"] is None
    assert user["metadata"] is None
    assert partner.get("/users/anna-auth-id/balances").json()["data"][0]["balance"] == 0
    assert partner.get("/users/anna-auth-id/memberships").json() == {"data": []}
    assert partner.get("/transactions?user_auth_id=anna-auth-id").json()["data"]["total_tx_count"] == 0
    assert partner.credit("anna-auth-id", 5, token.pk).status_code == 202
    assert partner.get("/transactions?user_auth_id=anna-auth-id").json()["data"]["total_tx_count"] == 1


def test_a_transaction_of_an_erased_user_cannot_be_reversed(partner, anna):
    credit = partner.get("/transactions?types=credit_points").json()["data"]["transactions"][0]
    erase(partner)

    response = partner.post(f"/transactions/{credit['id']}/reversal", {"reversal": {"amount": 1}})

    assert response.status_code == 400
    assert response.json()["code"] in {"not_reversible", "account_closed", "insufficient_balance"}


def test_references_of_an_erased_user_stay_used(partner, token, anna):
    erase(partner)
    other = make_member(partner.brand)

    assert_refused(partner.credit(other.auth_id, 1, token.pk, reference_id="order"), 409, "reference_already_used")


def test_a_membership_that_named_the_erased_user_here_is_forgotten(partner, brand, anna):
    partner.post("/users/anna-auth-id/memberships", {"membership": {"brand_id": brand.pk, "membership_number": "anna-auth-id"}})

    erase(partner)

    assert not Membership.objects.filter(number="anna-auth-id").exists()


def test_erasing_one_user_leaves_the_others(partner, token, anna):
    other = make_member(partner.brand)
    partner.credit(other.auth_id, 7, token.pk)

    erase(partner)

    assert partner.get(f"/users/{other.auth_id}").json()["data"]["email"] == other.email
    assert partner.get(f"/users/{other.auth_id}/balances").json()["data"][0]["balance"] == 7


def test_a_user_of_several_tokens_is_erased_on_all(partner, token, anna):
    second = make_token(partner.brand, name="Stars")
    partner.credit("anna-auth-id", 9, second.pk)

    erase(partner)

    accounts = Account.objects.filter(brand=partner.brand)
    assert [(account.balance, account.closed_at is not None) for account in accounts] == [(0, True), (0, True)]


def test_a_user_of_another_brand_with_the_same_auth_id_stays(partner, anna, other_brand):
    other = Partner.of(other_brand)
    other.post("/users", {"user": PERSON})

    erase(partner)

    assert other.get("/users/anna-auth-id").json()["data"]["first_name"] == "Annabella"

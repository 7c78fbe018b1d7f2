"""Points into miles by the Partner API: what is accepted, what is refused, and that a refusal moves nothing."""

from decimal import Decimal

import pytest

from exchange.models import ExchangeOrder, Partnership
from exchange.services.partnerships import cancel_partnership
from ledger.models import Transaction
from rewards.models import CampaignKind
from tests.api.conftest import assert_refused
from tests.api.programme import make_campaign, make_code
from tests.clients import Partner
from tests.conftest import NOON, make_brand, make_member, make_token
from tests.exchange.world import NUMBER, drive, make_brands_partnership, make_partnership, make_provider

ETIHAD = {"exchange_provider_implementation_name": "etihad"}


@pytest.fixture
def provider(brand, token):
    made = make_provider(brand)
    make_partnership(made, token, minimum=10, maximum=1_000)
    return made


@pytest.fixture
def rich(partner, member, token):
    partner.credit(member.auth_id, 5_000, token.pk)
    return member


def to_miles(partner, member, token, amount=100, **fields):
    """The older form."""
    fields = {"membership_number_override": NUMBER, "amount": amount, "token_id": token.pk} | ETIHAD | fields
    return partner.order("points_to_external_rewards", fields.pop("user_auth_id", member.auth_id), **fields)


def exchange(partner, member, token, token_b_id, amount=100, **fields):
    """The newer form."""
    fields = {"brandA_token_id": token.pk, "brandB_token_id": token_b_id, "brandB_membership_number": NUMBER} | fields
    return partner.order("exchange", member.auth_id, amount=amount, **fields)


def balance(partner, member) -> int:
    return partner.get(f"/users/{member.auth_id}/balances").json()["data"][0]["balance"]


def test_both_forms_take_the_points_and_are_pending(partner, rich, token, provider):
    older, newer = to_miles(partner, rich, token), exchange(partner, rich, token, provider.token_id)

    for answer, type_ in ((older, "points_to_external_rewards"), (newer, "exchange")):
        data = answer.json()["data"]
        assert answer.status_code == 202
        assert (data["loyalty_event_type"], data["status"]) == (type_, "pending")
        assert (data["points_burned"], data["points_credited"], data["amount_received"]) == ("100", None, "1000")
        assert data["token"]["id"] == token.pk
        assert partner.get(f"/transactions/{data['id']}").json()["data"] == data
    assert balance(partner, rich) == 4_800
    assert ExchangeOrder.objects.filter(brand=rich.brand, state="accepted").count() == 2


def test_the_stored_number_is_used_and_an_override_holds_for_one_request_only(partner, rich, token, provider):
    partner.post(f"/users/{rich.auth_id}/memberships", {"membership": {"brand_id": "etihad", "membership_number": NUMBER}})

    to_miles(partner, rich, token, membership_number_override=None)
    to_miles(partner, rich, token, membership_number_override="9999 9999-9999")
    to_miles(partner, rich, token, membership_number_override=None)

    numbers = ExchangeOrder.objects.filter(brand=rich.brand).order_by("pk").values_list("membership_number", flat=True)
    assert list(numbers) == [NUMBER, "999999999999", NUMBER]


@pytest.mark.parametrize(
    ("rate", "received"), [("0.125", "12"), (0.125, "12"), (7, "700"), ("7.00000001", "700"), ("1E+1", "1000")]
)
@pytest.mark.usefixtures("provider")
def test_a_rate_that_is_sent_holds_and_is_pinned(partner, rich, token, rate, received):
    answer = to_miles(partner, rich, token, exchange_rate_override=rate)
    to_miles(partner, rich, token)

    assert answer.json()["data"]["amount_received"] == received
    pinned, usual = ExchangeOrder.objects.filter(brand=rich.brand).order_by("pk")
    assert (pinned.rate.value, usual.rate.value) == (Decimal(str(rate)), Decimal(10))
    assert pinned.received + pinned.remainder == 100 * pinned.rate.numerator


def test_without_an_agreed_rate_the_tokens_rates_hold(partner, rich, token, provider):
    Partnership.objects.filter(brand=rich.brand).update(rate=None)
    assert_refused(to_miles(partner, rich, token), 400, "invalid_exchange_rate")
    type(token).objects.filter(pk=token.pk).update(offramp=Decimal("0.01"))
    type(token).objects.filter(pk=provider.token_id).update(onramp=Decimal("0.03"))

    assert to_miles(partner, rich, token).json()["data"]["amount_received"] == "33"


@pytest.mark.parametrize(
    "wrong",
    [
        ({"amount": 9}, "amount_out_of_range", None),
        ({"amount": 1_001}, "amount_out_of_range", None),
        ({"amount": 0}, "invalid_amount", "transaction.amount"),
        ({"exchange_rate_override": "0.009"}, "amount_too_small", None),
        ({"exchange_rate_override": 0}, "invalid_exchange_rate", "transaction.exchange_rate_override"),
        ({"exchange_rate_override": "-1"}, "invalid_exchange_rate", "transaction.exchange_rate_override"),
        ({"exchange_rate_override": "NaN"}, "invalid_exchange_rate", "transaction.exchange_rate_override"),
        ({"exchange_rate_override": "1e999999"}, "invalid_exchange_rate", "transaction.exchange_rate_override"),
        ({"exchange_rate_override": "ten"}, "invalid_exchange_rate", "transaction.exchange_rate_override"),
        ({"exchange_rate_override": "0.000000001"}, "invalid_exchange_rate", "transaction.exchange_rate_override"),
        ({"membership_number_override": "12"}, "invalid_membership_number", "transaction.membership_number_override"),
        ({"membership_number_override": None}, "invalid_membership_number", "transaction.membership_number_override"),
        ({"exchange_provider_implementation_name": "nobody"}, "invalid_exchange_provider", None),
        ({"exchange_provider_implementation_name": "a\x00b"}, "invalid_request", None),
        ({"exchange_provider_implementation_name": "alaska"}, "exchange_not_allowed", None),
        ({"token_id": 999_999_999}, "token_not_found", None),
        ({"user_auth_id": "nobody"}, "user_not_found", None),
        ({"more": 1}, "invalid_request", "transaction.more"),
    ],
)
@pytest.mark.usefixtures("provider")
def test_what_is_wrong_is_named_and_moves_nothing(partner, rich, token, wrong):
    fields, code, field = wrong
    make_provider(rich.brand, name="alaska")

    assert_refused(to_miles(partner, rich, token, **fields), 400, code, field)

    assert balance(partner, rich) == 5_000
    assert not ExchangeOrder.objects.filter(brand=rich.brand).exists()


def test_more_than_one_has_is_refused(partner, member, token, provider):
    partner.credit(member.auth_id, 50, token.pk)

    assert_refused(to_miles(partner, member, token), 400, "insufficient_balance")
    assert not ExchangeOrder.objects.filter(brand=member.brand).exists()


def test_a_partnership_that_was_cancelled_takes_no_more_and_finishes_what_it_took(partner, rich, token, provider):
    to_miles(partner, rich, token)
    partnership = Partnership.objects.get(brand=rich.brand)

    cancel_partnership(brand_id=rich.brand_id, partnership_id=partnership.pk, actor="test", reason="over", at=NOON)

    assert_refused(to_miles(partner, rich, token), 400, "exchange_not_allowed")
    assert_refused(exchange(partner, rich, token, provider.token_id), 400, "exchange_not_allowed")
    assert partner.get("/token-exchange-whitelist").json() == {"data": []}
    assert ExchangeOrder.objects.get(brand=rich.brand).state == "accepted"


def test_the_same_key_orders_once_and_the_same_reference_is_refused(partner, rich, token, provider):
    first = to_miles(partner, rich, token, key="a", reference_id="r1")
    again = to_miles(partner, rich, token, key="a", reference_id="r1")
    other = to_miles(partner, rich, token, reference_id="r1")

    assert first.content == again.content
    assert_refused(other, 409, "reference_already_used")
    assert ExchangeOrder.objects.filter(brand=rich.brand).count() == 1


def test_points_go_to_a_member_of_another_brand_that_agreed(partner, rich, token):
    theirs = make_brand()
    token_b, friend = make_token(theirs), make_member(theirs)
    number = {"brandB_membership_number": friend.auth_id}
    assert_refused(exchange(partner, rich, token, token_b.pk, **number), 400, "exchange_not_allowed")
    make_brands_partnership(token, token_b)

    answer = exchange(partner, rich, token, token_b.pk, 101, **number)
    drive()

    assert answer.json()["data"]["amount_received"] == "50"
    assert partner.get(f"/transactions/{answer.json()['data']['id']}").json()["data"]["status"] == "success"
    arrived = Transaction.objects.get(brand=theirs)
    assert (arrived.account.member, arrived.amount, arrived.type) == (friend, 50, "exchange")
    stranger = exchange(partner, rich, token, token_b.pk, brandB_membership_number="nobody")
    assert_refused(stranger, 400, "invalid_membership_number", "transaction.brandB_membership_number")


def test_a_membership_at_a_brand_that_takes_the_points_is_stored_and_used(partner, rich, token):
    theirs = make_brand()
    token_b, friend = make_token(theirs), make_member(theirs)
    path = f"/users/{rich.auth_id}/memberships"
    body = {"membership": {"brand_id": theirs.pk, "membership_number": friend.auth_id}}
    assert_refused(partner.post(path, body), 400, "invalid_exchange_provider")
    make_brands_partnership(token, token_b)

    assert partner.post(path, body).status_code == 201
    wrong = {"membership": body["membership"] | {"membership_number": "nobody"}}
    assert_refused(partner.post(path, wrong), 400, "invalid_membership_number", "membership.membership_number")
    answer = exchange(partner, rich, token, token_b.pk, brandB_membership_number=None)

    assert answer.status_code == 202
    assert ExchangeOrder.objects.get(brand=rich.brand).membership_number == friend.auth_id


def test_a_code_of_a_miles_campaign_is_exchanged_once_whatever_the_minimum(partner, brand, rich, token, provider):
    code = make_code(make_campaign(brand, token, kind=CampaignKind.EXTERNAL_REWARDS), value=5)

    answer = partner.redeem(rich.auth_id, code, "code_to_external_rewards", membership_number_override=NUMBER, **ETIHAD)
    again = partner.redeem(rich.auth_id, code, "code_to_external_rewards", membership_number_override=NUMBER, **ETIHAD)

    data = answer.json()["data"]
    assert (answer.status_code, data["status"], data["code"]) == (202, "pending", code)
    assert (data["points_burned"], data["amount_received"]) == ("5", "50")
    assert_refused(again, 400, "code_already_redeemed")
    assert balance(partner, rich) == 5_000
    assert ExchangeOrder.objects.filter(brand=brand).count() == 1


def test_a_code_whose_exchange_is_refused_stays_unused(own_brand):
    partner, token, member = Partner.of(own_brand), make_token(own_brand), make_member(own_brand)
    make_partnership(make_provider(own_brand), token)
    code = make_code(make_campaign(own_brand, token, kind=CampaignKind.EXTERNAL_REWARDS), value=5)

    refused = partner.redeem(member.auth_id, code, "code_to_external_rewards", **ETIHAD)

    assert_refused(refused, 400, "invalid_membership_number", "transaction.membership_number_override")
    assert partner.get(f"/codes/{code}").json()["data"]["state"] == "available"
    assert balance(partner, member) == 0


def test_lists_tell_pending_failed_and_successful_ones_apart(partner, rich, token, provider):
    orders = [to_miles(partner, rich, token, amount).json()["data"]["id"] for amount in (10, 20, 30)]
    ExchangeOrder.objects.filter(transaction=orders[1]).update(state="submitted")
    ExchangeOrder.objects.filter(transaction=orders[1]).update(state="settled", ended_at=NOON)
    ExchangeOrder.objects.filter(transaction=orders[2]).update(state="refused", ended_at=NOON, refusal_code="x")

    def listed(status: str) -> list[str]:
        page = partner.get(f"/transactions?status={status}&types=points_to_external_rewards").json()["data"]
        assert page["total_tx_count"] == len(page["transactions"])
        assert {row["status"] for row in page["transactions"]} <= {status}
        return [row["id"] for row in page["transactions"]]

    assert listed("pending") == [orders[0]]
    assert listed("success") == [orders[1]]
    assert listed("failed") == [orders[2]]
    assert listed("reversed") == []


def test_an_exchange_is_undone_by_its_partner_alone(partner, rich, token, provider):
    order = to_miles(partner, rich, token).json()["data"]

    assert_refused(partner.post(f"/transactions/{order['id']}/reversal", {"reversal": {}}), 400, "not_reversible")


def test_the_whitelist_tells_both_tokens_rate_and_range(partner, brand, token, provider):
    (row,) = partner.get("/token-exchange-whitelist").json()["data"]

    assert (row["token_a"]["id"], row["token_b"]["id"], row["token_b"]["type"]) == (token.pk, provider.token_id, "miles")
    assert (row["rate"], row["minimum"], row["maximum"]) == ("10", 10, 1_000)
    assert row["exchange_provider_implementation_name"] == "etihad"
    assert row["brand"] == {"id": brand.pk, "name": brand.name}

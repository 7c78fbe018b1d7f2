"""Rewards over HTTP: bought for points, read, used once; and what there is to buy."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from ledger.models import Transaction
from ledger.models.tokens import TokenStatus, TokenType
from rewards.models import Category, Fulfilment, GiftOrder, Location, Reward, RewardType, RewardTypeLocation
from rewards.rules.gift_orders import GiftOrderStatus
from rewards.services.gift_orders import move_gift_order
from tests.api.conftest import anonymous, assert_refused, at_once
from tests.api.programme import IN_100_YEARS, LONG_AGO, make_pool, make_reward_type
from tests.api.test_transactions import BAD_AMOUNTS, FIELDS, balance
from tests.clients import Partner
from tests.conftest import make_member, make_token
from users.models import Email

REWARD_FIELDS = {"code", "used", "used_at", "user_id", "reward_type", "transaction"}
TYPE_FIELDS = {"id", "name", "value", "website", "valid_until", "locations"}
UNAVAILABLE = {"not offered": {"active": False}, "over": {"valid_until": LONG_AGO}, "not begun": {"valid_from": IN_100_YEARS}}


@pytest.fixture
def buyer(partner, member, token):
    """A member with points for three coupons."""
    partner.credit(member.auth_id, 350, token.pk)
    return member


@pytest.fixture
def coupon(brand, token) -> RewardType:
    return make_reward_type(brand, token)


def bought(response) -> dict:
    assert response.status_code == 202, response.content
    return response.json()["data"]


def use(partner, code, body=None, method="PUT", **headers):
    return partner.call(method, f"/rewards/{code}", body, **headers)


def test_a_reward_is_bought_for_its_price_and_the_answer_names_it(partner, buyer, token, coupon):
    transaction = bought(partner.buy(buyer.auth_id, coupon, reference_id="wish 1"))

    assert set(transaction) == FIELDS
    reward = Reward.objects.get(brand=coupon.brand)
    expected = {
        "loyalty_event_type": "points_to_rewards",
        "status": "success",
        "points_burned": "100",
        "points_credited": None,
        "amount_received": None,
        "reward_id": reward.pk,
        "code": reward.code,
        "user": {"auth_id": buyer.auth_id, "email": buyer.email},
        "reference_id": "wish 1",
    }
    assert {name: transaction[name] for name in expected} == expected
    assert partner.get(f"/transactions/{transaction['id']}").json()["data"] == transaction
    assert partner.get("/transactions?types=points_to_rewards").json()["data"]["transactions"] == [transaction]
    assert balance(buyer, token) == 250


@pytest.mark.parametrize("spelled", [str, int])
def test_amount_and_ids_may_be_numbers_or_digits(partner, buyer, coupon, spelled):
    fields = {"amount": spelled(100), "token_id": spelled(coupon.token_id), "reward_type_id": spelled(coupon.pk)}

    assert bought(partner.buy(buyer.auth_id, coupon, **fields))["points_burned"] == "100"


@pytest.mark.parametrize("amount", [1, 99, "101", 9_999_999_999_999])
def test_an_amount_that_is_not_the_price_is_refused_and_tells_the_price(partner, buyer, token, coupon, amount):
    response = partner.buy(buyer.auth_id, coupon, amount=amount)

    assert_refused(response, 400, "invalid_amount", "transaction.amount")
    assert "100" in response.json()["detail"]
    assert balance(buyer, token) == 350


@pytest.mark.parametrize("amount", BAD_AMOUNTS, ids=lambda value: repr(value)[:20])
def test_an_amount_that_is_no_whole_number_in_range_is_refused(partner, buyer, coupon, amount):
    assert_refused(partner.buy(buyer.auth_id, coupon, amount=amount), 400, "invalid_amount", "transaction.amount")


def test_without_the_points_there_is_no_reward(partner, member, token, coupon):
    partner.credit(member.auth_id, 99, token.pk)

    response = partner.buy(member.auth_id, coupon)

    assert_refused(response, 400, "insufficient_balance")
    assert response.json()["detail"] == "Insufficient balance"
    assert not Reward.objects.filter(brand=coupon.brand).exists()


@pytest.mark.parametrize("auth_id", ["nobody", "", "x" * 5_000])
def test_an_unknown_user_is_a_400(partner, coupon, auth_id):
    assert_refused(partner.buy(auth_id, coupon), 400, "user_not_found")


@pytest.mark.parametrize("reward_type_id", [0, 999_999_999, "999999999", 2**63, "9" * 30])
def test_an_unknown_reward_type_is_a_400(partner, buyer, coupon, reward_type_id):
    assert_refused(partner.buy(buyer.auth_id, coupon, reward_type_id=reward_type_id), 400, "reward_type_not_found")


@pytest.mark.parametrize("field", ["reward_type_id", "token_id"])
@pytest.mark.parametrize("value", [-1, 1.0, True, None, "", "abc", "\u0661", []])
def test_an_id_that_is_none_is_refused_naming_it(partner, buyer, coupon, field, value):
    assert_refused(partner.buy(buyer.auth_id, coupon, **{field: value}), 400, "invalid_request", f"transaction.{field}")


@pytest.mark.parametrize("terms", [{}, {"type": TokenType.MILES}, {"status": TokenStatus.INACTIVE}, {"type": TokenType.ERC721}])
def test_another_token_than_the_one_it_is_paid_with_is_not_found(partner, brand, buyer, coupon, terms):
    other = make_token(brand, **terms)
    partner.credit(buyer.auth_id, 100, other.pk)

    for token_id in (other.pk, 999_999_999):
        assert_refused(partner.buy(buyer.auth_id, coupon, token_id=token_id), 400, "token_not_found")


@pytest.mark.parametrize("terms", UNAVAILABLE.values(), ids=UNAVAILABLE)
def test_what_is_not_on_offer_now_cannot_be_bought(partner, brand, buyer, token, terms):
    assert_refused(partner.buy(buyer.auth_id, make_reward_type(brand, token, **terms)), 400, "reward_type_not_available")
    assert balance(buyer, token) == 350


@pytest.mark.parametrize("field", ["user_auth_id", "amount", "token_id", "reward_type_id"])
def test_a_missing_field_is_named(partner, buyer, coupon, field):
    order = {"type": "points_to_rewards", "user_auth_id": buyer.auth_id, "amount": 100, "token_id": 1, "reward_type_id": 1}
    del order[field]

    response = partner.post("/transactions", {"transaction": order})

    assert_refused(response, 400, "invalid_amount" if field == "amount" else "invalid_request", f"transaction.{field}")


def test_only_what_is_in_stock_is_sold_and_in_the_order_of_the_pool(partner, brand, buyer, token):
    scarce = make_pool(brand, token, ["B-2", "A-1"], price=10)

    codes = [bought(partner.buy(buyer.auth_id, scarce))["code"] for _ in range(2)]

    assert codes == ["B-2", "A-1"]
    assert_refused(partner.buy(buyer.auth_id, scarce), 400, "out_of_stock")
    assert balance(buyer, token) == 330


def test_one_member_gets_no_more_than_one_may(partner, brand, buyer, token):
    other = make_member(brand)
    partner.credit(other.auth_id, 10, token.pk)
    limited = make_reward_type(brand, token, price=10, member_limit=1)

    bought(partner.buy(buyer.auth_id, limited))

    assert_refused(partner.buy(buyer.auth_id, limited), 400, "reward_limit_reached")
    assert partner.buy(other.auth_id, limited).status_code == 202


def test_a_reference_is_used_once_and_the_points_and_the_stock_stay(own_brand):
    partner, member, token = Partner.of(own_brand), make_member(own_brand), make_token(own_brand)
    scarce = make_pool(own_brand, token, ["ONLY"], price=10)
    credit = partner.credit(member.auth_id, 100, token.pk, reference_id="once").json()["data"]

    response = partner.buy(member.auth_id, scarce, reference_id="once")

    assert_refused(response, 409, "reference_already_used")
    assert response.json()["transaction_id"] == credit["id"]
    assert (balance(member, token), partner.get("/reward_types").json()["data"][0]["stock"]) == (100, 1)


def test_the_same_request_again_buys_nothing_more(partner, buyer, token, coupon):
    first = partner.buy(buyer.auth_id, coupon, key="k")

    again = partner.buy(buyer.auth_id, coupon, key="k")

    assert (again.status_code, again.content, again["Idempotent-Replayed"]) == (202, first.content, "true")
    assert_refused(partner.buy(buyer.auth_id, coupon, key="k", amount=101), 422, "idempotency_key_reused")
    assert (balance(buyer, token), Reward.objects.filter(brand=buyer.brand).count()) == (250, 1)


def test_the_last_of_a_stock_goes_to_one_of_many_who_buy_at_once(own_brand):
    partner, token, members = Partner.of(own_brand), make_token(own_brand), [make_member(own_brand) for _ in range(8)]
    for member in members:
        partner.credit(member.auth_id, 10, token.pk)
    scarce = make_pool(own_brand, token, ["ONLY"], price=10)

    answers = at_once(lambda member: Partner(partner.key).buy(member.auth_id, scarce), members)

    assert sorted(answer.json().get("code", "bought") for answer in answers) == ["bought", *["out_of_stock"] * 7]
    assert sum(balance(member, token) for member in members) == 70


def test_the_code_is_mailed_to_the_member_unless_the_reward_type_says_otherwise(partner, brand, buyer, token, coupon):
    silent = make_reward_type(brand, token, sends_email=False)
    partner.buy(buyer.auth_id, silent)

    code = bought(partner.buy(buyer.auth_id, coupon))["code"]

    mail = Email.objects.get(brand=brand)
    assert (mail.kind, mail.recipient, mail.context["code"], mail.context["points"]) == ("reward", buyer.email, code, 100)


def test_a_reward_tells_all_about_itself(partner, brand, buyer, token):
    place = {"street": "Falkenstrasse", "city": "Zurich", "country": "Switzerland", "zip": "8008", "geolocation": "47.3,8.5"}
    location = Location.objects.create(brand=brand, **place)
    terms = {"website": "https://www.example.org/", "valid_until": datetime(2120, 1, 1, tzinfo=UTC), "name": "20 EUR"}
    reward_type = make_reward_type(brand, token, **terms)
    RewardTypeLocation.objects.create(brand=brand, reward_type=reward_type, location=location)
    paid = bought(partner.buy(buyer.auth_id, reward_type))

    reward = partner.get(f"/rewards/{paid['code']}").json()

    row = Transaction.objects.get(pk=paid["id"])
    assert reward == {
        "code": paid["code"],
        "used": False,
        "used_at": None,
        "user_id": buyer.auth_id,
        "reward_type": {
            "id": reward_type.pk,
            "name": "20 EUR",
            "value": "100",
            "website": "https://www.example.org/",
            "valid_until": "4733510400",
            "locations": [{"id": str(location.pk)} | place],
        },
        "transaction": {
            "id": paid["id"],
            "loyalty_event_type": "points_to_rewards",
            "tx_hash": paid["tx_hash"],
            "points_burned": "100",
            "token": paid["token"],
            "status": "success",
            "reward_id": paid["reward_id"],
            "inserted_at": str(int(row.recorded_at.timestamp())),
        },
    }


def test_a_reward_that_nobody_has_has_no_user_and_no_transaction(partner, brand, token):
    make_pool(brand, token, ["FREE-1"])

    reward = partner.get("/rewards/FREE-1").json()

    assert set(reward) == REWARD_FIELDS
    assert (reward["user_id"], reward["transaction"], reward["used"]) == (None, None, False)
    assert set(reward["reward_type"]) == TYPE_FIELDS
    assert [reward["reward_type"][name] for name in ("website", "valid_until", "locations")] == [None, None, []]


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
@pytest.mark.parametrize("code", ["nothing", "0", "x" * 1_000, "%00", "%ff", "FREE-1%20", "free-1", "%D9%A1"])
def test_an_unknown_reward_is_not_found(partner, brand, token, method, code):
    make_pool(brand, token, ["FREE-1"])

    assert_refused(partner.call(method, f"/rewards/{code}"), 404, "reward_not_found")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
def test_a_reward_of_another_brand_is_one_that_does_not_exist(partner, other_brand, method):
    make_pool(other_brand, make_token(other_brand), ["THEIRS"])

    assert anonymous(partner.call(method, "/rewards/THEIRS")) == anonymous(partner.call(method, "/rewards/NOBODYS"))
    assert not Reward.objects.filter(brand=other_brand, used_at__isnull=False).exists()


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("raw", [b"", b"{}", b'{"used": true}', b' {"used":true}\n'])
def test_a_reward_is_used_once_and_the_body_may_be_empty(partner, buyer, coupon, method, raw):
    code = bought(partner.buy(buyer.auth_id, coupon))["code"]
    before = partner.get(f"/rewards/{code}").json()

    response = partner.call(method, f"/rewards/{code}", raw=raw)
    again = partner.call(method, f"/rewards/{code}", raw=raw)

    assert response.status_code == 200
    reward = response.json()
    assert reward == before | {"used": True, "used_at": reward["used_at"]}
    assert abs(datetime.fromisoformat(reward["used_at"]) - timezone.now()) < timedelta(minutes=1)
    assert_refused(again, 409, "reward_already_used")
    assert partner.get(f"/rewards/{code}").json() == reward


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_an_empty_body_needs_no_media_type(partner, buyer, coupon, kind):
    code = bought(partner.buy(buyer.auth_id, coupon))["code"]

    assert use(partner, code, content_type=kind).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"used": false}', "used"),
        (b'{"used": null}', "used"),
        (b'{"used": 1}', "used"),
        (b'{"used": "true"}', "used"),
        (b'{"used": true, "used_at": "2026-01-01"}', "used_at"),
        (b'{"reward": {"used": true}}', "reward"),
        (b"[]", ""),
        (b"null", ""),
        (b" ", ""),
        (b"{", ""),
        (b"used", ""),
    ],
)
def test_a_body_that_says_anything_else_is_refused_and_nothing_is_used(partner, buyer, coupon, method, *, raw, field):
    code = bought(partner.buy(buyer.auth_id, coupon))["code"]

    assert_refused(partner.call(method, f"/rewards/{code}", raw=raw), 400, "invalid_request", field)
    assert partner.get(f"/rewards/{code}").json()["used"] is False


def test_a_pool_s_code_that_is_used_before_anybody_had_it_is_sold_no_more(partner, brand, buyer, token):
    scarce = make_pool(brand, token, ["A-1", "B-2"], price=10)

    used = use(partner, "A-1").json()

    assert (used["used"], used["user_id"], used["transaction"]) == (True, None, None)
    assert bought(partner.buy(buyer.auth_id, scarce))["code"] == "B-2"
    assert_refused(partner.buy(buyer.auth_id, scarce), 400, "out_of_stock")


def test_a_reward_is_used_by_one_of_many_at_once(own_brand):
    partner = Partner.of(own_brand)
    make_pool(own_brand, make_token(own_brand), ["FREE-1"])

    answers = at_once(lambda method: Partner(partner.key).call(method, "/rewards/FREE-1"), ["PUT", "PATCH"] * 4)

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 7]
    assert partner.get("/reward_types").json()["data"][0]["stock"] == 0


def test_a_gift_whose_order_was_cancelled_cannot_be_used_and_its_points_are_back(partner, brand, buyer, token):
    code = bought(partner.buy(buyer.auth_id, make_reward_type(brand, token, fulfilment=Fulfilment.PHYSICAL)))["code"]
    order = GiftOrder.objects.get(brand=brand)
    move_gift_order(brand_id=brand.pk, order_id=order.pk, to=GiftOrderStatus.CANCELLATION, actor="system", at=timezone.now())

    response = use(partner, code)

    assert_refused(response, 409, "reward_cancelled")
    reward = partner.get(f"/rewards/{code}").json()
    assert (reward["used"], reward["transaction"]["status"]) == (False, "reversed")
    assert balance(buyer, token) == 350


def test_reward_types_are_listed_with_what_is_left(partner, brand, buyer, token):
    treats = Category.objects.create(brand=brand, code="treats", name="Treats")
    scarce = make_pool(brand, token, ["A", "B", "C"], price=10, category=treats, valid_until=LONG_AGO + timedelta(days=36_500))
    plentiful = make_reward_type(brand, token, website="https://www.example.org/")
    make_reward_type(brand, token, active=False)
    partner.buy(buyer.auth_id, scarce)

    listed = partner.get("/reward_types").json()["data"]

    assert [(row["id"], row["value"], row["stock"], row["category"]) for row in listed] == [
        (scarce.pk, "10", 2, "treats"),
        (plentiful.pk, "100", None, None),
    ]
    assert [row["website"] for row in listed] == [None, "https://www.example.org/"]
    assert [row["valid_until"] for row in listed] == [str(int(scarce.valid_until.timestamp())), None]
    assert all(set(row) == TYPE_FIELDS | {"category", "stock"} for row in listed)


def test_a_brand_without_reward_types_has_an_empty_list(partner):
    assert partner.get("/reward_types").json() == {"data": []}

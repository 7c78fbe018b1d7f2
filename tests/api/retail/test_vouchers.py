"""POST /vouchers: points into a gift, once for each transaction_id; refused by name, with nothing done."""

import pytest

from ledger.models import Transaction
from rewards.models import Fulfilment, GiftOrder, Reward, RewardTypeSegment
from tests.api.conftest import assert_refused, at_once
from tests.api.programme import IN_100_YEARS, LONG_AGO, make_pool, make_reward_type
from tests.api.retail.conftest import make_segment
from tests.clients import Partner, RetailClient
from tests.conftest import make_brand, make_member, make_token
from tests.ledger.orders import move
from users.models import Refusal
from users.services.members import erase_member
from users.services.merging import merge_members


def redeem(till: RetailClient, member, gift, transaction_id: str = "order 1", *, key: str | None = None, **changes):
    body = {"member_id": member.auth_id, "gift_id": gift.pk, "transaction_id": transaction_id} | changes
    return till.post("/vouchers", body, key=key)


def rich(member, token, points: int = 450):
    move(member, token, points)
    return member


@pytest.fixture
def buyer(member, token):
    return rich(member, token)


def nothing_happened(brand) -> bool:
    bought = Transaction.objects.filter(brand=brand, type="points_to_rewards")
    return not bought.exists() and not Reward.objects.filter(brand=brand, member__isnull=False).exists()


def test_a_voucher_is_answered_with_its_code_its_order_and_what_is_left(till, brand, buyer, token):
    gift = make_reward_type(brand, token, value="9.5", valid_until=IN_100_YEARS)

    answer = redeem(till, buyer, gift)

    told, row = answer.json(), Transaction.objects.get(brand=brand, type="points_to_rewards")
    order = GiftOrder.objects.get(brand=brand)
    assert answer.status_code == 201
    assert (told["transaction"].pop("occurred_at"), told["transaction"]) == (
        row.effective_at.isoformat().replace("+00:00", "Z"),
        {"id": str(row.pk), "points": -100, "balance_after": 350, "tx_hash": f"0x{bytes(row.hash).hex()}"},
    )
    assert told | {"transaction": None} == {
        "code": order.reward.code,
        "gift": {"id": gift.pk, "name": "Free coffee"},
        "value": "9.50",
        "currency": "EUR",
        "valid_until": "2120-01-01T00:00:00Z",
        "status": "exchange",
        "transaction": None,
        "balance": 350,
        "order_id": order.pk,
    }
    assert row.actor.startswith("client:")


@pytest.mark.parametrize("fulfilment", Fulfilment.values)
def test_whatever_is_redeemed_has_an_order_that_can_be_followed(till, brand, buyer, token, fulfilment):
    pooled = fulfilment == Fulfilment.POOL
    gift = make_pool(brand, token, ["POOL-1"]) if pooled else make_reward_type(brand, token, fulfilment=fulfilment)

    told = redeem(till, buyer, gift).json()

    assert till.get(f"/orders/{told['order_id']}").json()["data"]["code"] == told["code"]
    assert told["value"] is told["valid_until"] is None


def test_the_same_request_again_is_answered_as_at_first_with_200(till, brand, buyer, token):
    gift = make_reward_type(brand, token)
    first = redeem(till, buyer, gift)

    second = redeem(till, buyer, gift)

    assert (second.status_code, second.json()) == (200, first.json())
    assert "Idempotent-Replayed" not in second
    assert Reward.objects.filter(brand=brand).count() == 1


def test_a_body_that_says_the_same_in_another_way_is_the_same(till, brand, buyer, token):
    gift = make_reward_type(brand, token)
    first = redeem(till, buyer, gift)
    raw = f'{{ "transaction_id":"order 1","gift_id":{gift.pk}, "member_id" : "{buyer.auth_id}" }}'.encode()

    second = till.call("POST", "/vouchers", raw=raw)

    assert (second.status_code, second.json()) == (200, first.json())


def test_a_replay_by_key_goes_before_the_rule_on_transaction_id(till, brand, buyer, token):
    gift = make_reward_type(brand, token)
    first = redeem(till, buyer, gift, key="till-1")

    second = redeem(till, buyer, gift, key="till-1")

    assert (second.status_code, second.json(), second["Idempotent-Replayed"]) == (201, first.json(), "true")
    assert_refused(redeem(till, buyer, gift, "order 2", key="till-1"), 422, "idempotency_key_reused")


def test_a_transaction_id_is_used_for_nothing_else(till, brand, buyer, token):
    gift, other = make_reward_type(brand, token), make_reward_type(brand, token, name="Tea")
    redeem(till, buyer, gift)

    for member, wanted in ((buyer, other), (rich(make_member(brand), token), gift)):
        assert_refused(redeem(till, member, wanted), 409, "transaction_id_reused")

    assert Reward.objects.filter(brand=brand).count() == 1


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"price": 451}, "insufficient_balance"),
        ({"stock": 0}, "out_of_stock"),
        ({"active": False}, "gift_not_available"),
        ({"valid_until": LONG_AGO}, "gift_not_available"),
        ({"valid_from": IN_100_YEARS}, "gift_not_available"),
    ],
)
def test_what_cannot_be_redeemed_is_refused_by_name(till, brand, buyer, token, *, terms, code):
    assert_refused(redeem(till, buyer, make_reward_type(brand, token, **terms)), 400, code)

    assert nothing_happened(brand)


def test_the_limit_of_a_member_holds(till, brand, buyer, token):
    gift = make_reward_type(brand, token, member_limit=1)
    redeem(till, buyer, gift)

    assert_refused(redeem(till, buyer, gift, "order 2"), 400, "reward_limit_reached")


def test_a_gift_for_segments_is_not_available_to_others(till, brand, buyer, token):
    gift, other = make_reward_type(brand, token), rich(make_member(brand), token)
    segment = make_segment(brand, "VIP", buyer)
    RewardTypeSegment.objects.create(brand=brand, reward_type=gift, segment=segment)

    assert_refused(redeem(till, other, gift), 400, "gift_not_available")
    assert redeem(till, buyer, gift).status_code == 201


def test_members_and_gifts_that_are_not_there_are_named(till, brand, buyer, token):
    gift, elsewhere = make_reward_type(brand, token), make_token(make_brand())

    assert_refused(redeem(till, make_member(elsewhere.brand), gift), 400, "member_not_found")
    for gift_id in (make_reward_type(elsewhere.brand, elsewhere).pk, 0, 10**30, "99999999999999999999"):
        assert_refused(redeem(till, buyer, gift, gift_id=gift_id), 400, "gift_not_found")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"member_id": 7}, "member_id"),
        ({"member_id": ""}, "member_id"),
        ({"gift_id": -1}, "gift_id"),
        ({"gift_id": "ten"}, "gift_id"),
        ({"transaction_id": ""}, "transaction_id"),
        ({"transaction_id": "x" * 256}, "transaction_id"),
        ({"transaction_id": "a\x00"}, "transaction_id"),
        ({"amount": 100}, "amount"),
    ],
)
def test_what_is_of_the_wrong_shape_names_the_field(till, brand, buyer, token, *, changes, field):
    assert_refused(redeem(till, buyer, make_reward_type(brand, token), **changes), 400, "invalid_request", field)

    assert nothing_happened(brand)


@pytest.mark.parametrize("field", ["member_id", "gift_id", "transaction_id"])
def test_every_field_is_needed(till, field):
    body = {"member_id": "ann", "gift_id": 1, "transaction_id": "order 1"}

    answer = till.post("/vouchers", {name: value for name, value in body.items() if name != field})

    assert_refused(answer, 400, "invalid_request", field)


def test_a_token_without_the_scope_redeems_nothing(brand, buyer, token):
    till = RetailClient.of(brand, ["orders:read", "orders:write", "earnings:write"])

    assert_refused(redeem(till, buyer, make_reward_type(brand, token)), 403, "scope_missing")


def test_what_is_refused_is_kept_for_staff(till, brand, buyer, token):
    redeem(till, buyer, make_reward_type(brand, token, stock=0))

    refusal = Refusal.objects.get(member=buyer)
    assert (refusal.operation, refusal.code, refusal.reference_id) == ("voucher", "out_of_stock", "order 1")


def test_the_partner_api_tells_the_same_reward_and_makes_no_order_of_a_code(till, brand, buyer, token):
    partner, gift = Partner.of(brand), make_reward_type(brand, token)

    code = redeem(till, buyer, gift).json()["code"]
    bought = partner.buy(buyer.auth_id, gift).json()["data"]["code"]

    assert partner.get(f"/rewards/{code}").json()["user_id"] == buyer.auth_id
    assert list(GiftOrder.objects.filter(brand=brand).values_list("reward__code", flat=True)) == [code]
    assert bought != code


def test_sixteen_parallel_sends_hand_out_one_gift(own_brand):
    till, token, member = RetailClient.of(own_brand), make_token(own_brand), make_member(own_brand)
    gift = make_reward_type(own_brand, token)
    rich(member, token, 100)

    answers = at_once(lambda _: redeem(RetailClient(till.token), member, gift), range(16))

    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    assert len({answer.content for answer in answers}) == 1
    assert Reward.objects.filter(brand=own_brand).count() == 1


def test_of_an_erased_member_nothing_is_answered_any_more(till, brand, buyer, token):
    gift = make_reward_type(brand, token)
    order_id = redeem(till, buyer, gift).json()["order_id"]

    erase_member(brand_id=brand.pk, auth_id=buyer.auth_id, at=brand.created_at)

    assert_refused(redeem(till, buyer, gift), 410, "answer_erased")
    assert till.get(f"/orders/{order_id}").json()["data"]["member_id"] is None


def test_an_order_of_a_duplicate_is_told_of_the_member_who_was_kept(till, brand, buyer, token):
    keep = make_member(brand)
    order_id = redeem(till, buyer, make_reward_type(brand, token)).json()["order_id"]

    merge_members(brand_id=brand.pk, keep_id=keep.pk, duplicate_id=buyer.pk, actor="staff:1", at=brand.created_at)

    assert till.get(f"/orders/{order_id}").json()["data"]["member_id"] == keep.auth_id

"""GET and PATCH /orders/:id: an order goes its way step by step, and gives points back where it ends badly."""

from itertools import pairwise

import pytest

from ledger.models import Account, Transaction
from rewards.models import Fulfilment, GiftOrder, GiftOrderMove
from rewards.services.rewards import use_reward
from tests.api.conftest import assert_refused, at_once
from tests.api.programme import make_reward_type
from tests.clients import Partner, RetailClient
from tests.conftest import NOON, make_brand, make_member, make_token
from tests.ledger.orders import move as move_points
from users.models import Refusal

WAY = ["exchange", "in_preparation", "in_delivery", "delivered", "returned"]
STATUSES = [*WAY, "cancellation"]
ALLOWED = {*pairwise(WAY), ("exchange", "cancellation"), ("in_preparation", "cancellation")}


def order_of(till: RetailClient, member, token, **terms) -> int:
    """The id of the order of a gift for 100 points, of which the member has 150."""
    move_points(member, token, 150)
    gift = make_reward_type(member.brand, token, **terms)
    body = {"member_id": member.auth_id, "gift_id": gift.pk, "transaction_id": f"of {gift.pk}"}
    return till.post("/vouchers", body).json()["order_id"]


@pytest.fixture
def order_id(till, member, token) -> int:
    return order_of(till, member, token)


def move(till: RetailClient, order_id: int, status: str, **further):
    return till.call("PATCH", f"/orders/{order_id}", {"status": status} | further)


def bring(till: RetailClient, order_id: int, status: str) -> None:
    way = ["cancellation"] if status == "cancellation" else WAY[1 : WAY.index(status) + 1]
    for step in way:
        assert move(till, order_id, step).status_code == 200


def balance(member, token) -> int:
    return Account.objects.get(member=member, token=token).balance


def test_an_order_tells_what_it_is_of_and_where_it_stands(till, member, order_id):
    told = till.get(f"/orders/{order_id}").json()["data"]

    order = GiftOrder.objects.select_related("reward__reward_type", "reward__transaction").get(pk=order_id)
    assert told["transaction"]["id"] == str(order.reward.transaction.pk)
    assert (told["transaction"]["points"], told["transaction"]["balance_after"]) == (-100, 50)
    assert told["created_at"] == told["updated_at"]
    assert {name: told[name] for name in told.keys() - {"transaction", "created_at", "updated_at"}} == {
        "id": order_id,
        "status": "exchange",
        "gift": {"id": order.reward.reward_type.pk, "name": "Free coffee"},
        "member_id": member.auth_id,
        "code": order.reward.code,
        "points": 100,
        "moves": [],
    }


def test_each_step_is_told_with_its_reason(till, order_id):
    move(till, order_id, "in_preparation", reason="Packed by Ann")
    told = move(till, order_id, "in_delivery").json()["data"]

    assert told["status"] == "in_delivery"
    assert [(step["from"], step["to"], step["reason"]) for step in told["moves"]] == [
        ("exchange", "in_preparation", "Packed by Ann"),
        ("in_preparation", "in_delivery", None),
    ]
    assert told["moves"][-1]["at"] == told["updated_at"] > told["created_at"]
    assert GiftOrderMove.objects.filter(order_id=order_id).latest("pk").actor.startswith("client:")


@pytest.mark.parametrize("before", STATUSES)
def test_an_order_goes_where_it_may_and_nowhere_else(till, member, token, before):
    for to in STATUSES:
        order_id = order_of(till, make_member(member.brand), token)
        GiftOrder.objects.filter(pk=order_id).update(status=before)

        answer = move(till, order_id, to)

        if (before, to) in ALLOWED:
            assert (answer.status_code, answer.json()["data"]["status"]) == (200, to)
        else:
            assert_refused(answer, 409, "move_not_allowed")
            assert till.get(f"/orders/{order_id}").json()["data"]["status"] == before


@pytest.mark.parametrize("to", ["cancellation", "returned"])
def test_a_cancellation_and_an_accepted_return_give_the_points_back_at_once(till, member, token, order_id, to):
    bring(till, order_id, to)

    reversal = Transaction.objects.get(brand=member.brand, type="reversal")
    assert (reversal.amount, reversal.reverses.type, balance(member, token)) == (100, "points_to_rewards", 150)
    assert reversal.actor.startswith("client:")


@pytest.mark.parametrize("to", ["in_preparation", "in_delivery", "delivered"])
def test_on_its_way_it_gives_nothing_back(till, member, token, order_id, to):
    bring(till, order_id, to)

    assert balance(member, token) == 50


def test_a_code_whose_points_came_back_is_worth_nothing(till, brand, order_id):
    code = move(till, order_id, "cancellation").json()["data"]["code"]

    assert_refused(Partner.of(brand).call("PUT", f"/rewards/{code}"), 409, "reward_cancelled")


@pytest.mark.parametrize(
    ("fulfilment", "status"), [(Fulfilment.GENERATED, 409), (Fulfilment.PHYSICAL, 200)], ids=["a code", "what was sent"]
)
def test_of_what_was_used_only_what_was_sent_comes_back(till, brand, member, token, *, fulfilment, status):
    order_id = order_of(till, member, token, fulfilment=fulfilment)
    use_reward(brand_id=brand.pk, code=GiftOrder.objects.get(pk=order_id).reward.code, at=NOON)
    bring(till, order_id, "delivered")

    assert move(till, order_id, "returned").status_code == status
    assert balance(member, token) == (150 if status == 200 else 50)


def test_orders_of_gifts_bought_elsewhere_are_moved_too(till, brand, member, token):
    move_points(member, token, 100)
    Partner.of(brand).buy(member.auth_id, make_reward_type(brand, token, fulfilment=Fulfilment.PHYSICAL))
    order = GiftOrder.objects.get(brand=brand)

    assert move(till, order.pk, "in_preparation").status_code == 200


def test_orders_that_are_not_there_are_404(till, order_id):
    elsewhere = RetailClient.of(make_brand())
    for client, name in ((till, 10**17), (elsewhere, order_id)):
        assert_refused(client.get(f"/orders/{name}"), 404, "order_not_found")
        assert_refused(move(client, name, "in_preparation"), 404, "order_not_found")
    assert_refused(till.get("/orders/none"), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "status"),
        ({"status": "lost"}, "status"),
        ({"status": "delivered", "reason": 7}, "reason"),
        ({"status": "delivered", "reason": "x" * 1_001}, "reason"),
        ({"status": "delivered", "code": "x"}, "code"),
    ],
)
def test_what_is_of_the_wrong_shape_names_the_field(till, order_id, body, field):
    assert_refused(till.call("PATCH", f"/orders/{order_id}", body), 400, "invalid_request", field)


def test_reading_and_moving_are_scopes_of_their_own(brand, order_id):
    reader, mover = (RetailClient.of(brand, [scope]) for scope in ("orders:read", "orders:write"))

    assert reader.get(f"/orders/{order_id}").status_code == 200
    assert_refused(move(reader, order_id, "in_preparation"), 403, "scope_missing")
    assert_refused(mover.get(f"/orders/{order_id}"), 403, "scope_missing")
    assert move(mover, order_id, "in_preparation").status_code == 200


def test_a_move_that_is_refused_is_kept_for_staff(till, member, order_id):
    move(till, order_id, "returned")

    refusal = Refusal.objects.get(member=member)
    assert (refusal.operation, refusal.code) == ("move_order", "move_not_allowed")


def test_of_many_who_cancel_at_once_one_does_and_the_points_come_back_once(own_brand):
    till, member, token = RetailClient.of(own_brand), make_member(own_brand), make_token(own_brand)
    order_id = order_of(till, member, token)

    answers = at_once(lambda _: move(RetailClient(till.token), order_id, "cancellation"), range(8))

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert balance(member, token) == 150

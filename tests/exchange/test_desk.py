"""What staff do with a parked exchange, and what the brand's systems hear of it."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from exchange.errors import OrderMoved, OrderNotFound
from exchange.models import ExchangeAttempt, ExchangeMove, ExchangeOrder
from exchange.rules.orders import MOST_MISSES
from exchange.services.desk import ask_now, refund_by_hand, resume_order, settle_by_hand
from ledger.models import Account
from loyalty.errors import InvalidRequest
from tests.exchange.conftest import POINTS
from tests.exchange.world import drive, exchange
from users.models import Member, WebhookDelivery
from users.services.webhooks import register_endpoint
from users.webhook_events import WebhookEvent

WHY = {"actor": "staff:1", "reason": "the airline wrote"}


@pytest.fixture
def parked(rich, token, provider) -> ExchangeOrder:
    """Credited in silence, and tried for too long."""
    order = exchange(rich, token, 92)
    drive()
    ExchangeOrder.objects.filter(pk=order.pk).update(misses=MOST_MISSES)
    drive()
    order.refresh_from_db()
    assert order.state == "parked"
    return order


def balance(member: Member) -> int:
    return Account.objects.get(member=member).balance


def terms(order: ExchangeOrder) -> dict:
    return {"brand_id": order.brand_id, "order_id": order.pk, "at": timezone.now()} | WHY


def test_one_that_is_resumed_is_asked_after_and_ends(parked, rich):
    resume_order(**terms(parked))
    drive()

    parked.refresh_from_db()
    assert (parked.state, balance(rich)) == ("settled", POINTS - 92)
    moved = ExchangeMove.objects.get(order=parked, came_from="parked")
    assert (moved.went_to, moved.actor, moved.reason) == ("unknown", "staff:1", "the airline wrote")


def test_one_that_is_settled_by_hand_keeps_the_points_taken(parked, rich):
    settle_by_hand(**terms(parked))

    parked.refresh_from_db()
    assert (parked.state, balance(rich)) == ("settled", POINTS - 92)


def test_one_that_is_refunded_by_hand_gives_them_back_once(parked, rich):
    refund_by_hand(**terms(parked))
    for decide in (refund_by_hand, settle_by_hand, resume_order):
        with pytest.raises(OrderMoved):
            decide(**terms(parked))

    parked.refresh_from_db()
    assert (parked.state, parked.refusal_code, balance(rich)) == ("refused", "by_hand", POINTS)


@pytest.mark.parametrize("decide", [refund_by_hand, settle_by_hand, resume_order])
def test_a_decision_needs_a_reason_and_an_order_of_the_brand(parked, decide):
    for reason in ("", " ", "x" * 201):
        with pytest.raises(InvalidRequest, match="reason"):
            decide(**terms(parked) | {"reason": reason})
    with pytest.raises(OrderNotFound):
        decide(**terms(parked) | {"brand_id": parked.brand_id + 1})
    parked.refresh_from_db()
    assert parked.state == "parked"


def test_the_brands_systems_hear_how_each_exchange_ended(rich, token, provider):
    register_endpoint(brand_id=rich.brand_id, address="https://example.com/hook", events=WebhookEvent.values, at=timezone.now())
    orders = [exchange(rich, token, points) for points in (100, 93)]
    drive()

    told = {delivery.type: json.loads(delivery.body)["data"] for delivery in WebhookDelivery.objects.filter(brand=rich.brand)}
    assert set(told) == {"exchange.settled", "exchange.refused"}
    settled = told["exchange.settled"]
    assert (settled["exchange"], settled["points"], settled["received"]) == (str(orders[0].reference), 100, 1000)
    assert settled["user_auth_id"] == rich.auth_id
    assert told["exchange.refused"]["reason"] == "INELIGIBLE"


def test_what_is_refused_is_not_told(parked, rich):
    register_endpoint(brand_id=rich.brand_id, address="https://example.com/hook", events=WebhookEvent.values, at=timezone.now())
    with pytest.raises(OrderMoved):
        refund_by_hand(**terms(parked) | {"order_id": exchange(rich, parked.transaction.account.token, 50).pk})
    assert WebhookDelivery.objects.filter(brand=rich.brand).count() == 0


def test_only_so_many_miles_that_arrived_are_paid_for(parked, rich):
    with pytest.raises(InvalidRequest, match="credited"):
        settle_by_hand(**terms(parked), credited=920)

    settle_by_hand(**terms(parked), credited=460)

    parked.refresh_from_db()
    assert (parked.state, parked.credited, balance(rich)) == ("settled", 460, POINTS - 46)


def test_one_whose_points_came_back_is_never_sent_again(rich, token, provider, airline):
    order = exchange(rich, token, 93)
    drive()
    ExchangeOrder.objects.filter(pk=order.pk).update(state="parked", ended_at=None)
    airline[1].ledger.store.execute("DELETE FROM credit")
    order.refresh_from_db()

    resume_order(**terms(order))
    drive()

    order.refresh_from_db()
    assert (order.state, balance(rich), airline[1].ledger.rows("etihad")) == ("refused", POINTS, [])


def test_one_that_waits_is_asked_after_at_once(rich, token, provider):
    order, now = exchange(rich, token, 50), timezone.now()
    ExchangeOrder.objects.filter(pk=order.pk).update(due_at=now + timedelta(hours=1))

    ask_now(brand_id=order.brand_id, order_id=order.pk, at=now)

    order.refresh_from_db()
    assert order.due_at == now
    drive()
    with pytest.raises(OrderMoved):
        ask_now(brand_id=order.brand_id, order_id=order.pk, at=now)
    with pytest.raises(OrderNotFound):
        ask_now(brand_id=order.brand_id + 1, order_id=order.pk, at=now)


def test_one_that_is_being_asked_after_is_not_asked_twice(rich, token, provider):
    order, now = exchange(rich, token, 50), timezone.now()
    ExchangeOrder.objects.filter(pk=order.pk).update(state="submitted", attempts=1, due_at=now + timedelta(seconds=30))
    call = ExchangeAttempt.objects.create(brand_id=order.brand_id, order=order, number=1, act="credit", begun_at=now)

    with pytest.raises(OrderMoved, match="right now"):
        ask_now(brand_id=order.brand_id, order_id=order.pk, at=now)

    ExchangeAttempt.objects.filter(pk=call.pk).update(begun_at=now - timedelta(hours=1))
    ask_now(brand_id=order.brand_id, order_id=order.pk, at=now)

"""The rollup of exchanges: orders by provider, day and state, carried along by their moves."""

from datetime import UTC, date, datetime, timedelta

from django.db import transaction

from exchange.models import DailyExchanges, ExchangeOrder
from exchange.rules.orders import OrderState
from exchange.services.orders import accept_exchange
from exchange.services.settling import move, refuse, settle
from exchange.services.tallying import EXCHANGES
from ledger.services.rollups import check_rollup, rebuild_rollup
from tests.conftest import NOON, make_brand, make_member, make_token
from tests.exchange.world import make_partnership, make_provider, request_of
from tests.ledger import orders
from tests.ledger.rolling import counted_to_now

FIRST = date(2026, 6, 1)


def world(brand):
    """A member with points, and a way to make an order; the provider takes no calls."""
    member, token = make_member(brand), make_token(brand)
    provider = make_provider(brand, active=False)
    make_partnership(provider, token)
    orders.move(member, token, 10_000)

    def order(points: int, at: datetime) -> ExchangeOrder:
        accepted = accept_exchange(request=request_of(member, token, points), at=at)
        return ExchangeOrder.objects.get(pk=accepted.order_id)

    return provider, order


def decide(act, *args, **terms) -> None:
    with transaction.atomic():
        act(*args, **terms)


def counts(brand) -> dict:
    counted_to_now(EXCHANGES, brand)
    rows = DailyExchanges.objects.filter(brand=brand)
    return {(row.day, row.state): (row.orders, row.points) for row in rows if row.orders or row.points}


def agrees(brand) -> bool:
    return check_rollup(EXCHANGES, brand.pk).differences == []


def test_an_order_is_counted_on_its_day_and_goes_from_state_to_state(own_brand):
    _, order = world(own_brand)
    first, second = order(50, NOON), order(70, NOON + timedelta(days=1))
    begun = counts(own_brand)
    for one in (first, second):
        decide(move, one, OrderState.SUBMITTED, at=NOON + timedelta(days=2))
    under_way = counts(own_brand)
    decide(settle, first, NOON + timedelta(days=3))
    decide(refuse, second, code="no", detail="", at=NOON + timedelta(days=3))

    ended = counts(own_brand)

    assert begun == {(FIRST, "accepted"): (1, 50), (FIRST + timedelta(days=1), "accepted"): (1, 70)}
    assert under_way == {(FIRST, "submitted"): (1, 50), (FIRST + timedelta(days=1), "submitted"): (1, 70)}
    assert ended == {(FIRST, "settled"): (1, 50), (FIRST + timedelta(days=1), "refused"): (1, 70)}
    assert agrees(own_brand)


def test_the_day_is_that_of_the_brands_time_zone(own_brand):
    _, order = world(own_brand)
    order(5, datetime(2026, 10, 25, 22, 59, tzinfo=UTC))
    order(6, datetime(2026, 10, 25, 23, 0, tzinfo=UTC))

    assert counts(own_brand) == {
        (date(2026, 10, 25), "accepted"): (1, 5),
        (date(2026, 10, 26), "accepted"): (1, 6),
    }


def test_counting_again_and_anew_changes_nothing(own_brand):
    _, order = world(own_brand)
    for points in (5, 6, 7):
        decide(move, order(points, NOON), OrderState.PARKED, at=NOON)
    once = counts(own_brand)

    again = counts(own_brand)
    rebuild_rollup(EXCHANGES, own_brand.pk)

    assert once == again == counts(own_brand) == {(FIRST, "parked"): (3, 18)}
    assert agrees(own_brand)


def test_a_count_that_was_changed_is_named(own_brand):
    provider, order = world(own_brand)
    order(5, NOON)
    counts(own_brand)
    DailyExchanges.objects.filter(brand=own_brand).update(orders=2)

    (difference,) = check_rollup(EXCHANGES, own_brand.pk).differences

    assert str(difference) == (
        f"exchange_dailyexchanges provider_id {provider.pk}, day 2026-06-01, state accepted: "
        "(2, 5) stored, the rows come to (1, 5)"
    )


def test_another_brands_orders_are_not_counted(own_brand):
    _, order = world(own_brand)
    order(5, NOON)
    other = make_brand()

    assert counts(other) == {}

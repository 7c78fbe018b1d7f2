"""The desk of gift orders: listed by where they stand and for how long, moved several at once with a reason."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from rewards.models import Fulfilment, GiftOrder, GiftOrderMove
from rewards.services.rewards import use_reward
from tests.conftest import make_brand, make_member, make_token
from tests.ledger.orders import move
from tests.loyalty.desk import act, make_staff, page_of, signed_in, words
from tests.rewards.acting import redeem_gift
from tests.rewards.conftest import again, make_reward_type


@pytest.fixture
def client(brand) -> Client:
    staff = make_staff(brand=brand)
    staff.groups.add(Group.objects.get(name="Service agent"))
    return signed_in(staff)


def make_order(token, **terms) -> GiftOrder:
    member = make_member(token.brand)
    move(member, token, 100)
    gift = make_reward_type(token, **terms)
    redeem_gift(member, gift, f"of {gift.pk}")
    return GiftOrder.objects.get(reward__reward_type=gift)


def listed(client: Client, **query) -> list[int]:
    page = client.get(page_of(GiftOrder, "changelist"), query)
    assert page.status_code == 200
    return [order.pk for order in page.context["cl"].result_list]


def test_orders_are_listed_by_where_they_stand_and_what_they_are(client, token):
    code, mug = make_order(token), make_order(token, name="Mug", fulfilment=Fulfilment.PHYSICAL)
    act(client, "prepare", mug)

    assert listed(client) == [mug.pk, code.pk]
    assert listed(client, status="exchange") == [code.pk]
    assert listed(client, status="in_preparation") == [mug.pk]
    assert listed(client, status="else") == [mug.pk, code.pk]
    assert listed(client, reward__reward_type__fulfilment__exact="generated") == [code.pk]


def test_a_list_says_what_for_whom_and_for_how_long(client, token):
    order = make_order(token, name="Mug")
    GiftOrder.objects.filter(pk=order.pk).update(updated_at=timezone.now() - timedelta(days=3, minutes=1))

    page = words(client.get(page_of(GiftOrder, "changelist")))

    assert "Mug" in page
    assert order.reward.member.public_id in page
    assert "3 days" in page


def test_several_are_moved_at_once_with_one_reason(client, token):
    orders = [make_order(token) for _ in range(3)]

    act(client, "prepare", *orders, reason="packed by Ann")

    assert {again(order).status for order in orders} == {"in_preparation"}
    assert set(GiftOrderMove.objects.values_list("reason", flat=True).filter(order__in=orders)) == {"packed by Ann"}


def test_of_several_those_that_cannot_be_moved_are_told(client, token):
    ready, done = make_order(token), make_order(token)
    act(client, "cancel", done)

    page = act(client, "prepare", ready, done)

    assert (again(ready).status, again(done).status) == ("in_preparation", "cancellation")
    assert f"order {done.pk}: An order in cancellation cannot become in_preparation" in words(page)


def test_of_a_code_that_was_used_no_way_back_is_offered(client, brand, token):
    order = make_order(token)
    use_reward(brand_id=brand.pk, code=order.reward.code, at=timezone.now())

    moves = client.get(page_of(GiftOrder, "change", order.pk)).context["moves"]

    assert [to for to, _ in moves] == ["in_preparation"]


def test_orders_of_another_brand_are_not_moved(client, token):
    other = make_order(make_token(make_brand()))
    make_order(token)

    act(client, "cancel", other)

    assert again(other).status == "exchange"


def test_the_list_costs_few_queries(client, token, django_assert_max_num_queries):
    for _ in range(5):
        make_order(token)

    with django_assert_max_num_queries(15):
        listed(client)

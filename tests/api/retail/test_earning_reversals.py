"""Earnings of the Retail API are taken back: whole, by lines, by force, and what has lapsed is not taken twice."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from rewards.models import Fulfilment, GiftOrder, Programme, PromotionUse
from rewards.rules.gift_orders import GiftOrderStatus
from rewards.services.gift_orders import move_gift_order
from rewards.services.promotions import publish_promotion
from tests.api.conftest import assert_refused
from tests.api.programme import make_reward_type
from tests.api.retail.baskets import DOUBLE_COFFEE, FIFTY, balance, basket, earned, line, make_programme, publish, reverse
from tests.clients import RetailClient
from tests.conftest import NOON, make_brand, make_member
from users.models import Brand, RetailScope
from users.services.merging import merge_members


@pytest.fixture
def points(brand):
    return make_programme(brand)


@pytest.fixture
def till(brand, points) -> RetailClient:
    return RetailClient.of(brand)


def test_the_whole_gain_is_taken_back(till, brand, member, points):
    publish(brand, DOUBLE_COFFEE)
    name = earned(till, member, line(1, "8.40", category="coffee"), line(2, "2.60"))

    answer = reverse(till, name, reason="all of it was cold")

    told = answer.json()
    assert answer.status_code == 201
    assert (told["points"], told["remaining_points"], told["balance"], balance(member, points)) == (-19, 0, 0, 0)
    assert_refused(reverse(till, name, "r2"), 409, "already_reversed")


def test_a_line_takes_what_the_kept_lines_would_not_have_earned(till, brand, member, points):
    publish(brand, DOUBLE_COFFEE)
    publish(brand, FIFTY)
    name = earned(till, member, line(1, "8.40", category="coffee"), line(2, "45.00"))

    told = reverse(till, name, lines=[{"line": 1}]).json()

    assert told["points"] == -(53 + 8 + 50 - 45)  # what is left is below the threshold of the fifty
    rest = reverse(till, name, "r2").json()
    assert (rest["points"], rest["remaining_points"], balance(member, points)) == (-45, 0, 0)


def test_parts_of_a_line_take_their_share_by_quantity(till, member):
    name = earned(till, member, line(1, "3.00", quantity=3, amount="9.00"), line(2, "1.00"))

    parts = [reverse(till, name, f"r{number}", lines=[{"line": "1", "quantity": 1}]).json() for number in range(3)]

    assert [part["points"] for part in parts] == [-3, -3, -3]
    assert_refused(reverse(till, name, "r3", lines=[{"line": 1}]), 400, "invalid_request", "lines.0.line")
    assert reverse(till, name, "r4").json()["points"] == -1


def test_a_rate_is_kept_to_its_last_digit(brand, member):
    make_programme(brand, rate="1.234567")
    till = RetailClient.of(brand)
    name = earned(till, member, line(1, "600000.00"), line(2, "400000.00"))

    told = reverse(till, name, lines=[{"line": 2}]).json()

    assert (told["points"], told["remaining_points"]) == (740_740 - 1_234_567, 740_740)


@pytest.mark.parametrize(
    "lines", [[{"line": 9}], [{"line": 1, "quantity": 2}], [{"line": 1, "quantity": 0}], [{"line": 1}, {"line": 1}]]
)
def test_what_is_not_there_cannot_come_back(till, member, lines):
    name = earned(till, member, line(1, "3.00"))

    answer = reverse(till, name, lines=lines)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_the_same_reversal_is_answered_as_the_first_time_and_another_is_refused(till, member, points):
    name = earned(till, member, line(1, "3.00"), line(2, "3.00"))
    first = reverse(till, name, lines=[{"line": 1}])

    again = reverse(till, name, lines=[{"line": 1}])

    assert (first.status_code, again.status_code, again.content) == (201, 200, first.content)
    assert_refused(reverse(till, name, lines=[{"line": 2}]), 409, "reversal_id_reused")
    other = earned(till, member, line(1, "3.00"))
    assert_refused(reverse(till, other, lines=[{"line": 1}]), 409, "reversal_id_reused")
    assert balance(member, points) == 6


def test_points_that_are_spent_are_taken_by_force_alone_and_credits_pay_the_debt(till, brand, member, partner, points):
    name = earned(till, member, line(1, "30.00"))
    partner.debit(member.auth_id, 20, points.pk)

    assert_refused(reverse(till, name), 409, "points_already_spent")
    weak = RetailClient.of(brand, [RetailScope.EARNINGS_WRITE])
    assert_refused(reverse(weak, name, force=True), 403, "scope_missing")
    told = reverse(till, name, force=True).json()

    assert (told["points"], told["balance"], balance(member, points)) == (-30, -20, -20)
    assert partner.debit(member.auth_id, 1, points.pk).json()["code"] == "insufficient_balance"
    earned(till, member, line(1, "25.00"))
    assert balance(member, points) == 5
    assert partner.debit(member.auth_id, 6, points.pk).json()["code"] == "insufficient_balance"


def test_points_that_have_lapsed_meanwhile_are_not_taken_a_second_time(brand, member, partner, time_machine):
    token = make_programme(brand, name="Fading", symbol="FAD", expiry_unit="days", expiry_count=10)
    time_machine.move_to(NOON, tick=True)
    till = RetailClient.of(brand)
    name = earned(till, member, line(1, "30.00"), line(2, "20.00"))
    partner.debit(member.auth_id, 10, token.pk)
    time_machine.move_to(NOON + timedelta(days=11), tick=True)
    till = RetailClient.of(brand)
    earned(till, member, line(1, "70.00"))

    told = reverse(till, name).json()

    assert (told["points"], told["remaining_points"]) == (-10, 0)  # 40 of the 50 lapsed, 10 were spent
    assert balance(member, token) == 60


def test_what_came_back_to_a_lot_and_lapsed_there_leaves_the_rest_takeable(brand, member, partner, time_machine):
    """A gift that is cancelled fills the lot again that a first reversal found empty: more lapses than was left of it."""
    token = make_programme(brand, name="Fading", symbol="FAD", expiry_unit="days", expiry_count=10)
    time_machine.move_to(NOON, tick=True)
    till = RetailClient.of(brand)
    name, _ = earned(till, member, line(1, "60.00"), line(2, "40.00")), earned(till, member, line(1, "100.00"))
    gift = make_reward_type(brand, token, price=100, fulfilment=Fulfilment.PHYSICAL)
    assert partner.buy(member.auth_id, gift).status_code == 202
    assert reverse(till, name, lines=[{"line": 1}]).json()["points"] == -60
    placed = GiftOrder.objects.get(brand=brand)
    move_gift_order(brand_id=brand.pk, order_id=placed.pk, to=GiftOrderStatus.CANCELLATION, actor="staff:1", at=timezone.now())
    time_machine.move_to(NOON + timedelta(days=11), tick=True)
    till = RetailClient.of(brand)

    told = reverse(till, name, "r2")

    assert (told.status_code, told.json()["points"], told.json()["remaining_points"]) == (201, 0, 0)


def test_points_that_lapsed_after_a_merge_are_not_taken_a_second_time(brand, member, time_machine):
    token = make_programme(brand, name="Fading", symbol="FAD", expiry_unit="days", expiry_count=10)
    duplicate, last = make_member(brand), make_member(brand)
    time_machine.move_to(NOON, tick=True)
    name = earned(RetailClient.of(brand), duplicate, line(1, "30.00"))
    for keep, merged in ((member, duplicate), (last, member)):
        merge_members(brand_id=brand.pk, keep_id=keep.pk, duplicate_id=merged.pk, actor="staff:1", at=timezone.now())
    time_machine.move_to(NOON + timedelta(days=11), tick=True)
    till = RetailClient.of(brand)
    earned(till, last, line(1, "70.00"))

    told = reverse(till, name).json()

    assert (told["points"], told["remaining_points"], balance(last, token)) == (0, 0, 70)


def test_what_was_not_counted_is_not_given_back(till, brand, member):
    promotion = publish(brand, DOUBLE_COFFEE)
    name = earned(till, member, line(1, "5.00", category="coffee"))
    promotion.draft = DOUBLE_COFFEE | {"member_times": 1}
    promotion.save()
    publish_promotion(brand_id=brand.pk, promotion_id=promotion.pk, actor="staff:1", at=timezone.now())
    earned(till, member, line(1, "5.00", category="coffee"))

    reverse(till, name)

    assert PromotionUse.objects.get(brand=brand).times == 1
    again = till.post("/baskets/evaluation", basket(member.auth_id, line(1, "5.00", category="coffee"))).json()
    assert again["points"]["bonus"] == 0


def test_an_earning_is_taken_back_in_the_coins_that_it_was_paid_in(till, brand, member):
    name = earned(till, member, line(1, "8.00"), line(2, "2.00"))
    Brand.objects.filter(pk=brand.pk).update(currency="KWD")
    Programme.objects.filter(brand=brand).update(revision=F("revision") + 1)

    assert reverse(till, name, lines=[{"line": 2}]).json()["points"] == -2


def test_another_brand_s_earning_does_not_exist(till, member, brand):
    name = earned(till, member, line(1, "3.00"))
    other = make_brand()
    make_programme(other)

    assert_refused(reverse(RetailClient.of(other), name), 404, "earning_not_found")

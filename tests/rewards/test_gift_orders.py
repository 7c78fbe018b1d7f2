"""Orders of physical gifts: moved step by step, each step recorded; what is cancelled or returned gives the points back."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product

import pytest
from django.db import connections, transaction

from ledger.errors import NotReversible
from ledger.models import Lot, Transaction
from rewards.errors import GiftOrderNotFound, MoveNotAllowed, OutOfStock, RewardCancelled, RewardLimitReached
from rewards.models import Fulfilment, GiftOrder, GiftOrderMove, Reward
from rewards.rules.gift_orders import GiftOrderStatus
from rewards.services.gift_orders import move_gift_order
from rewards.services.rewards import HandedOut, use_reward
from tests.conftest import NOON, make_brand, make_expiring_token, make_member, make_token
from tests.ledger.orders import account_of, undo
from tests.ledger.orders import move as move_points
from tests.rewards.conftest import DAY, again, attempt, balance, buy, kinds, make_reward_type, must_hold, stampede, total
from tests.waiting import PATIENCE_SECONDS
from users.models import Member
from users.services.members import erase_member

EXCHANGE, CANCELLATION, IN_PREPARATION, IN_DELIVERY, DELIVERED, RETURNED = GiftOrderStatus
ALLOWED = {
    (EXCHANGE, IN_PREPARATION),
    (EXCHANGE, CANCELLATION),
    (IN_PREPARATION, IN_DELIVERY),
    (IN_PREPARATION, CANCELLATION),
    (IN_DELIVERY, DELIVERED),
    (DELIVERED, RETURNED),
}
WAY = [IN_PREPARATION, IN_DELIVERY, DELIVERED, RETURNED]


def order_for(member: Member, token, points: int = 100, **terms) -> GiftOrder:
    """A member with points buys a gift that is sent."""
    move_points(member, token, points)
    gift = make_reward_type(token, name="Mug", **({"fulfilment": Fulfilment.PHYSICAL, "stock": 3} | terms))
    return GiftOrder.objects.get(reward=buy(member, gift).reward)


def step(order: GiftOrder, to: GiftOrderStatus, **terms) -> GiftOrder:
    usual = {"brand_id": order.brand_id, "order_id": order.pk, "to": to, "actor": "staff:1", "at": NOON}
    return move_gift_order(**(usual | terms))


def bring(order: GiftOrder, to: GiftOrderStatus) -> None:
    """Move an order on its way until it stands there."""
    for status in [] if to is EXCHANGE else [CANCELLATION] if to is CANCELLATION else WAY[: WAY.index(to) + 1]:
        step(order, status)


def use(order: GiftOrder) -> Reward:
    return use_reward(brand_id=order.brand_id, code=order.reward.code, at=NOON)


def erase(member: Member) -> Member:
    return erase_member(brand_id=member.brand_id, auth_id=member.auth_id, at=NOON)


@pytest.fixture
def order(member, token) -> GiftOrder:
    return order_for(member, token)


@pytest.mark.parametrize(("before", "to"), sorted(ALLOWED))
def test_an_order_goes_where_it_may_and_each_step_is_recorded(order, before, to):
    bring(order, before)

    moved = step(order, to, actor="staff:2", reason="as agreed", at=NOON + DAY)

    assert (moved.status, again(order).status, again(order).updated_at) == (to, to, NOON + DAY)
    last = GiftOrderMove.objects.filter(order=order).latest("pk")
    assert (last.from_status, last.to_status) == (before, to)
    assert (last.actor, last.reason, last.moved_at) == ("staff:2", "as agreed", NOON + DAY)


@pytest.mark.parametrize(("before", "to"), sorted(set(product(GiftOrderStatus, repeat=2)) - ALLOWED))
def test_an_order_goes_nowhere_else(order, before, to):
    bring(order, before)
    steps = GiftOrderMove.objects.filter(order=order).count()

    with pytest.raises(MoveNotAllowed, match=f"An order in {before.value} cannot become {to.value}"):
        step(order, to)

    assert again(order).status == before
    assert GiftOrderMove.objects.filter(order=order).count() == steps


def test_the_steps_tell_the_whole_way(order):
    bring(order, RETURNED)

    steps = GiftOrderMove.objects.filter(order=order).order_by("pk").values_list("from_status", "to_status")

    assert list(steps) == list(zip([EXCHANGE, *WAY[:-1]], WAY, strict=True))


def test_an_order_of_another_brand_is_not_found(order):
    for brand_id, order_id in ((make_brand().pk, order.pk), (order.brand_id, -1)):
        with pytest.raises(GiftOrderNotFound, match="Order not found"):
            step(order, IN_PREPARATION, brand_id=brand_id, order_id=order_id)

    assert again(order).status == EXCHANGE


@pytest.mark.parametrize("before", [EXCHANGE, IN_PREPARATION])
def test_a_cancelled_gift_gives_its_points_and_its_place_in_the_stock_back(own_brand, own_member, before):
    token = make_token(own_brand)
    order = order_for(own_member, token)
    bring(order, before)

    step(order, CANCELLATION, actor="staff:2")

    reversal = Transaction.objects.get(brand_id=own_brand.pk, type="reversal")
    assert (reversal.amount, reversal.reverses, reversal.actor) == (10, order.reward.transaction, "staff:2")
    assert balance(own_member, token) == 100
    assert (again(order.reward.reward_type).handed_out, again(order.reward.reward_type).left) == (0, 3)
    must_hold(own_brand)


def test_a_returned_gift_gives_its_points_back_but_is_no_stock(own_brand, own_member):
    token = make_token(own_brand)
    order = order_for(own_member, token)

    bring(order, RETURNED)

    reversal = Transaction.objects.get(brand_id=own_brand.pk, type="reversal")
    assert (reversal.amount, reversal.reverses) == (10, order.reward.transaction)
    assert (balance(own_member, token), again(order.reward.reward_type).left) == (100, 2)
    must_hold(own_brand)


@pytest.mark.parametrize("to", [IN_PREPARATION, IN_DELIVERY, DELIVERED])
def test_a_gift_on_its_way_gives_nothing_back(order, member, token, to):
    bring(order, to)

    assert balance(member, token) == 90
    assert again(order.reward.reward_type).left == 2


def test_points_of_a_cancelled_gift_keep_their_day_of_expiry(own_brand, own_member):
    token = make_expiring_token(own_brand, days=9_000)
    order = order_for(own_member, token)
    lot = Lot.objects.get(account=account_of(own_member, token))

    step(order, CANCELLATION, at=NOON + DAY)

    assert (lot.remaining, again(lot).remaining, again(lot).expires_at) == (90, 100, lot.expires_at)
    must_hold(own_brand)


def test_what_was_paid_for_a_gift_is_not_undone_in_any_other_way(order, member):
    paid = Transaction.objects.get(pk=order.reward.transaction_id)

    with pytest.raises(NotReversible):
        undo(paid, brand_id=member.brand_id)


@pytest.mark.parametrize("to", [CANCELLATION, RETURNED])
def test_a_gift_whose_points_came_back_cannot_be_used(order, to):
    bring(order, to)

    assert isinstance(attempt(lambda: use(order)), RewardCancelled)
    assert again(order.reward).used_at is None


def test_a_gift_that_was_used_cannot_be_cancelled(order, member, token):
    use(order)

    with pytest.raises(MoveNotAllowed):
        step(order, CANCELLATION)

    assert (again(order).status, balance(member, token)) == (EXCHANGE, 90)


def test_a_gift_that_is_used_and_cancelled_at_once_is_one_of_both(own_brand):
    token = make_token(own_brand)
    for _ in range(6):
        member = make_member(own_brand)
        order = order_for(member, token)

        outcomes = stampede(lambda act, order=order: act(order), [use, partial(step, to=CANCELLATION)])

        assert set(kinds(outcomes)) in ({Reward, MoveNotAllowed}, {RewardCancelled, GiftOrder})
        assert balance(member, token) == (90 if isinstance(outcomes[0], Reward) else 100)


def test_a_cancelled_gift_can_be_bought_again(own_brand, own_member):
    token = make_token(own_brand)
    order = order_for(own_member, token, stock=1, member_limit=1)
    mug = order.reward.reward_type
    other = make_member(own_brand)
    move_points(other, token, 10)
    before = [attempt(lambda: buy(own_member, mug)), attempt(lambda: buy(other, mug))]

    step(order, CANCELLATION)

    assert kinds(before) == {RewardLimitReached: 1, OutOfStock: 1}
    assert isinstance(buy(own_member, mug), HandedOut)
    assert isinstance(attempt(lambda: buy(other, mug)), OutOfStock)


def test_a_returned_gift_counts_for_the_limit_of_a_member(order, member):
    mug = order.reward.reward_type
    type(mug).objects.filter(pk=mug.pk).update(member_limit=1)

    bring(order, RETURNED)

    assert isinstance(attempt(lambda: buy(member, mug)), RewardLimitReached)


def test_of_many_who_move_an_order_at_once_one_does(own_brand, own_member):
    order = order_for(own_member, make_token(own_brand))

    outcomes = stampede(lambda number: step(order, IN_PREPARATION, actor=f"staff:{number}"), range(8))

    assert kinds(outcomes) == {GiftOrder: 1, MoveNotAllowed: 7}
    assert GiftOrderMove.objects.filter(order=order).count() == 1


def test_many_who_cancel_an_order_at_once_give_its_points_back_once(own_brand, own_member):
    token = make_token(own_brand)
    order = order_for(own_member, token)

    outcomes = stampede(lambda _: step(order, CANCELLATION), range(8))

    assert kinds(outcomes) == {GiftOrder: 1, MoveNotAllowed: 7}
    assert balance(own_member, token) == 100
    assert again(order.reward.reward_type).handed_out == 0
    must_hold(own_brand)


def test_an_order_that_is_cancelled_and_prepared_at_once_is_one_or_both_in_turn(own_brand):
    token = make_token(own_brand)
    for _ in range(6):
        member = make_member(own_brand)
        order = order_for(member, token)

        outcomes = stampede(lambda to, order=order: step(order, to), [CANCELLATION, IN_PREPARATION, CANCELLATION])

        assert kinds(outcomes[::2]) == {GiftOrder: 1, MoveNotAllowed: 1}
        assert again(order).status == CANCELLATION
        assert balance(member, token) == 100
    must_hold(own_brand)


def test_cancelling_while_others_buy_keeps_the_stock_exact(own_brand):
    token = make_token(own_brand)
    mug = make_reward_type(token, fulfilment=Fulfilment.PHYSICAL, stock=4)
    members = [make_member(own_brand) for _ in range(12)]
    for member in members:
        move_points(member, token, 10)
    orders = [GiftOrder.objects.get(reward=buy(member, mug).reward) for member in members[:4]]

    outcomes = stampede(
        lambda act: step(act, CANCELLATION) if isinstance(act, GiftOrder) else buy(act, mug), [*orders, *members[4:]]
    )

    sold = kinds(outcomes).get(HandedOut, 0)
    assert again(mug).handed_out == sold <= 4
    assert total(token) == 120 - 10 * sold
    must_hold(own_brand)


def test_the_order_of_an_erased_member_can_be_cancelled_and_gives_points_to_nobody(own_brand, own_member):
    token = make_token(own_brand)
    order = order_for(own_member, token)
    erase(own_member)

    step(order, CANCELLATION, reason="Ann Example is gone")

    assert again(order).status == CANCELLATION
    assert GiftOrderMove.objects.get(order=order).reason == ""
    assert again(order.reward.reward_type).left == 3
    assert balance(own_member, token) == 0
    assert not Transaction.objects.filter(brand_id=own_brand.pk, type="reversal").exists()
    must_hold(own_brand)


def test_the_reasons_of_an_erased_members_orders_are_forgotten(own_brand, own_member):
    order = order_for(own_member, make_token(own_brand))
    other = order_for(make_member(own_brand), make_token(own_brand))
    for each in (order, other):
        step(each, IN_PREPARATION, reason="Ann Example moved house")

    erase(own_member)

    (done,) = GiftOrderMove.objects.filter(order=order)
    assert (done.reason, done.actor, done.to_status) == ("", "staff:1", IN_PREPARATION)
    assert GiftOrderMove.objects.get(order=other).reason == "Ann Example moved house"


def test_a_cancellation_and_an_erasure_at_the_same_instant_end_right(own_brand):
    token = make_token(own_brand)
    for _ in range(8):
        member = make_member(own_brand)
        order = order_for(member, token)

        outcomes = stampede(lambda act, order=order, member=member: act(order, member), [_cancel, _erase])

        assert isinstance(outcomes[1], Member)
        assert isinstance(outcomes[0], GiftOrder), outcomes[0]
        assert balance(member, token) == 0
        assert not GiftOrderMove.objects.filter(order=order).exclude(reason="").exists()
    must_hold(own_brand)


def _cancel(order: GiftOrder, _: Member) -> GiftOrder:
    return step(order, CANCELLATION)


def _erase(_: GiftOrder, member: Member) -> Member:
    return erase(member)


def test_an_erasure_takes_the_reason_of_a_step_that_is_under_way(own_brand, own_member):
    order = order_for(own_member, make_token(own_brand))
    stepped, go_on = threading.Event(), threading.Event()

    def step_slowly() -> None:
        with transaction.atomic():
            step(order, IN_PREPARATION, reason="Ann Example moved house")
            stepped.set()
            go_on.wait(PATIENCE_SECONDS)
        connections.close_all()

    def erase_meanwhile() -> None:
        erase(own_member)
        connections.close_all()

    with ThreadPoolExecutor(2) as threads:
        stepping = threads.submit(step_slowly)
        stepped.wait(PATIENCE_SECONDS)
        erasing = threads.submit(erase_meanwhile)
        threading.Timer(0.5, go_on.set).start()
        stepping.result(PATIENCE_SECONDS)
        erasing.result(PATIENCE_SECONDS)

    assert GiftOrderMove.objects.get(order=order).reason == ""

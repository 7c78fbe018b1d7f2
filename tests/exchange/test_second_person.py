"""Ending a parked exchange by hand: one asks, another approves exactly that, once."""

import pytest
from django.utils import timezone

from exchange.errors import OrderMoved, OrderNotFound
from exchange.models import ExchangeMove, ExchangeOrder
from exchange.rules.orders import OrderState
from exchange.services.desk import refund_by_hand
from exchange.services.second_person import approve_ending, ask_refund, ask_settlement
from ledger.models import Account
from loyalty.errors import InvalidRequest
from tests.conftest import make_brand
from tests.exchange.conftest import POINTS
from tests.exchange.world import exchange, make_partnership, make_provider
from tests.loyalty.desk import make_staff
from users.errors import AlreadyAsked, ApprovalDecided, ApprovalNotFound, FormAlreadySent, OwnApproval
from users.models import Approval, ApprovalState, Brand, Staff


@pytest.fixture
def parked(rich, token, brand) -> ExchangeOrder:
    """Ninety-two points, parked; nobody listens there."""
    make_partnership(make_provider(brand), token)
    order = exchange(rich, token, 92)
    ExchangeOrder.objects.filter(pk=order.pk).update(state=OrderState.PARKED.value)
    order.refresh_from_db()
    return order


@pytest.fixture
def asker(brand: Brand) -> Staff:
    return make_staff(username=f"asker of {brand.pk}", brand=brand)


@pytest.fixture
def second(brand: Brand) -> Staff:
    return make_staff(username=f"second of {brand.pk}", brand=brand)


def terms(order: ExchangeOrder, staff: Staff, **changes) -> dict:
    known = {"brand_id": order.brand_id, "order_id": order.pk, "staff_id": staff.pk, "reason": "they wrote", "form": "f1"}
    return known | {"at": timezone.now()} | changes


def approve(approval: Approval, staff: Staff) -> ExchangeOrder:
    return approve_ending(brand_id=approval.brand_id, approval_id=approval.pk, staff_id=staff.pk, at=timezone.now())


def balance(order: ExchangeOrder) -> int:
    return Account.objects.get(member=order.member).balance


@pytest.mark.parametrize(
    ("ask", "more", "state", "left"),
    [
        (ask_settlement, {}, "settled", POINTS - 92),
        (ask_settlement, {"credited": 460}, "settled", POINTS - 46),
        (ask_refund, {}, "refused", POINTS),
    ],
)
def test_another_ends_it_as_it_was_asked(parked, asker, second, *, ask, more, state, left):
    approval = ask(**terms(parked, asker), **more)
    parked.refresh_from_db()
    assert (parked.state, balance(parked), approval.state) == ("parked", POINTS - 92, ApprovalState.ASKED)

    approve(approval, second)

    parked.refresh_from_db()
    approval.refresh_from_db()
    assert (parked.state, balance(parked)) == (state, left)
    assert (approval.state, approval.transaction_id) == (ApprovalState.APPROVED, parked.reversal_id)
    move = ExchangeMove.objects.get(order=parked, went_to=state)
    assert move.actor == f"staff:{asker.pk}"
    with pytest.raises(ApprovalDecided):
        approve(approval, second)


def test_nobody_ends_what_they_asked_for_themselves_or_another_brands(parked, asker):
    approval, stranger = ask_refund(**terms(parked, asker)), make_staff(username="stranger", brand=make_brand())

    with pytest.raises(OwnApproval):
        approve(approval, asker)
    with pytest.raises(ApprovalNotFound):
        approve(approval, stranger)
    with pytest.raises(OrderNotFound):
        ask_refund(**terms(parked, stranger, brand_id=stranger.brand_id, form="f2"))
    parked.refresh_from_db()
    assert parked.state == "parked"


def test_one_ending_of_an_exchange_waits_at_a_time(parked, asker, second):
    approval = ask_settlement(**terms(parked, asker))

    assert ask_settlement(**terms(parked, asker)).pk == approval.pk
    with pytest.raises(FormAlreadySent):
        ask_settlement(**terms(parked, asker), credited=5)
    with pytest.raises(AlreadyAsked):
        ask_refund(**terms(parked, second, form="f2"))


def test_what_was_ended_otherwise_leaves_the_approval_open(parked, asker, second):
    approval = ask_settlement(**terms(parked, asker))
    refund_by_hand(brand_id=parked.brand_id, order_id=parked.pk, actor="system", reason="told late", at=timezone.now())

    with pytest.raises(OrderMoved):
        approve(approval, second)

    approval.refresh_from_db()
    assert approval.state == ApprovalState.ASKED


def test_what_cannot_be_is_not_asked_for(parked, asker):
    for changes in ({"reason": " "}, {"credited": 920}):
        with pytest.raises(InvalidRequest):
            ask_settlement(**terms(parked, asker, **changes))
    ExchangeOrder.objects.filter(pk=parked.pk).update(state=OrderState.UNKNOWN.value)
    with pytest.raises(OrderMoved):
        ask_refund(**terms(parked, asker))
    assert not Approval.objects.filter(brand_id=parked.brand_id).exists()

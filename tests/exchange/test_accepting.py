"""Accepting while the world changes: a member goes, a partnership ends, a rate changes, a twin comes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from exchange.errors import ExchangeNotAllowed
from exchange.models import ExchangeOrder, Partnership
from exchange.services.orders import Accepted, accept_exchange
from exchange.services.partnerships import cancel_partnership
from ledger.errors import InsufficientBalance, ReferenceAlreadyUsed
from ledger.models import Transaction, TransactionType
from tests.conftest import make_brand, make_member, make_token
from tests.exchange.world import (
    OPEN_STATES,
    drive,
    exchange,
    make_brands_partnership,
    make_partnership,
    make_provider,
    request_of,
)
from tests.ledger.orders import move
from tests.rewards.conftest import attempt, closing, kinds, stampede
from tests.waiting import PATIENCE_SECONDS, wait_for_waiting
from users.errors import InvalidMembershipNumber, UserNotFound
from users.services.members import erase_member
from users.services.memberships import save_membership

NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@pytest.fixture
def own_rich(own_brand):
    """A member whose rows are committed, with 1,000 points of a token."""
    member, token = make_member(own_brand), make_token(own_brand)
    move(member, token, 1_000)
    yield member, token
    # What is committed stays: it must not be due in the tests that follow.
    ExchangeOrder.objects.filter(state__in=OPEN_STATES).update(due_at=NEVER)


def erase(member) -> None:
    erase_member(brand_id=member.brand_id, auth_id=str(member.auth_id), at=timezone.now())


def while_erasing(member, act, *, name_goes_on=False):
    """What comes of it when it has begun, and has to wait, before an erasure is committed."""
    name, erased, go_on = str(member.auth_id), threading.Event(), threading.Event()

    def erase_slowly() -> None:
        with transaction.atomic():
            erase(member)
            if name_goes_on:
                make_member(member.brand, auth_id=name)
            erased.set()
            go_on.wait(PATIENCE_SECONDS)

    with ThreadPoolExecutor(2) as threads:
        erasing = threads.submit(closing, erase_slowly)
        erased.wait(PATIENCE_SECONDS)
        waiting = threads.submit(closing, lambda: attempt(act))
        wait_for_waiting(1)
        go_on.set()
        erasing.result(PATIENCE_SECONDS)
        return waiting.result(PATIENCE_SECONDS)


def to_friend(member, token, token_b, name):
    return request_of(
        member, token, 100, provider_name=None, token_b_id=token_b.pk, type=TransactionType.EXCHANGE, number_override=name
    )


def test_a_changed_rate_and_a_cancelled_partnership_hold_at_once(rich, token):
    agreed = make_partnership(make_provider(rich.brand), token)

    assert exchange(rich, token, 10).received == 100
    Partnership.objects.filter(pk=agreed.pk).update(rate=Decimal(3))
    assert exchange(rich, token, 10).received == 30
    cancel_partnership(brand_id=rich.brand_id, partnership_id=agreed.pk, actor="test", reason="over", at=timezone.now())
    with pytest.raises(ExchangeNotAllowed):
        exchange(rich, token, 10)


def test_a_stored_number_at_another_programme_is_not_used(rich, token):
    make_partnership(make_provider(rich.brand, name="etihad"), token)
    stored = {"brand_id": rich.brand_id, "auth_id": str(rich.auth_id), "at": timezone.now()}
    save_membership(target_name="alaska", raw_number="12345678", **stored)

    with pytest.raises(InvalidMembershipNumber):
        exchange(rich, token, 10, number_override=None)


def test_of_twins_at_the_same_instant_one_orders_and_the_others_name_it(own_rich):
    member, token = own_rich
    make_partnership(make_provider(member.brand), token)
    request = request_of(member, token, 900, reference_id="Till 7")

    outcomes = stampede(lambda _: accept_exchange(request=request, at=timezone.now()), range(8))

    assert kinds(outcomes) == {Accepted: 1, ReferenceAlreadyUsed: 7}
    assert ExchangeOrder.objects.filter(brand=member.brand).count() == 1


def test_an_erasure_of_the_receiver_waits_for_the_order_and_takes_the_name_from_it(own_rich):
    member, token = own_rich
    theirs = make_brand()
    token_b, friend = make_token(theirs), make_member(theirs)
    make_brands_partnership(token, token_b)
    name, accepted, go_on = str(friend.auth_id), threading.Event(), threading.Event()

    def accept_slowly() -> None:
        with transaction.atomic():
            accept_exchange(request=to_friend(member, token, token_b, name), at=timezone.now())
            accepted.set()
            go_on.wait(PATIENCE_SECONDS)

    with ThreadPoolExecutor(2) as threads:
        accepting = threads.submit(closing, accept_slowly)
        accepted.wait(PATIENCE_SECONDS)
        erasing = threads.submit(closing, lambda: erase(friend))
        wait_for_waiting(1)
        go_on.set()
        accepting.result(PATIENCE_SECONDS)
        erasing.result(PATIENCE_SECONDS)
    namesake = make_member(theirs, auth_id=name)
    drive()

    order = ExchangeOrder.objects.get(brand=member.brand)
    assert (order.state, order.membership_number) == ("refused", "")
    assert not Transaction.objects.filter(account__member=namesake).exists()


def test_a_receiver_who_is_erased_at_the_same_instant_receives_nothing(own_rich):
    member, token = own_rich
    theirs = make_brand()
    token_b, friend = make_token(theirs), make_member(theirs)
    make_brands_partnership(token, token_b)
    request = to_friend(member, token, token_b, str(friend.auth_id))

    outcome = while_erasing(friend, lambda: accept_exchange(request=request, at=timezone.now()))

    assert isinstance(outcome, InvalidMembershipNumber)
    assert not ExchangeOrder.objects.filter(brand=member.brand).exists()


@pytest.mark.parametrize(("name_goes_on", "refusal"), [(False, UserNotFound), (True, InsufficientBalance)])
def test_who_is_erased_at_the_same_instant_orders_nothing(own_rich, name_goes_on, refusal):
    """Where the name is given to someone new in that instant, it is them who have no points."""
    member, token = own_rich
    make_partnership(make_provider(member.brand), token)
    request = request_of(member, token, 100)

    outcome = while_erasing(member, lambda: accept_exchange(request=request, at=timezone.now()), name_goes_on=name_goes_on)

    assert isinstance(outcome, refusal)
    assert not ExchangeOrder.objects.filter(brand=member.brand).exists()

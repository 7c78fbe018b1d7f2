"""Orders against the sandbox airline over HTTP: points leave if and only if miles arrive, once, whatever happens between."""

import time
from concurrent.futures import Future
from datetime import timedelta

import httpx
import pytest
from django.core.management import call_command
from django.utils import timezone

from exchange.adapters.base import Answer, AnswerKind
from exchange.models import Act, ExchangeAttempt, ExchangeOrder, Provider
from exchange.rules.breaker import FAILURES_TO_OPEN
from exchange.rules.orders import MOST_MISSES, OrderState
from exchange.sandbox.outcomes import Fault
from exchange.services import driving
from exchange.services.driving import drive_orders
from exchange.services.settling import AGAIN, record_answer
from ledger.models import Transaction, TransactionType
from ledger.selectors import balances_of
from tests.conftest import make_brand, make_member, make_token
from tests.exchange.conftest import POINTS
from tests.exchange.world import NOWHERE, drive, exchange, make_brands_partnership, make_partnership, make_provider
from users.models import Email
from users.services.members import erase_member


def balance(member) -> int:
    return balances_of(member, at=timezone.now())[0].points


def credited(airline, order: ExchangeOrder) -> list[tuple[str, int, int]]:
    """What the airline's own ledger holds of an order: its state, the miles, and how often they were credited."""
    rows = airline[1].ledger.rows("etihad")
    return [(row["state"], row["amount"], row["credits"]) for row in rows if row["callback"] == str(order.reference)]


def states_of(order: ExchangeOrder) -> list[str]:
    return [order.moves.order_by("pk").first().came_from, *order.moves.order_by("pk").values_list("went_to", flat=True)]


def check(member, airline, order: ExchangeOrder, *, settled: bool) -> None:
    """The two ledgers agree, each by its own count."""
    order.refresh_from_db()
    assert order.state == ("settled" if settled else "refused"), states_of(order)
    assert balance(member) == POINTS - (order.points if settled else 0)
    found = credited(airline, order)
    assert [(miles, times) for _, miles, times in found if times] == ([(order.received, 1)] if settled else [])


@pytest.mark.parametrize(
    ("points", "settled"), [(50, True), (92, True), (93, False), (94, True), (95, False), (97, True), (98, True)]
)
@pytest.mark.usefixtures("provider")
def test_each_amount_of_the_sandbox_ends_as_it_should(rich, token, airline, points, settled):
    order = exchange(rich, token, points)

    assert balance(rich) == POINTS - points, "the points are in clearing as soon as the order is accepted"
    for _ in range(8):
        drive()
        time.sleep(0.1)

    check(rich, airline, order, settled=settled)


def test_a_refusal_gives_the_points_back_by_a_linked_reversal_and_tells_the_member(rich, token, provider, airline):
    order = exchange(rich, token, 93)

    drive()

    order.refresh_from_db()
    assert order.reversal.reverses_id == order.transaction_id
    assert (order.reversal.type, order.reversal.amount) == (TransactionType.REVERSAL, 93)
    assert order.refusal_code == "INELIGIBLE"
    email = Email.objects.get(member=rich, kind="exchange_refused")
    assert email.context["points"] == 93


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.usefixtures("provider")
def test_whatever_the_airline_does_once_ends_right(rich, token, airline, fault):
    address, server = airline
    httpx.post(f"{address}/faults", json={"faults": [fault.value]}).raise_for_status()
    order = exchange(rich, token, 50)

    drive()
    order.refresh_from_db()
    assert order.state in {OrderState.ACCEPTED, OrderState.UNKNOWN}, "no failure is ever assumed"
    server.faults.switch({"faults": []})
    drive(rounds=3)

    check(rich, airline, order, settled=True)


def test_a_partner_that_cannot_be_reached_costs_nothing_and_is_left_alone_after_some_failures(rich, token, provider, airline):
    Provider.objects.filter(pk=provider.pk).update(address=f"{NOWHERE}/etihad")
    orders = [exchange(rich, token, 10) for _ in range(40)]

    drive_orders(clock=timezone.now, until=timezone.now() + timedelta(seconds=10))

    provider.refresh_from_db()
    made = ExchangeAttempt.objects.filter(order__in=orders)
    assert provider.open_until is not None
    assert provider.failures >= FAILURES_TO_OPEN
    assert made.count() <= provider.most_calls <= 10, "what was under way when it opened, and no more"
    assert set(ExchangeOrder.objects.filter(pk__in=[one.pk for one in orders]).values_list("state", flat=True)) == {"accepted"}
    Provider.objects.filter(pk=provider.pk).update(address=f"{airline[0]}/etihad")
    drive(rounds=4)
    assert set(ExchangeOrder.objects.filter(pk__in=[one.pk for one in orders]).values_list("state", flat=True)) == {"settled"}


def test_the_order_of_a_worker_that_died_is_asked_after_under_the_same_reference(rich, token, provider, airline):
    order = exchange(rich, token, 50)
    (call,) = driving._lease(10, {}, at=timezone.now())
    call.adapter.credit(call.credit)  # the airline has credited, and nobody lives to record it

    assert driving._lease(10, {}, at=timezone.now()) == [], "the lease keeps others away"
    drive()

    check(rich, airline, order, settled=True)
    assert list(order.calls.order_by("number").values_list("act", "outcome")) == [("credit", ""), ("inquire", "credited")]
    assert states_of(order) == ["accepted", "submitted", "unknown", "settled"]


def test_an_answer_that_comes_after_another_worker_took_over_is_not_thrown_away(rich, token, provider, airline):
    order = exchange(rich, token, 50)
    (slow,) = driving._lease(10, {}, at=timezone.now())
    drive()
    check(rich, airline, order, settled=True)

    record_answer(attempt_id=slow.attempt_id, answer=slow.adapter.credit(slow.credit), at=timezone.now())

    check(rich, airline, order, settled=True)
    assert order.calls.filter(outcome="credited").count() >= 2


def test_a_refusal_that_is_older_than_the_attempt_under_way_decides_nothing(rich, token, provider, airline):
    order = exchange(rich, token, 50)
    (old,) = driving._lease(10, {}, at=timezone.now())
    driving._lease(10, {}, at=timezone.now() + driving.lease())

    record_answer(attempt_id=old.attempt_id, answer=Answer(kind=AnswerKind.REFUSED, code="X"), at=timezone.now())

    order.refresh_from_db()
    assert order.state == OrderState.UNKNOWN
    assert balance(rich) == POINTS - 50


def late_success(order: ExchangeOrder) -> None:
    attempt = ExchangeAttempt.objects.create(
        brand_id=order.brand_id, order=order, number=99, act=Act.NOTICE, begun_at=timezone.now()
    )
    answer = Answer(kind=AnswerKind.CREDITED, partner_reference="late")
    for _ in range(2):  # told twice
        record_answer(attempt_id=attempt.pk, answer=answer, at=timezone.now())


def test_miles_that_arrive_after_a_refusal_take_the_points_again(rich, token, provider, airline):
    order = exchange(rich, token, 93)
    drive()
    assert balance(rich) == POINTS

    late_success(order)

    order.refresh_from_db()
    assert (order.state, balance(rich)) == ("settled", POINTS - 93)
    assert Transaction.objects.filter(account__member=rich, explanation__because=AGAIN).count() == 1


def test_miles_that_arrive_after_a_refusal_and_cannot_be_paid_are_for_staff(rich, token, provider, airline):
    order = exchange(rich, token, 93)
    drive()
    exchange(rich, token, POINTS)

    late_success(order)

    order.refresh_from_db()
    assert (order.state, balance(rich)) == ("parked", 0)


def test_an_order_without_an_answer_for_too_long_is_parked_undecided(rich, token, provider):
    order = exchange(rich, token, 50)
    ExchangeOrder.objects.filter(pk=order.pk).update(misses=MOST_MISSES)

    drive()

    order.refresh_from_db()
    assert (order.state, balance(rich)) == ("parked", POINTS - 50)


def test_points_of_another_brand_arrive_once_and_refusals_come_back(rich, token):
    theirs = make_brand()
    token_b, friend = make_token(theirs), make_member(theirs)
    make_brands_partnership(token, token_b)
    terms = {"provider_name": None, "token_b_id": token_b.pk, "type": TransactionType.EXCHANGE}
    order = exchange(rich, token, 101, number_override=str(friend.auth_id), **terms)

    drive(rounds=2)

    order.refresh_from_db()
    assert (order.state, order.received, str(order.remainder.normalize())) == ("settled", 50, "0.5")
    assert (balance(rich), balance(friend)) == (POINTS - 101, 50)
    gone = exchange(rich, token, 100, number_override=str(friend.auth_id), **terms)
    erase_member(brand_id=theirs.pk, auth_id=str(friend.auth_id), at=timezone.now())
    drive()
    gone.refresh_from_db()
    assert (gone.state, gone.refusal_code, balance(rich)) == ("refused", "user_not_found", POINTS - 101)


def test_a_credit_between_brands_whose_recording_was_lost_is_found(rich, token):
    theirs = make_brand()
    token_b, friend = make_token(theirs), make_member(theirs)
    make_brands_partnership(token, token_b)
    terms = {"provider_name": None, "token_b_id": token_b.pk, "type": TransactionType.EXCHANGE}
    order = exchange(rich, token, 100, number_override=str(friend.auth_id), **terms)
    (call,) = driving._lease(10, {}, at=timezone.now())
    call.adapter.credit(call.credit)

    drive()

    order.refresh_from_db()
    assert (order.state, balance(friend)) == ("settled", 50)


def test_an_erased_members_miles_still_arrive_and_the_number_is_forgotten_then(rich, token, provider, airline):
    order, done = exchange(rich, token, 50), exchange(rich, token, 60)
    ExchangeOrder.objects.filter(pk=order.pk).update(due_at=timezone.now() + timedelta(hours=1))
    drive_orders(clock=timezone.now, until=timezone.now() + timedelta(seconds=5))

    erase_member(brand_id=rich.brand_id, auth_id=str(rich.auth_id), at=timezone.now())

    order.refresh_from_db()
    done.refresh_from_db()
    assert (done.state, done.membership_number) == ("settled", "")
    assert order.membership_number
    drive()
    order.refresh_from_db()
    assert (order.state, order.membership_number) == ("settled", "")


def test_a_refusal_for_an_erased_member_gives_nothing_to_nobody(rich, token, provider, airline):
    order = exchange(rich, token, 93)
    erase_member(brand_id=rich.brand_id, auth_id=str(rich.auth_id), at=timezone.now())

    drive()

    order.refresh_from_db()
    assert (order.state, order.reversal_id, order.membership_number) == ("refused", None, "")


def test_an_inactive_provider_keeps_its_orders_waiting_and_holds_up_no_other(rich, token, provider, airline):
    Provider.objects.filter(pk=provider.pk).update(active=False)
    order = exchange(rich, token, 50)

    drive()

    order.refresh_from_db()
    assert (order.state, order.attempts) == ("accepted", 0)
    Provider.objects.filter(pk=provider.pk).update(active=True)
    drive()
    check(rich, airline, order, settled=True)


def test_the_status_shows_every_provider_with_its_queue_and_breaker(rich, token, provider, airline, capsys):
    for points in (50, 93):
        exchange(rich, token, points)
    drive()
    exchange(rich, token, 60)
    Provider.objects.filter(pk=provider.pk).update(failures=7, open_until=timezone.now() + timedelta(minutes=1))

    call_command("exchange_status")

    told = capsys.readouterr().out.splitlines()
    (line,) = [line for line in told if rich.brand.name in line]
    shown = dict(zip(told[0].split()[2:9], line.removeprefix(rich.brand.name).split()[1:8], strict=True))
    wanted = {"accepted": "1", "settled": "1", "refused": "1"}
    assert shown == dict.fromkeys(shown, "0") | wanted
    assert line.rstrip().endswith("no, after 7 failures")


@pytest.mark.parametrize("fault", [{"secret": b"encrypted under another key"}, {"adapter": "unheard_of"}, {"address": "::"}])
def test_a_provider_that_is_set_up_wrongly_keeps_its_orders_and_holds_up_no_other(rich, token, provider, airline, fault):
    other = make_provider(rich.brand, address=airline[0], name="alaska")
    make_partnership(other, token)
    Provider.objects.filter(pk=provider.pk).update(**fault)
    stuck = exchange(rich, token, 50)
    free = exchange(rich, token, 60, provider_name="alaska", number_override="12345678")

    drive()

    stuck.refresh_from_db()
    free.refresh_from_db()
    assert (stuck.state, free.state) == ("accepted", "settled")


def test_an_answer_that_cannot_be_recorded_holds_up_no_other(rich, token, provider, airline, monkeypatch):
    first, second = exchange(rich, token, 50), exchange(rich, token, 60)

    def failing(*, attempt_id, answer, at):
        if ExchangeAttempt.objects.get(pk=attempt_id).order_id == first.pk:
            raise RuntimeError
        return record_answer(attempt_id=attempt_id, answer=answer, at=at)

    with monkeypatch.context() as patched:
        patched.setattr(driving, "record_answer", failing)
        drive()
    second.refresh_from_db()
    assert second.state == "settled"
    drive()

    first.refresh_from_db()
    assert first.state == "settled"


def test_a_failing_provider_with_many_due_orders_starves_no_other(rich, token, provider, airline):
    Provider.objects.filter(pk=provider.pk).update(address=f"{airline[0]}/etihad", failures=4)
    other = make_provider(rich.brand, address=airline[0], name="alaska")
    make_partnership(other, token)
    for _ in range(driving.MOST_AT_ONCE + 5):
        exchange(rich, token, 10)
    free = exchange(rich, token, 60, provider_name="alaska", number_override="12345678")
    (first,) = driving._lease(driving.MOST_AT_ONCE, {}, at=timezone.now())

    (second,) = driving._lease(driving.MOST_AT_ONCE, {Future(): first}, at=timezone.now())

    assert (first.provider_id, second.provider_id) == (provider.pk, other.pk)
    assert second.credit.reference == free.reference

"""Answers that come late, twice, or contradict each other: the two ledgers still agree, or staff are called."""

import pytest
from django.utils import timezone

from exchange.adapters.base import Answer, AnswerKind
from exchange.adapters.lcp.client import meaning_of
from exchange.adapters.lcp.wire import Reply
from exchange.models import Act, ExchangeAttempt, ExchangeOrder, Provider
from exchange.rules.breaker import FAILURES_TO_OPEN, OPEN_FOR
from exchange.rules.orders import MOST_MISSES
from exchange.services import driving
from exchange.services.settling import record_answer
from ledger.models import TransactionType
from tests.conftest import make_brand, make_member, make_token
from tests.exchange.conftest import POINTS
from tests.exchange.test_driving import balance, check
from tests.exchange.world import drive, exchange, make_brands_partnership
from users.services.members import erase_member


def told(order: ExchangeOrder, kind: AnswerKind, **words: str) -> ExchangeOrder:
    """The order after the partner told something of its own accord."""
    order.refresh_from_db()
    ExchangeOrder.objects.filter(pk=order.pk).update(attempts=order.attempts + 1)
    terms = {"brand_id": order.brand_id, "order": order, "act": Act.NOTICE, "begun_at": timezone.now()}
    attempt = ExchangeAttempt.objects.create(number=order.attempts + 1, **terms)
    record_answer(attempt_id=attempt.pk, answer=Answer(kind=kind, **words), at=timezone.now())
    order.refresh_from_db()
    return order


def test_a_credit_counts_that_is_told_after_the_partner_said_nothing_had_arrived(rich, token, provider, airline):
    order = exchange(rich, token, 50)
    (slow,) = driving._lease(10, {}, at=timezone.now())
    (asking,) = driving._lease(10, {}, at=timezone.now() + driving.lease())
    record_answer(attempt_id=asking.attempt_id, answer=Answer(kind=AnswerKind.NOT_FOUND), at=timezone.now())
    order.refresh_from_db()
    assert order.state == "accepted"

    record_answer(attempt_id=slow.attempt_id, answer=slow.adapter.credit(slow.credit), at=timezone.now())

    check(rich, airline, order, settled=True)


def test_what_the_partner_once_had_is_never_sent_again(rich, token, provider):
    order = exchange(rich, token, 50)
    driving._lease(10, {}, at=timezone.now())
    told(order, AnswerKind.PENDING, partner_reference="theirs")

    for _ in range(3):
        told(order, AnswerKind.NOT_FOUND)

    assert order.state == "unknown"


def test_a_second_credit_after_a_refusal_that_could_not_be_paid_stays_with_staff(rich, token, provider):
    order = exchange(rich, token, 93)
    drive()
    exchange(rich, token, POINTS)

    states = [told(order, AnswerKind.CREDITED).state for _ in range(3)]

    assert states == ["parked"] * 3
    assert balance(rich) == 0


def test_only_a_refusal_decides_what_is_parked_besides_a_credit(rich, token, provider):
    order = exchange(rich, token, 50)
    ExchangeOrder.objects.filter(pk=order.pk).update(state="parked")

    for kind in (AnswerKind.PENDING, AnswerKind.NOT_FOUND, AnswerKind.NOT_SENT, AnswerKind.NO_ANSWER):
        assert told(order, kind).state == "parked"
    assert told(order, AnswerKind.REFUSED).state == "refused"
    assert balance(rich) == POINTS


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b'{"status": "success"}', AnswerKind.CREDITED),
        (200, b'{"status": "success", "amount": 499}', AnswerKind.NO_ANSWER),
        (200, b'{"status": "failure", "statusMessage": "INELIGIBLE"}', AnswerKind.REFUSED),
        (200, b'{"status": "done"}', AnswerKind.NO_ANSWER),
        (200, b"[]", AnswerKind.NO_ANSWER),
        (422, b'{"errors": [{"code": "UNKNOWN_MEMBER"}]}', AnswerKind.REFUSED),
        (409, b'{"errors": [{"code": "DUPLICATE"}]}', AnswerKind.NO_ANSWER),
        (400, b"{}", AnswerKind.NO_ANSWER),
        (401, b"{}", AnswerKind.NOT_SENT),
        (429, b"", AnswerKind.NOT_SENT),
        (302, b"", AnswerKind.NO_ANSWER),
        (503, b'{"status": "failure"}', AnswerKind.NO_ANSWER),
    ],
)
def test_only_what_is_plain_decides(status, body, kind):
    assert meaning_of(Reply(status, "", body), expected_amount=500).kind is kind


def test_no_words_of_the_partners_are_kept_but_codes():
    body = b'{"status": "failure", "statusMessage": "992001234567897 JOHN SMITH", "transactionId": "a\\u0000b"}'

    answer = meaning_of(Reply(200, "", body))

    assert (answer.code, answer.detail, answer.partner_reference) == ("refused", "", "")


def test_a_burst_that_fails_opens_the_breaker_once_and_not_for_ever_longer(rich, token, provider):
    for _ in range(provider.most_calls):
        exchange(rich, token, 50)
    at = timezone.now()
    calls = driving._lease(provider.most_calls, {}, at=at)

    for call in calls:
        driving._record(call, Answer(kind=AnswerKind.NO_ANSWER), at, set())

    provider.refresh_from_db()
    assert (provider.failures, provider.open_until) == (FAILURES_TO_OPEN, at + OPEN_FOR)
    Provider.objects.filter(pk=provider.pk).update(open_until=at)
    ExchangeOrder.objects.filter(brand=rich.brand).update(due_at=at)
    (probe,) = driving._lease(10, {}, at=at)
    driving._record(probe, Answer(kind=AnswerKind.NO_ANSWER), at, set())
    provider.refresh_from_db()
    assert (provider.failures, provider.open_until) == (FAILURES_TO_OPEN + 1, at + 2 * OPEN_FOR)


def test_points_for_someone_who_was_erased_go_to_nobody_who_took_the_name(rich, token):
    theirs = make_brand()
    token_b, friend = make_token(theirs), make_member(theirs)
    make_brands_partnership(token, token_b)
    name = str(friend.auth_id)
    order = exchange(
        rich, token, 100, provider_name=None, token_b_id=token_b.pk, type=TransactionType.EXCHANGE, number_override=name
    )
    erase_member(brand_id=theirs.pk, auth_id=name, at=timezone.now())
    namesake = make_member(theirs, auth_id=name)

    drive()

    order.refresh_from_db()
    assert (order.state, order.membership_number) == ("refused", "")
    assert (balance(rich), balance(namesake)) == (POINTS, 0)


def test_attempts_that_leave_no_outcome_count_until_staff_must_look(rich, token, provider):
    order = exchange(rich, token, 50)
    for number in range(3):
        driving._lease(1, {}, at=timezone.now() + number * driving.lease())
        order.refresh_from_db()
        assert (order.attempts, order.misses) == (number + 1, number)
    ExchangeOrder.objects.filter(pk=order.pk).update(misses=MOST_MISSES)

    driving._lease(1, {}, at=timezone.now() + 3 * driving.lease())

    order.refresh_from_db()
    assert order.state == "parked"

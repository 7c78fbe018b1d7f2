"""Actions and events sent twice or by many at once: each pays once. Erased and merged members; trying without doing."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import transaction

from ledger.models import Account
from rewards.errors import (
    ActionAlreadyDone,
    ConditionsNotMet,
    EventIdReused,
    FirstAnswerErased,
    LimitReached,
)
from rewards.models import ActionGain, ActionUse, Frequency
from rewards.rules.actions import Asked, Case, Left
from rewards.services.actions import Done, try_action
from rewards.services.business_keys import Answered
from tests.conftest import NOON, make_brand, make_member, make_token
from tests.rewards.acting import do, make_action, make_segment, report
from tests.rewards.conftest import DAY, attempt, balance, closing, kinds, make_members, must_hold, stampede, total
from tests.waiting import wait_for_waiting
from users.errors import UserNotFound
from users.models import Member
from users.services.members import erase_member
from users.services.merging import merge_members

COFFEE = [{"property": "category", "is": "equals", "value": "coffee"}]


def erase(member: Member) -> Member:
    return erase_member(brand_id=member.brand_id, auth_id=member.auth_id, at=NOON)


def merge(keep: Member, duplicate: Member) -> None:
    terms = {"keep_id": keep.pk, "duplicate_id": duplicate.pk}
    merge_members(brand_id=keep.brand_id, **terms, actor="staff:1", at=NOON)


def traces(member: Member) -> int:
    own = {"brand_id": member.brand_id, "member": member}
    return ActionGain.objects.filter(**own).count() + ActionUse.objects.filter(**own).count()


# --- duplicates ---


def test_a_parameter_pays_once_for_each_member_and_action(brand, token):
    one, other, action = make_member(brand), make_member(brand), make_action(token)
    do(one, action, param="order 1")

    outcomes = [
        attempt(lambda: do(one, action, param="order 1", at=NOON + 400 * DAY)),
        attempt(lambda: do(one, action, param="order 2")),
        attempt(lambda: do(one, make_action(token), param="order 1")),
        attempt(lambda: do(other, action, param="order 1")),
    ]

    assert [type(outcome) for outcome in outcomes] == [ActionAlreadyDone, Done, Done, Done]


def test_an_event_is_answered_as_at_first(member, token):
    action = make_action(token, frequency=Frequency.ONCE)
    first = report(member, action, "event 1", content=b"one")

    again = report(member, action, "event 1", content=b"one", at=NOON + 400 * DAY)

    assert first == Answered("5 of 5", first=True, member_id=member.pk)
    assert again == Answered("5 of 5", first=False, member_id=member.pk)
    assert balance(member, token) == 5


def test_an_event_id_is_not_used_for_anything_else(brand, token):
    one, other, action = make_member(brand), make_member(brand), make_action(token)
    report(one, action, "event 1", content=b"one")

    outcomes = [attempt(lambda who=who: report(who, action, "event 1", content=b"other")) for who in (one, other)]

    assert kinds(outcomes) == {EventIdReused: 2}
    assert total(token) == 5


def test_an_event_id_of_another_brand_is_another(member, token):
    elsewhere = make_token(make_brand())
    report(member, make_action(token), "event 1")

    assert report(make_member(elsewhere.brand), make_action(elsewhere), "event 1", content=b"other").first


def test_an_event_that_was_refused_may_come_again(member, token):
    action = make_action(token, conditions=COFFEE)
    refused = attempt(lambda: report(member, action, "event 1", content=b"tea"))

    told = report(member, action, "event 1", content=b"coffee", properties={"category": "coffee"})

    assert isinstance(refused, ConditionsNotMet)
    assert told.first


# --- many at once ---


@pytest.mark.parametrize("known", [True, False])
def test_a_once_only_action_pays_once_under_a_stampede(own_brand, own_member, known):
    """64 threads, also where the member has no account yet."""
    token = make_token(own_brand)
    if known:
        do(own_member, make_action(token))
    action = make_action(token, frequency=Frequency.ONCE, points=100)

    outcomes = stampede(lambda _: do(own_member, action), range(64))

    assert kinds(outcomes) == {Done: 1, LimitReached: 63}
    assert balance(own_member, token) == 100 + 5 * known
    must_hold(own_brand)


def test_limits_hold_exactly_for_many_members_at_once(own_brand):
    token, members = make_token(own_brand), make_members(own_brand, 8)
    action = make_action(token, frequency=Frequency.DAY, period_limit=5, total_limit=3)

    outcomes = stampede(lambda member: do(member, action), [member for member in members for _ in range(8)])

    assert kinds(outcomes) == {Done: 24, LimitReached: 40}
    assert {balance(member, token) for member in members} == {15}
    assert set(ActionUse.objects.filter(action=action).values_list("count", flat=True)) == {3}
    must_hold(own_brand)


def test_a_limit_holds_even_against_who_counts_without_holding_the_member(own_brand, own_member):
    """What is counted after the judgement, and before the count, ends the whole: no points stay."""
    token = make_token(own_brand)
    action = make_action(token, total_limit=3)
    do(own_member, action)
    counted = ActionUse.objects.filter(action=action, member=own_member)

    with ThreadPoolExecutor(2) as threads:
        with transaction.atomic():
            Account.objects.select_for_update().get(member=own_member, token=token)
            late = threads.submit(closing, lambda: attempt(lambda: do(own_member, action)))
            wait_for_waiting()
            threads.submit(closing, lambda: counted.update(count=3)).result()
        outcome = late.result()

    assert isinstance(outcome, LimitReached)
    assert balance(own_member, token) == 5
    assert ActionGain.objects.filter(member=own_member).count() == 1
    must_hold(own_brand)


def test_a_parameter_pays_once_however_often_it_is_sent_at_once(own_brand, own_member):
    token = make_token(own_brand)
    action = make_action(token)

    outcomes = stampede(lambda _: do(own_member, action, param="order 1"), range(16))

    assert kinds(outcomes) == {Done: 1, ActionAlreadyDone: 15}
    assert balance(own_member, token) == 5


def test_sixteen_sends_of_one_event_pay_once_and_are_answered_alike(own_brand, own_member):
    token = make_token(own_brand)
    action = make_action(token)

    outcomes = stampede(lambda _: report(own_member, action, "event 1"), range(16))

    assert sorted(outcome.first for outcome in outcomes) == [False] * 15 + [True]
    assert {outcome.text for outcome in outcomes} == {"5 of 5"}
    assert balance(own_member, token) == 5
    must_hold(own_brand)


def test_one_event_id_of_many_members_at_once_is_one_s(own_brand):
    token, members = make_token(own_brand), make_members(own_brand, 16)
    action = make_action(token)

    outcomes = stampede(lambda member: report(member, action, "event 1", content=str(member.pk).encode()), members)

    assert kinds(outcomes) == {Answered: 1, EventIdReused: 15}
    assert total(token) == 5
    must_hold(own_brand)


# --- erased, merged, tried ---


def test_of_who_is_erased_the_event_stays_used_and_nothing_is_told(own_brand, own_member):
    token = make_token(own_brand)
    action = make_action(token, frequency=Frequency.ONCE)
    report(own_member, action, "event 1", param="order 1")
    name, pk = own_member.auth_id, own_member.pk

    erase(own_member)

    gain = ActionGain.objects.get(brand=own_brand)
    assert (gain.answer, bytes(gain.salt), bytes(gain.fingerprint), gain.param) == (None, b"", b"", None)
    assert not ActionUse.objects.filter(member_id=pk).exists()
    newcomer = make_member(own_brand, auth_id=name)
    assert isinstance(attempt(lambda: report(newcomer, action, "event 1")), FirstAnswerErased)
    assert do(newcomer, action, param="order 1").points == 5
    must_hold(own_brand)


def test_who_is_erased_while_they_act_keeps_nothing(own_brand):
    token = make_token(own_brand)
    for turn in range(8):
        member, action = make_member(own_brand), make_action(token)
        if turn % 2:
            do(member, action)

        outcomes = stampede(
            lambda act: act(), [lambda member=member: erase(member)] + [lambda m=member, a=action: do(m, a)] * 2
        )

        assert set(kinds(outcomes)) <= {Done, UserNotFound, Member}
        assert balance(member, token) == 0
        assert not ActionUse.objects.filter(member=member).exists()
    must_hold(own_brand)


def test_a_merge_adds_up_what_was_done_and_forgets_no_parameter(own_brand):
    token, keep, duplicate = make_token(own_brand), make_member(own_brand), make_member(own_brand)
    action = make_action(token, total_limit=3)
    do(keep, action)
    do(duplicate, action, param="order 1")

    merge(keep, duplicate)

    assert isinstance(attempt(lambda: do(keep, action, param="order 1")), ActionAlreadyDone)
    assert do(keep, action).left == Left(None, 0)
    assert isinstance(attempt(lambda: do(keep, action)), LimitReached)
    assert not ActionUse.objects.filter(member=duplicate).exists()
    assert ActionGain.objects.filter(member=duplicate).count() == 1
    must_hold(own_brand)


def test_what_would_happen_is_told_and_nothing_is_done(brand, member, token):
    action = make_action(token, frequency=Frequency.DAY, conditions=COFFEE, segments=[make_segment(brand, member)])
    do(member, action, properties={"category": "coffee"})
    before = traces(member), balance(member, token)

    today = try_action(action=action, member=member, asked=Case(occurred_at=NOON, properties={"category": "tea"}), at=NOON)
    asked = Case(occurred_at=NOON + DAY, properties={"category": "coffee"})
    tomorrow = try_action(action=action, member=member, asked=asked, at=NOON + DAY)

    assert [(one.asked, one.met) for one in today] == [
        (Asked.PERIOD_LIMIT, False),
        (Asked.CONDITION, False),
        (Asked.SEGMENTS, True),
    ]
    assert all(one.met for one in tomorrow)
    assert (traces(member), balance(member, token)) == before

"""Actions: rewarded as often as they count and no more, whoever sends them at once; refused by name, and then nothing stays."""

from datetime import UTC, datetime, timedelta

import pytest

from ledger.models import Lot, Transaction
from loyalty.errors import InvalidRequest
from rewards.errors import (
    ActionAlreadyDone,
    ConditionsNotMet,
    LimitReached,
    UnknownEvent,
)
from rewards.models import Action, ActionGain, ActionUse, Frequency, Programme
from rewards.rules.actions import Left
from rewards.services.actions import Done, do_action
from tests.conftest import NOON, make_brand, make_expiring_token, make_member, make_token
from tests.rewards.acting import asked, do, make_action, make_segment
from tests.rewards.conftest import DAY, attempt, balance, kinds
from users.errors import UserNotFound
from users.models import Member

COFFEE = [{"property": "category", "is": "equals", "value": "coffee"}]


def reason_of(refusal: Exception) -> tuple[str, str]:
    (error,) = refusal.errors
    return error.field, error.code


def traces(member: Member) -> int:
    own = {"brand_id": member.brand_id, "member": member}
    return ActionGain.objects.filter(**own).count() + ActionUse.objects.filter(**own).count()


def test_an_action_gives_its_points_and_says_why(member, token):
    action = make_action(token, points=7)

    done = do(member, action, occurred_at=NOON - DAY)

    row = Transaction.objects.get(pk=done.posted.id)
    assert (done.points, done.posted.balance_after, done.left) == (7, 7, Left(None, None))
    assert (row.type, row.counterpart, row.actor, row.explanation) == ("event", "issuance", "client:7", {"action": action.pk})
    assert (row.effective_at, row.amount) == (NOON - DAY, 7)
    gain = ActionGain.objects.get(posting=row)
    assert (gain.action, gain.member, gain.points, gain.occurred_at) == (action, member, 7, NOON - DAY)


def test_points_of_an_expiring_token_open_a_lot(brand, member):
    done = do(member, make_action(make_expiring_token(brand)))

    assert Lot.objects.get(account_id=done.posted.account_id).remaining == 5


@pytest.mark.parametrize("tag", ["else", "", "daily\x00"])
def test_an_action_that_nobody_offers_is_unknown(member, token, tag):
    make_action(token, tag="daily", active=True)

    with pytest.raises(UnknownEvent):
        do_action(order=asked(member, Action(tag=tag)), at=NOON)


def test_an_action_that_is_offered_no_more_is_unknown(member, token):
    with pytest.raises(UnknownEvent):
        do(member, make_action(token, active=False))


def test_an_action_of_another_brand_is_unknown(member):
    with pytest.raises(UnknownEvent):
        do(member, make_action(make_token(make_brand())))


def test_a_member_of_another_brand_is_not_found(token):
    stranger = make_member(make_brand())

    with pytest.raises(UserNotFound):
        do(stranger, make_action(token), brand_id=token.brand_id)


# --- limits ---


@pytest.mark.parametrize(
    ("terms", "times", "left", "reason"),
    [
        ({"frequency": Frequency.ONCE}, 1, Left(0, 0), "period_limit"),
        ({"frequency": Frequency.ONCE, "period_limit": 3, "total_limit": 3}, 1, Left(0, 0), "period_limit"),
        ({"frequency": Frequency.DAY, "period_limit": 2}, 2, Left(0, None), "period_limit"),
        ({"frequency": Frequency.MONTH, "period_limit": 9, "total_limit": 2}, 2, Left(7, 0), "total_limit"),
        ({"total_limit": 3}, 3, Left(None, 0), "total_limit"),
    ],
)
def test_an_action_counts_as_often_as_it_says(member, token, *, terms, times, left, reason):
    action = make_action(token, **terms)

    done = [do(member, action) for _ in range(times)]
    refused = attempt(lambda: do(member, action))

    assert done[-1].left == left
    assert isinstance(refused, LimitReached)
    assert reason_of(refused) == ("event_code", reason)
    assert balance(member, token) == 5 * times


def test_a_refusal_counts_nothing(member, token):
    action = make_action(token, frequency=Frequency.DAY, period_limit=5, total_limit=1)
    do(member, action)
    before = list(ActionUse.objects.filter(member=member).order_by("period").values_list("period", "count"))

    refused = [attempt(lambda: do(member, action, at=NOON + DAY)) for _ in range(2)]

    assert kinds(refused) == {LimitReached: 2}
    assert {reason_of(one) for one in refused} == {("event_code", "total_limit")}
    assert list(ActionUse.objects.filter(member=member).order_by("period").values_list("period", "count")) == before
    assert before == [("2026-06-01", 1), ("all", 1)]


def test_one_members_limit_is_not_another_s(brand, token):
    action = make_action(token, frequency=Frequency.ONCE)

    assert [do(member, action).points for member in (make_member(brand), make_member(brand))] == [5, 5]


def test_what_was_done_counts_when_a_limit_comes_later(member, token):
    action = make_action(token)
    do(member, action)
    Action.objects.filter(pk=action.pk).update(total_limit=1)

    with pytest.raises(LimitReached):
        do(member, action)


NIGHTS = {
    "spring": (datetime(2026, 3, 28, 23, tzinfo=UTC), timedelta(hours=23)),
    "autumn": (datetime(2026, 10, 24, 22, tzinfo=UTC), timedelta(hours=25)),
    "neither": (datetime(2026, 5, 31, 22, tzinfo=UTC), timedelta(hours=24)),
}


@pytest.mark.parametrize(("midnight", "length"), NIGHTS.values(), ids=NIGHTS)
def test_a_day_is_the_brand_s_own_also_when_clocks_change(member, token, midnight, length):
    """Zurich: 23 hours on one day in spring, 25 on one in autumn, and once in each of them."""
    action, moment = make_action(token, frequency=Frequency.DAY), timedelta(seconds=1)
    do(member, action, at=midnight - moment)

    outcomes = [
        attempt(lambda instant=instant: do(member, action, at=instant))
        for instant in (midnight, midnight + timedelta(hours=3), midnight + length - moment, midnight + length)
    ]

    assert [type(outcome) for outcome in outcomes] == [Done, LimitReached, LimitReached, Done]


@pytest.mark.parametrize(
    ("frequency", "first", "again", "next_"),
    [
        (Frequency.WEEK, "2026-06-01T00:00", "2026-06-07T23:59", "2026-06-08T00:00"),
        (Frequency.WEEK, "2025-12-29T00:00", "2026-01-04T23:59", "2026-01-05T00:00"),
        (Frequency.MONTH, "2026-10-01T00:00", "2026-10-31T23:59", "2026-11-01T00:00"),
    ],
)
def test_weeks_begin_on_monday_and_months_on_their_first(member, token, *, frequency, first, again, next_):
    action = make_action(token, frequency=frequency)

    instants = [datetime.fromisoformat(text).replace(tzinfo=token.brand.zone) for text in (first, again, next_)]
    outcomes = [attempt(lambda instant=instant: do(member, action, at=instant)) for instant in instants]

    assert [type(outcome) for outcome in outcomes] == [Done, LimitReached, Done]


# --- dates, conditions, segments ---


def test_a_past_instant_counts_in_its_own_day(member, token):
    action = make_action(token, frequency=Frequency.DAY)

    done = [do(member, action, occurred_at=NOON - days * DAY).points for days in (0, 1, 2)]

    assert done == [5, 5, 5]
    with pytest.raises(LimitReached):
        do(member, action, occurred_at=NOON - DAY)


@pytest.mark.parametrize(("days", "passes"), [(-1, False), (30, True), (31, False)])
def test_nothing_is_told_of_the_future_or_of_too_long_ago(member, token, days, passes):
    outcome = attempt(lambda: do(member, make_action(token), occurred_at=NOON - days * DAY))

    assert isinstance(outcome, Done if passes else InvalidRequest)
    assert passes or outcome.errors[0].field == "occurred_at"
    assert passes or traces(member) == 0


def test_how_far_back_is_the_programme_s(member, token):
    Programme.objects.create(brand=token.brand, token=token, backdating_days=2)

    outcomes = [attempt(lambda days=days: do(member, make_action(token), occurred_at=NOON - days * DAY)) for days in (2, 3)]

    assert [type(outcome) for outcome in outcomes] == [Done, InvalidRequest]


@pytest.mark.parametrize(
    ("terms", "told", "field", "reason"),
    [
        ({"conditions": COFFEE}, {"properties": {"category": "tea"}}, "properties.category", "condition"),
        ({"conditions": COFFEE}, {}, "properties.category", "condition"),
        ({"starts_at": NOON + DAY}, {}, "occurred_at", "dates"),
        ({"ends_at": NOON}, {}, "occurred_at", "dates"),
        ({"starts_at": NOON - DAY}, {"occurred_at": NOON - 2 * DAY}, "occurred_at", "dates"),
    ],
)
def test_what_an_action_asks_for_must_be_so(member, token, *, terms, told, field, reason):
    refused = attempt(lambda: do(member, make_action(token, **terms), **told))

    assert isinstance(refused, ConditionsNotMet)
    assert reason_of(refused) == (field, reason)
    assert (balance(member, token), traces(member)) == (0, 0)


def test_an_action_whose_conditions_hold_is_rewarded(member, token):
    assert do(member, make_action(token, conditions=COFFEE), properties={"category": "coffee", "size": 2}).points == 5


def test_an_action_for_segments_is_for_members_of_any_of_them(brand, token):
    inside, outside = make_member(brand), make_member(brand)
    action = make_action(token, segments=[make_segment(brand), make_segment(brand, inside)])

    refused = attempt(lambda: do(outside, action))

    assert do(inside, action).points == 5
    assert reason_of(refused) == ("member_id", "segments")


def test_a_duplicate_is_told_before_a_limit_and_a_limit_before_conditions(member, token):
    action = make_action(token, frequency=Frequency.ONCE, conditions=COFFEE)
    do(member, action, param="order 1", properties={"category": "coffee"})

    outcomes = [attempt(lambda param=param: do(member, action, param=param)) for param in ("order 1", "order 2", None)]

    assert [type(outcome) for outcome in outcomes] == [ActionAlreadyDone, LimitReached, LimitReached]

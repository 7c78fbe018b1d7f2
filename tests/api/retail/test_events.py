"""POST /events: what members do for points besides buying, once for each event_id and within an action's limits."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ledger.models import Transaction
from rewards.models import ActionGain, Frequency
from tests.api.conftest import assert_refused, at_once
from tests.clients import RetailClient
from tests.conftest import make_brand, make_member, make_token
from tests.rewards.acting import make_action, make_segment
from users.models import Refusal
from users.services.members import erase_member

COFFEE = [{"property": "category", "is": "equals", "value": "coffee"}]
DAY = timedelta(days=1)


def report(till: RetailClient, member, action, event_id: str | None = "event 1", *, key: str | None = None, **changes):
    body = {"member_id": member.auth_id, "event_code": action.tag} | ({"event_id": event_id} if event_id is not None else {})
    return till.post("/events", body | changes, key=key)


@pytest.fixture
def action(token):
    return make_action(token, tag="daily")


def text(instant) -> str:
    return instant.isoformat()


def test_an_event_gives_the_points_of_its_action(till, member, action):
    answer = report(till, member, action)

    row = Transaction.objects.get(brand=member.brand)
    assert answer.status_code == 201
    assert answer.json() == {
        "event_id": "event 1",
        "points": 5,
        "balance": 5,
        "transaction": {
            "id": str(row.pk),
            "points": 5,
            "balance_after": 5,
            "tx_hash": f"0x{bytes(row.hash).hex()}",
            "occurred_at": row.effective_at.isoformat().replace("+00:00", "Z"),
        },
    }
    assert row.actor.startswith("client:")


def test_an_event_without_an_id_is_given_one(till, member, action):
    told = [report(till, member, action, None).json() for _ in range(2)]

    assert {len(one["event_id"]) for one in told} == {36}
    assert told[0]["event_id"] != told[1]["event_id"]
    assert [one["balance"] for one in told] == [5, 10]


def test_an_event_without_an_id_is_given_one_for_each_key(till, member, action):
    told = [report(till, member, action, None, key="till-1") for _ in range(2)]

    assert told[0].json() == told[1].json()
    assert told[1]["Idempotent-Replayed"] == "true"


def test_the_same_event_again_is_answered_as_at_first_with_200(till, member, token):
    action = make_action(token, frequency=Frequency.ONCE)
    first = report(till, member, action)

    second = report(till, member, action)

    assert (second.status_code, second.json()) == (200, first.json())
    assert ActionGain.objects.filter(brand=member.brand).count() == 1


@pytest.mark.parametrize("changes", [{"properties": {"size": 2}}, {"event_code": "else"}, {"member_id": "else"}])
def test_an_event_id_is_used_for_nothing_else(till, member, action, changes):
    report(till, member, action)

    assert_refused(report(till, member, action, **changes), 409, "event_id_reused")


def test_a_past_event_counts_in_its_own_day(till, member, token):
    action, now = make_action(token, frequency=Frequency.DAY), timezone.now()

    answers = [
        report(till, member, action, f"event {number}", occurred_at=text(instant))
        for number, instant in enumerate((now - DAY, now - 2 * DAY))
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert_refused(report(till, member, action, "event 3", occurred_at=text(now - DAY)), 409, "limit_reached", "event_code")


@pytest.mark.parametrize("days", [-1, 31])
def test_an_event_of_the_future_or_of_too_long_ago_is_refused(till, member, action, days):
    occurred_at = text(timezone.now() - days * DAY)

    assert_refused(report(till, member, action, occurred_at=occurred_at), 400, "invalid_request", "occurred_at")


def test_an_instant_without_a_zone_is_utc(till, member, action):
    occurred_at = timezone.now().replace(microsecond=0) - DAY

    told = report(till, member, action, occurred_at=occurred_at.replace(tzinfo=None).isoformat()).json()

    assert told["transaction"]["occurred_at"] == occurred_at.isoformat().replace("+00:00", "Z")


def test_limits_say_which(till, member, token):
    action = make_action(token, frequency=Frequency.WEEK, period_limit=1, total_limit=5)
    report(till, member, action)

    answer = report(till, member, action, "event 2")

    assert_refused(answer, 409, "limit_reached", "event_code")
    (error,) = answer.json()["errors"]
    assert (error["code"], error["detail"]) == ("period_limit", "It counts 1 times a week; done 1 times that week.")


@pytest.mark.parametrize(
    ("terms", "field", "reason"),
    [
        ({"conditions": COFFEE}, "properties.category", "condition"),
        ({"ends_at": timezone.now() - DAY}, "occurred_at", "dates"),
        ({"starts_at": timezone.now() + DAY}, "occurred_at", "dates"),
    ],
)
def test_what_is_not_so_is_named(till, member, token, *, terms, field, reason):
    answer = report(till, member, make_action(token, **terms))

    assert_refused(answer, 400, "conditions_not_met")
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, reason)]
    assert not Transaction.objects.filter(brand=member.brand).exists()


def test_an_action_for_segments_is_for_their_members(till, brand, member, token):
    action, other = make_action(token, segments=[make_segment(brand, member)]), make_member(brand)

    refused = report(till, other, action)

    assert_refused(refused, 400, "conditions_not_met")
    assert refused.json()["errors"][0]["code"] == "segments"
    assert report(till, member, action, "event 2").status_code == 201


def test_conditions_that_hold_are_rewarded(till, member, token):
    action = make_action(token, conditions=COFFEE)

    assert report(till, member, action, properties={"category": "coffee", "beans": ["dark", 7]}).status_code == 201


def test_what_is_not_there_is_named(till, member, action):
    elsewhere = make_action(make_token(make_brand()))

    assert_refused(report(till, member, elsewhere), 400, "unknown_event")
    assert_refused(report(till, make_member(elsewhere.brand), action), 400, "member_not_found")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"event_code": 7}, "event_code"),
        ({"event_code": ""}, "event_code"),
        ({"event_id": ""}, "event_id"),
        ({"event_id": "x" * 256}, "event_id"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"occurred_at": 7}, "occurred_at"),
        ({"properties": ["coffee"]}, "properties"),
        ({"points": 1_000}, "points"),
    ],
)
def test_what_is_of_the_wrong_shape_names_the_field(till, member, action, *, changes, field):
    assert_refused(report(till, member, action, **changes), 400, "invalid_request", field)


def test_a_token_without_the_scope_rewards_nothing(brand, member, action):
    till = RetailClient.of(brand, ["vouchers:write", "orders:write"])

    assert_refused(report(till, member, action), 403, "scope_missing")


def test_what_is_refused_is_kept_for_staff(till, member, token):
    report(till, member, make_action(token, conditions=COFFEE), properties={"category": "a secret of hers"})

    refusal = Refusal.objects.get(member=member)
    assert (refusal.operation, refusal.code, refusal.reference_id) == ("event", "conditions_not_met", "event 1")
    assert "secret" not in refusal.detail


def test_sixteen_parallel_sends_give_the_points_once(own_brand):
    till, member = RetailClient.of(own_brand), make_member(own_brand)
    action = make_action(make_token(own_brand))

    answers = at_once(lambda _: report(RetailClient(till.token), member, action), range(16))

    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    assert len({answer.content for answer in answers}) == 1


def test_of_an_erased_member_nothing_is_answered_any_more(till, brand, member, action):
    report(till, member, action)

    erase_member(brand_id=brand.pk, auth_id=member.auth_id, at=brand.created_at)

    assert_refused(report(till, member, action), 410, "answer_erased")

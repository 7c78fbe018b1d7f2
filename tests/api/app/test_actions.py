"""Actions of the App API: answered at once, taken into the inbox, done for many; each triplet pays once, whichever way."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import cycle
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ledger import selectors
from ledger.models import Account
from rewards.models import ActionUse, Frequency, InboxItem
from rewards.services.inbox import drain_inbox
from tests.api.app.conftest import left_open, refused, told
from tests.api.conftest import at_once
from tests.api.retail.baskets import balance, make_programme
from tests.clients import AppClient
from tests.conftest import make_brand, make_member
from tests.rewards.acting import make_action, make_segment
from tests.rewards.conftest import closing
from tests.waiting import wait_for_waiting
from users.models import Brand, Member, Refusal
from users.services.members import erase_member
from users.services.merging import merge_members

STORE, BUFFER, MULTI = "generosity/store", "buffer/store", "generosity/multistore"
COFFEE = [{"property": "category", "is": "equals", "value": "coffee"}]


@pytest.fixture
def ann(app):
    return app.connect("ann", dataConsentCode=0)


@pytest.fixture
def daily(points):
    return make_action(points, tag="daily", frequency=Frequency.DAY, total_limit=3)


def drain() -> int:
    return drain_inbox(clock=timezone.now, until=timezone.now() + timedelta(seconds=20))


@pytest.fixture(autouse=True)
def nothing_waits(django_db_setup, django_db_blocker) -> None:
    """Workers drain the items of every brand, those too that an earlier test has left."""
    with django_db_blocker.unblock():
        closing(drain)


def member_of(brand: Brand, name: str = "ann") -> Member:
    return Member.objects.get(brand=brand, auth_id=name)


def buffered(app: AppClient, name: str, tag: str, **terms):
    return app.serve(BUFFER, {"appId": app.app.app_id, "partnerClientId": name, "tagId": tag} | terms)


def test_an_action_is_rewarded_and_says_what_is_left(app, ann, daily, brand, points):
    assert told(ann.call(STORE, {"tagId": "daily"})) == {"points": 5, "balance": 5, "left": {"period": 0, "total": 2}}
    refused(ann.call(STORE, {"tagId": "daily"}), 9, "limit_reached")
    assert balance(member_of(brand), points) == 5


def test_points_come_from_the_action_alone(ann, daily):
    refused(ann.call(STORE, {"tagId": "daily", "points": 500}), 3, "invalid_arguments", field="points")


@pytest.mark.usefixtures("daily")
@pytest.mark.parametrize(
    ("terms", "code", "field"),
    [
        ({}, 3, "tagId"),
        ({"tagId": ""}, 3, "tagId"),
        ({"tagId": "nothing"}, 2, None),
        ({"tagId": "daily", "date": "2026-01-01"}, 3, "date"),
        ({"tagId": "daily", "date": "31/02/2026"}, 3, "date"),
        ({"tagId": "daily", "date": "01/01/2020"}, 3, "date"),
        ({"tagId": "daily", "date": "01/01/2999"}, 3, "date"),
        ({"tagId": "daily", "properties": []}, 3, "properties"),
        ({"tagId": "daily", "param1": "x" * 256}, 3, "param1"),
    ],
)
def test_bad_arguments_are_refused_by_name(app, ann, terms, code, field):
    refused(ann.call(STORE, terms), code, field=field)
    refused(app.serve(BUFFER, {"appId": app.app.app_id, "partnerClientId": "ann"} | terms), code, field=field)
    assert not InboxItem.objects.exists()


def test_a_past_day_counts_in_its_own_day_back_to_the_limit(ann, daily, brand, time_machine):
    noon = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
    time_machine.move_to(noon, tick=True)
    for back in (0, 1, 30):
        day = (noon - timedelta(days=back)).strftime("%d/%m/%Y")
        assert told(ann.call(STORE, {"tagId": "daily", "date": day}))["points"] == 5
    refused(ann.call(STORE, {"tagId": "daily", "date": (noon - timedelta(days=31)).strftime("%d/%m/%Y")}), 3, field="date")
    refused(ann.call(STORE, {"tagId": "daily", "date": (noon + timedelta(days=1)).strftime("%d/%m/%Y")}), 3, field="date")


def test_a_day_s_edge_is_the_brand_s_own_even_when_clocks_change(ann, daily, time_machine):
    """Zurich, the night of 25 October 2026: the hour from two to three comes twice, and midnight is at 22:00 UTC."""
    edges = [datetime(2026, 10, 24, 21, 59, 59, tzinfo=UTC), datetime(2026, 10, 24, 22, 0, 1, tzinfo=UTC)]
    edges.append(datetime(2026, 10, 25, 23, 0, 1, tzinfo=UTC))
    for edge in edges:
        time_machine.move_to(edge, tick=False)
        assert told(ann.call(STORE, {"tagId": "daily"}))["points"] == 5
        refused(ann.call(STORE, {"tagId": "daily"}), 9)


@pytest.mark.usefixtures("daily")
def test_a_day_that_lacks_its_last_hour_is_not_the_next_one(app, brand, time_machine):
    """Nuuk, 28 March 2026: at 23:00 clocks go to midnight."""
    Brand.objects.filter(pk=brand.pk).update(time_zone="America/Nuuk")
    selectors._tokens.clear()  # which keep their brands for some seconds
    time_machine.move_to(datetime(2026, 3, 30, 12, tzinfo=UTC), tick=True)
    app.token = app.ask_token().json()["access_token"]
    ann = app.connect("ann")

    told(buffered(app, "ann", "daily", date="28/03/2026"))
    assert drain() == 1

    assert told(ann.call(STORE, {"tagId": "daily", "date": "29/03/2026"}))["points"] == 5
    for day in ("28/03/2026", "29/03/2026"):
        refused(ann.call(STORE, {"tagId": "daily", "date": day}), 9)


@pytest.mark.usefixtures("daily")
@pytest.mark.parametrize(
    ("at", "days"),
    [
        (datetime(2026, 11, 23, 22, 30, tzinfo=UTC), ("24/10/2026", "23/10/2026")),  # of the days between one has 25 hours
        (datetime(2026, 4, 9, 22, 30, tzinfo=UTC), ("11/03/2026", "10/03/2026")),  # and here one has 23
    ],
)
def test_thirty_days_are_counted_by_the_calendar(app, time_machine, at, days):
    """In Zurich it is half past eleven at night, and half past midnight."""
    last, too_old = days
    time_machine.move_to(at, tick=True)
    app.token = app.ask_token().json()["access_token"]
    ann = app.connect("ann")

    told(buffered(app, "ann", "daily", date=last))
    assert told(ann.call(STORE, {"tagId": "daily", "date": last}))["points"] == 5
    for answer in (ann.call(STORE, {"tagId": "daily", "date": too_old}), buffered(app, "ann", "daily", date=too_old)):
        refused(answer, 3, field="date")


def test_conditions_dates_segments_and_consent(app, ann, points, brand):
    make_action(points, tag="coffee", conditions=COFFEE)
    make_action(points, tag="over", ends_at=timezone.now() - timedelta(days=40))
    make_action(points, tag="vip", segments=[make_segment(brand)])

    refused(
        ann.call(STORE, {"tagId": "coffee", "properties": {"category": "tea"}}),
        2,
        "conditions_not_met",
        field="properties.category",
    )
    assert told(ann.call(STORE, {"tagId": "coffee", "properties": {"category": "coffee"}}))["points"] == 5
    refused(ann.call(STORE, {"tagId": "over"}), 2, "conditions_not_met", field="date")
    refused(ann.call(STORE, {"tagId": "vip"}), 2, "conditions_not_met")
    no = app.connect("bob", dataConsentCode=1)
    refused(no.call(STORE, {"tagId": "coffee", "properties": {"category": "coffee"}}), 6, "consent_refused")
    refused(buffered(app, "bob", "coffee"), 6, "consent_refused")
    told(app.connect("cid", dataConsentCode=-1).call(STORE, {"tagId": "coffee", "properties": {"category": "coffee"}}))


def test_a_duplicate_is_told_before_a_limit_and_a_limit_before_conditions(ann, points):
    make_action(points, tag="once", frequency=Frequency.ONCE, conditions=COFFEE)
    asked = {"tagId": "once", "param1": "a", "properties": {"category": "coffee"}}

    told(ann.call(STORE, asked))

    refused(ann.call(STORE, asked | {"properties": {}}), 10, "duplicate")
    refused(ann.call(STORE, asked | {"param1": "b", "properties": {}}), 9, "limit_reached")


def test_what_was_refused_is_kept_for_staff(ann, daily, brand):
    ann.call(STORE, {"tagId": "nothing"})

    kept = Refusal.objects.get(brand=brand)
    assert (kept.operation, kept.code, kept.member.auth_id) == ("action", "unknown_event", "ann")


def test_what_is_buffered_is_rewarded_in_order_and_its_outcome_is_kept(app, ann, daily, brand, points):
    for _ in range(2):
        told(buffered(app, "ann", "daily"))
    assert balance_or_0(brand, points) == 0

    assert drain() == 2

    outcomes = list(InboxItem.objects.order_by("pk").values_list("state", "code", "points"))
    assert outcomes == [("applied", "", 5), ("refused", "limit_reached", 0)]
    assert balance(member_of(brand), points) == 5
    assert drain() == 0


def balance_or_0(brand: Brand, token) -> int:
    return sum(Account.objects.filter(brand=brand, token=token).values_list("balance", flat=True))


def test_buffering_refuses_unknown_users_tags_and_duplicates_at_once(app, ann, daily, points):
    make_action(points, tag="any")
    refused(buffered(app, "nobody", "any"), 4, "unknown_user")
    refused(buffered(app, "ann", "nothing"), 2, "unknown_action")
    refused(app.serve(BUFFER, {"appId": "other", "partnerClientId": "ann", "tagId": "any"}), 1, status=401)
    told(buffered(app, "ann", "any", param1="a"))
    refused(buffered(app, "ann", "any", param1="a"), 10, "duplicate")
    drain()
    refused(buffered(app, "ann", "any", param1="a"), 10, "duplicate")
    refused(ann.call(STORE, {"tagId": "any", "param1": "a"}), 10, "duplicate")
    told(buffered(app, "ann", "any", param1="b"))


def test_what_was_refused_in_the_inbox_may_be_reported_again(app, ann, points):
    make_action(points, tag="coffee", conditions=COFFEE)
    told(buffered(app, "ann", "coffee", param1="a"))
    drain()

    told(buffered(app, "ann", "coffee", param1="a", properties={"category": "coffee"}))
    drain()

    assert list(InboxItem.objects.order_by("pk").values_list("state", flat=True)) == ["refused", "applied"]


def test_many_users_at_once_each_with_their_own_result(app, ann, daily, brand, points):
    app.connect("no", dataConsentCode=1)
    make_action(points, tag="coffee", conditions=COFFEE)
    items = [
        {"partnerClientId": "ann", "tagId": "daily"},
        {"partnerClientId": "nobody", "tagId": "daily"},
        {"partnerClientId": "no", "tagId": "daily"},
        {"partnerClientId": "ann", "tagId": "daily"},
        {"partnerClientId": "ann", "tagId": "nothing"},
        {"partnerClientId": "ann", "tagId": "coffee", "properties": {"category": "coffee"}, "param1": "a"},
        {"partnerClientId": "ann", "tagId": "coffee", "properties": {"category": "coffee"}, "param1": "a"},
        {"partnerClientId": "ann", "tagId": "coffee", "date": "99/99/2026"},
    ]

    results = told(app.serve(MULTI, {"items": items}))["results"]

    assert [(one["partnerClientId"], one["errorCode"], one["points"]) for one in results] == [
        ("ann", 0, 5),
        ("nobody", 4, 0),
        ("no", 6, 0),
        ("ann", 9, 0),
        ("ann", 2, 0),
        ("ann", 0, 5),
        ("ann", 10, 0),
        ("ann", 3, 0),
    ]
    assert balance(member_of(brand), points) == 10
    assert InboxItem.objects.filter(member=member_of(brand), state="applied").count() == 2


def test_one_tag_for_many_users(app, daily, brand):
    names = [make_member(brand).auth_id for _ in range(3)]

    results = told(app.serve(MULTI, {"tagId": "daily", "users": names}))["results"]

    assert [(one["partnerClientId"], one["points"]) for one in results] == [(name, 5) for name in names]


@pytest.mark.parametrize(
    "body",
    [{}, {"users": ["ann"]}, {"tagId": "daily", "users": []}, {"items": [], "tagId": "daily"}, {"items": [{"tagId": "daily"}]}],
)
def test_what_cannot_be_told_of_many_is_a_3(app, ann, daily, body):
    refused(app.serve(MULTI, body), 3)


@pytest.mark.parametrize(("size", "status"), [(1_048_576, 200), (1_048_577, 413)])
@pytest.mark.parametrize("path", [MULTI, "user/multidelete", "user/infos"])
def test_calls_about_many_take_a_megabyte(app, daily, path, size, status):
    body = json.dumps({"partnerClientIds": ["nobody"]} if path != MULTI else {"tagId": "daily", "users": ["nobody"]}).encode()

    answer = app.call(path, token=app.token, raw=body + b" " * (size - len(body)))

    assert answer.status_code == status


def test_a_form_says_lists_and_objects_too(app, ann, daily, points, brand):
    """A list is a repeated key or JSON text, an object JSON text."""
    make_action(points, tag="coffee", conditions=COFFEE)
    app.connect("bob")

    for sent in ({"users": ["ann", "bob"]}, {"users": '["ann", "bob"]'}):
        answer = app.client.post(
            f"/api/app/{MULTI}", {"tagId": "daily"} | sent, headers={"Authorization": f"Bearer {app.token}"}
        )
        assert [one["partnerClientId"] for one in told(answer)["results"]] == ["ann", "bob"]
    form = {"tagId": "coffee", "properties": '{"category": "coffee"}'}
    kind = "application/x-www-form-urlencoded"
    bearer = {"Authorization": f"Bearer {ann.token}"}
    done = told(app.client.post(f"/api/app/{STORE}", urlencode(form), content_type=kind, headers=bearer))
    assert done["points"] == 5


def test_more_than_1000_are_too_many(app, ann, daily):
    refused(app.serve(MULTI, {"tagId": "daily", "users": ["ann"] * 1_001}), 3, field="users")


def test_what_is_reported_of_a_user_who_is_erased_meanwhile_goes_with_them(app, ann, daily, brand):
    told(buffered(app, "ann", "daily", properties={"name": "Ann"}))

    erase_member(brand_id=brand.pk, auth_id="ann", at=timezone.now())

    assert not InboxItem.objects.filter(brand=brand).exists()


def test_counts_of_past_periods_are_not_read_for_many(app, ann, daily, brand):
    """What was counted on other days is of no account, however much of it there is."""
    member = member_of(brand)
    old = [ActionUse(brand=brand, action=daily, member=member, period=f"2025-{n:04}", count=1) for n in range(500)]
    ActionUse.objects.bulk_create(old)

    with CaptureQueriesContext(connection) as queries:
        told(app.serve(MULTI, {"tagId": "daily", "users": ["ann"]}))

    read = [one["sql"] for one in queries if "FROM rewards_actionuse" in one["sql"]]
    assert read
    assert all("period = ANY" in sql for sql in read)


def test_sixteen_calls_of_an_action_that_counts_once_pay_once(own_brand):
    points = make_programme(own_brand)
    app = AppClient.of(own_brand)
    make_action(points, tag="once", frequency=Frequency.ONCE)
    device = app.connect("ann")

    answers = at_once(lambda _: device.call(STORE, {"tagId": "once"}).json()["errorCode"], range(16))

    assert sorted(answers) == [0] + [9] * 15
    assert balance_or_0(own_brand, points) == 5


def test_what_waits_for_a_user_who_is_just_being_merged_is_rewarded_to_the_kept_one(own_brand):
    points = make_programme(own_brand)
    make_action(points, tag="any")
    app = AppClient.of(own_brand)
    for name in ("keep", "old"):
        app.connect(name)
    told(buffered(app, "old", "any"))
    keep, old = member_of(own_brand, "keep"), member_of(own_brand, "old")
    terms = {"brand_id": own_brand.pk, "keep_id": keep.pk, "duplicate_id": old.pk, "actor": "staff:1"}

    with ThreadPoolExecutor(1) as threads:
        with left_open(lambda: merge_members(at=timezone.now(), **terms)):
            drained = threads.submit(closing, drain)
            wait_for_waiting()
        assert drained.result() == 0, "they were gone when it came to them"
    assert drain() == 1

    assert InboxItem.objects.get(brand=own_brand).state == "applied"
    assert Account.objects.get(brand=own_brand, member=keep).balance == 5


def test_one_triplet_sent_every_way_at_once_pays_once(own_brand):
    points = make_programme(own_brand)
    app = AppClient.of(own_brand)
    make_action(points, tag="any")
    device = app.connect("ann")
    ways = cycle(
        [
            lambda: device.call(STORE, {"tagId": "any", "param1": "a"}),
            lambda: buffered(app, "ann", "any", param1="a"),
            lambda: app.serve(MULTI, {"items": [{"partnerClientId": "ann", "tagId": "any", "param1": "a"}]}),
        ]
    )

    at_once(lambda way: way(), [way for way, _ in zip(ways, range(18), strict=False)])
    drain()

    assert balance_or_0(own_brand, points) == 5


def test_another_brand_s_actions_do_not_exist(app, ann):
    other = make_brand()
    make_action(make_programme(other), tag="theirs")

    refused(ann.call(STORE, {"tagId": "theirs"}), 2, "unknown_action")

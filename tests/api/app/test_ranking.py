"""The ranking of the App API: ties share a rank, neighbours stand on both sides, everybody is in it."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from ledger.services.rollups import count_brand_up
from rewards.models import Programme, RankingMark, RankNode, RankScore
from rewards.models.ranking import BITS, LEVELS
from rewards.rules.periods import period_of
from rewards.services.programme import change_programme
from rewards.services.ranking import LITTLE, RANKING, forget_past_periods, neighbours
from tests.api.app.conftest import left_open, refused, told
from tests.api.retail.baskets import make_programme
from tests.clients import AppClient, Partner
from tests.conftest import make_member, make_token
from tests.rewards.acting import make_action
from tests.rewards.conftest import closing
from tests.waiting import wait_for_waiting
from users.services.members import erase_member
from users.services.merging import merge_members

ASKED = "user/ranking"
MANY_CHANGES = """
INSERT INTO users_memberchange (brand_id, member_id) SELECT %s::bigint, %s::bigint FROM generate_series(1, %s::int)
"""


class Shop:
    """A brand whose rows are committed: what is not, is not counted."""

    def __init__(self, brand) -> None:
        self.brand, self.points = brand, make_programme(brand)
        self.app, self.partner = AppClient.of(brand), Partner.of(brand)

    def member(self, name: str, points: int = 0) -> None:
        make_member(self.brand, auth_id=name, first_name=name.title())
        if points:
            self.credit(name, points)

    def credit(self, name: str, points: int) -> str:
        return self.partner.credit(name, points, self.points.pk).json()["data"]["id"]

    def ranking(self, name: str, n: int = 10, period: str = "all") -> list[tuple]:
        self.app.token = self.app.ask_token().json()["access_token"]  # whatever the time is
        data = told(self.app.serve(ASKED, {"partnerClientId": name, "n": n, "period": period}))
        return [(one["rank"], one["partnerClientId"], one["points"]) for one in data["ranking"]]


@pytest.fixture
def shop(own_brand, nothing_left_open) -> Shop:
    return Shop(own_brand)


def test_ties_share_a_rank_and_stand_by_name(shop):
    for name, points in {"d": 10, "c": 20, "b": 20, "a": 30, "zero": 0, "none": 0}.items():
        shop.member(name, points)

    assert shop.ranking("c") == [(1, "a", 30), (2, "b", 20), (2, "c", 20), (4, "d", 10), (5, "none", 0), (5, "zero", 0)]
    assert shop.ranking("c", n=1) == [(2, "b", 20), (2, "c", 20), (4, "d", 10)]
    assert shop.ranking("none", n=1) == [(4, "d", 10), (5, "none", 0), (5, "zero", 0)]
    assert shop.ranking("a", n=0) == [(1, "a", 30)]
    data = told(shop.app.serve(ASKED, {"partnerClientId": "a", "n": 1}))["ranking"]
    assert [(one["firstName"], one["me"]) for one in data] == [("A", True), ("B", False)]


def test_it_is_as_sorting_everybody_would_have_it(shop):
    chance = random.Random(7)
    scores = {f"m{number:02}": chance.choice([0, 1, 63, 64, 65, 4_096, 10**9, chance.randrange(100)]) for number in range(40)}
    for name, points in scores.items():
        shop.member(name, points)
    order = sorted(scores, key=lambda name: (-scores[name], name))
    whole = [(1 + sum(other > scores[name] for other in scores.values()), name, scores[name]) for name in order]

    for name in order[::3]:
        place = order.index(name)
        assert shop.ranking(name, n=5) == whole[max(place - 5, 0) : place + 6]
    assert_tree_is_true(shop.brand)


def assert_tree_is_true(brand) -> None:
    counted: dict[tuple, int] = {}
    for period, points in RankScore.objects.filter(brand=brand, points__gt=0).values_list("period", "points"):
        for level in range(LEVELS):
            key = (period, level, points >> (BITS * level))
            counted[key] = counted.get(key, 0) + 1
    nodes = RankNode.objects.filter(brand=brand, members__gt=0).values_list("period", "level", "node", "members")
    assert {(period, level, node): members for period, level, node, members in nodes} == counted


def test_what_is_earned_in_any_way_counts_and_what_is_spent_or_given_back_does_not(shop):
    shop.member("a")
    make_action(shop.points, tag="any", points=7)
    told(shop.app.connect("a").call("generosity/store", {"tagId": "any"}))
    first = shop.credit("a", 100)
    debit = shop.partner.debit("a", 50, shop.points.pk).json()["data"]["id"]
    shop.partner.post(f"/transactions/{debit}/reversal", {"reversal": {}})
    assert shop.ranking("a") == [(1, "a", 107)]

    shop.partner.post(f"/transactions/{first}/reversal", {"reversal": {"amount": 30}})

    assert shop.ranking("a") == [(1, "a", 77)]


def test_weeks_begin_on_monday_in_the_brand_s_own_time(shop, time_machine):
    """Zurich's last Monday; both instants lie in the days that are counted."""
    shop.member("a")
    today = timezone.now().astimezone(shop.brand.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today - timedelta(days=today.weekday() + 7)
    before, after = monday - timedelta(minutes=1), monday + timedelta(minutes=1)
    time_machine.move_to(before, tick=True)
    shop.credit("a", 5)
    assert shop.ranking("a", period="week") == [(1, "a", 5)]
    time_machine.move_to(after, tick=True)
    shop.credit("a", 2)

    month = 7 if before.month == after.month else 2
    assert [shop.ranking("a", period=period)[0][2] for period in ("week", "month", "all")] == [2, month, 7]
    time_machine.move_to(after + timedelta(days=70), tick=True)
    assert [shop.ranking("a", period=period)[0][2] for period in ("week", "month", "all")] == [0, 0, 7]
    assert forget_past_periods(at=timezone.now()) > 0
    assert_tree_is_true(shop.brand)


def test_those_with_nothing_this_week_stand_below_by_name_whatever_they_earned_before(shop, time_machine):
    chance = random.Random(11)
    names = [f"m{number:02}" for number in range(24)]
    for name in names:
        shop.member(name)
    today = timezone.now().astimezone(shop.brand.zone).replace(hour=12, minute=0, second=0, microsecond=0)
    monday = today - timedelta(days=today.weekday())
    for weeks_ago in (3, 2, 1):
        time_machine.move_to(monday - timedelta(weeks=weeks_ago), tick=True)
        for name in chance.sample(names, 8):
            shop.credit(name, chance.choice([5, 9]))
        shop.ranking("m00", period="week")
    time_machine.move_to(monday, tick=True)
    scores = dict.fromkeys(names, 0)
    for name in chance.sample(names, 10):
        credit, scores[name] = shop.credit(name, 5), 5
        if chance.random() < 0.5:
            shop.ranking("m00", period="week")
            shop.partner.post(f"/transactions/{credit}/reversal", {"reversal": {}})
            scores[name] = 0

    order = sorted(scores, key=lambda name: (-scores[name], name))
    whole = [(1 + sum(other > scores[name] for other in scores.values()), name, scores[name]) for name in order]
    for swept in (False, True):
        for place, name in enumerate(order):
            assert shop.ranking(name, n=4, period="week") == whole[max(place - 4, 0) : place + 5], swept
        assert_newest_are_true(shop.brand)
        forget_past_periods(at=timezone.now())
    in_all = RankScore.objects.filter(brand=shop.brand, period="all")
    assert set(in_all.values_list("week", flat=True)) == {"", period_of("week", timezone.now().astimezone(shop.brand.zone))}


def test_who_asks_a_moment_before_a_week_begins_is_not_told_twice_of_those_who_earned_in_both(shop, time_machine):
    """The clock of the host that answers may be behind; what the next week brought is counted already."""
    for name in ("a", "b", "c"):
        shop.member(name)
    today = timezone.now().astimezone(shop.brand.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today - timedelta(days=today.weekday())
    time_machine.move_to(monday - timedelta(minutes=1), tick=True)
    shop.credit("a", 5)
    time_machine.move_to(monday + timedelta(minutes=1), tick=True)
    shop.credit("a", 7)
    shop.credit("b", 7)
    shop.ranking("a", period="week")

    time_machine.move_to(monday - timedelta(seconds=30), tick=True)

    assert shop.ranking("c", period="week") == [(1, "a", 5), (2, "b", 0), (2, "c", 0)]


def test_a_score_that_is_counted_while_past_periods_are_swept_stays_noted(shop):
    shop.member("a", 5)
    shop.ranking("a")
    week = period_of("week", timezone.now().astimezone(shop.brand.zone))
    in_all = RankScore.objects.filter(brand=shop.brand, period="all")
    in_all.update(week="2020-W01")

    def counted() -> None:
        RankingMark.objects.select_for_update().get(brand=shop.brand)
        in_all.update(week=week)

    with ThreadPoolExecutor(1) as threads:
        with left_open(counted):
            sweep = threads.submit(closing, lambda: forget_past_periods(at=timezone.now()))
            wait_for_waiting()
        sweep.result()

    assert list(in_all.values_list("week", flat=True)) == [week]


def test_another_token_of_the_programme_is_another_ranking(shop):
    shop.member("a", 500)
    shop.member("b", 3)
    assert shop.ranking("b") == [(1, "a", 500), (2, "b", 3)]
    other = make_token(shop.brand)

    change_programme(brand_id=shop.brand.pk, token=other)
    shop.partner.credit("b", 10, other.pk)
    count(shop.brand)

    assert shop.ranking("b") == [(1, "b", 10), (2, "a", 0)]
    assert_tree_is_true(shop.brand)


def test_what_was_earned_before_there_was_a_programme_counts_with_it(own_brand, nothing_left_open):
    token, member, partner = make_token(own_brand), make_member(own_brand, auth_id="a"), Partner.of(own_brand)
    partner.credit("a", 7, token.pk)
    count(own_brand)

    Programme.objects.create(brand=own_brand, token=token)
    count(own_brand)

    assert [one.points for one in neighbours(member, count=1, period="all", at=timezone.now())] == [7]


def count(brand) -> None:
    """As the task does: the first time notes what there is, the second counts it."""
    for _ in range(2):
        count_brand_up(RANKING, brand.pk)


def test_who_asks_counts_little_themselves_of_members_too(shop):
    shop.member("a", 5)
    count(shop.brand)
    before = RankingMark.objects.get(brand=shop.brand).counted_ids
    with connection.cursor() as cursor:
        cursor.execute(MANY_CHANGES, [shop.brand.pk, shop.brand.members.get(auth_id="a").pk, LITTLE + 1])

    assert shop.ranking("a") == [(1, "a", 5)]

    assert RankingMark.objects.get(brand=shop.brand).counted_ids == before


def assert_newest_are_true(brand) -> None:
    """Whoever has points in the current week or month is noted as such, and nobody else."""
    local = timezone.now().astimezone(brand.zone)
    for kind in ("week", "month"):
        period = period_of(kind, local)
        rows = RankScore.objects.filter(brand=brand)
        noted = set(rows.filter(period="all", **{kind: period}).values_list("member", flat=True))
        assert noted == set(rows.filter(period=period, points__gt=0).values_list("member", flat=True))


def test_a_merged_member_s_week_counts_for_the_kept_one(shop):
    for name, points in {"a": 0, "b": 20, "c": 0}.items():
        shop.member(name, points)
    shop.ranking("a")
    keep, duplicate = (shop.brand.members.get(auth_id=name) for name in ("a", "b"))

    merge_members(brand_id=shop.brand.pk, keep_id=keep.pk, duplicate_id=duplicate.pk, actor="staff:1", at=timezone.now())

    assert shop.ranking("c", period="week") == [(1, "a", 20), (2, "c", 0)]
    assert_newest_are_true(shop.brand)


def test_what_is_taken_back_of_a_period_that_is_over_stops_nothing(shop, time_machine):
    shop.member("a")
    today = timezone.now().astimezone(shop.brand.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    past = today - timedelta(days=today.weekday() + 3)  # in the week before
    time_machine.move_to(past, tick=True)
    first = shop.credit("a", 100)
    shop.ranking("a")
    time_machine.move_to(past + timedelta(days=7), tick=True)
    forget_past_periods(at=timezone.now())

    shop.partner.post(f"/transactions/{first}/reversal", {"reversal": {"amount": 60}})

    assert shop.ranking("a") == [(1, "a", 40)]
    assert_tree_is_true(shop.brand)


def test_erased_and_merged_members_leave_their_place(shop):
    for name, points in {"a": 30, "b": 20, "c": 10}.items():
        shop.member(name, points)
    shop.ranking("a")
    keep, duplicate = (shop.brand.members.get(auth_id=name) for name in ("c", "b"))
    merge_members(brand_id=shop.brand.pk, keep_id=keep.pk, duplicate_id=duplicate.pk, actor="staff:1", at=timezone.now())
    assert shop.ranking("c") == [(1, "a", 30), (1, "c", 30)]

    erase_member(brand_id=shop.brand.pk, auth_id="a", at=timezone.now())

    assert shop.ranking("c") == [(1, "c", 30)]
    assert_tree_is_true(shop.brand)


@pytest.mark.parametrize(
    ("terms", "code", "field"),
    [
        ({"partnerClientId": "nobody"}, 4, None),
        ({"n": 101}, 3, "n"),
        ({"n": -1}, 3, "n"),
        ({"period": "year"}, 3, "period"),
        ({"partnerClientId": ""}, 3, "partnerClientId"),
    ],
)
def test_bad_questions(shop, terms, code, field):
    shop.member("a")

    refused(shop.app.serve(ASKED, {"partnerClientId": "a"} | terms), code, field=field)

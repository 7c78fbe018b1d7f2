"""The App API: actions one by one, in bursts and for many; the ranking and the feed of a brand of millions."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from django.db import connection
from django.utils import timezone

from loyalty.horizon import newest_ids
from rewards.models import InboxItem, Programme, RankScore
from rewards.rules.periods import period_of
from rewards.selectors.feed import Cursor, Marks, changes_since
from rewards.services.actions import ActionOrder, do_action
from rewards.services.inbox import do_and_keep, drain_inbox
from rewards.services.programme import programme_of
from rewards.services.ranking import Period, neighbours
from tests.benchmarks.codes import load
from tests.benchmarks.growing import unchecked
from tests.benchmarks.harness import Comparison, interleave, took
from tests.benchmarks.serving import DONE, OURS, ROUNDS, granian
from tests.benchmarks.world import World
from tests.clients import AppClient
from tests.rewards.acting import make_action
from users.models import App, Brand, Member

FEW, MANY = 10_000, int(os.environ.get("BENCHMARK_USERS", "5000000"))
USERS, BURST, TURNS, PAGE = 500, 20_000, 300, 1_000
CALL = """
local n, seed = 0, tostring(os.time()) .. tostring({})
local tokens = %(tokens)s
request = function()
  n = n + 1
  local headers = {["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. tokens[math.random(1, #tokens)]}
  local body = '{%(fields)s"tagId":"any","param1":"' .. seed .. "-" .. n .. '"}'
  return wrk.format("POST", "/api/app/%(path)s", headers, body)
end
"""
MEMBERS = """
INSERT INTO users_member (brand_id, public_id, auth_id, first_name, created_at)
SELECT %(brand)s, 'r' || %(brand)s || '-' || g, 'm' || lpad(g::text, 8, '0'), 'Member', now()
FROM generate_series(1, %(count)s) g
"""
# All but 500 of a brand's members earned something this week; half of these did last week, which the night has not swept yet.
SCORES = """
INSERT INTO rewards_rankscore (brand_id, member_id, period, name, points, week)
SELECT brand_id, id, 'all', auth_id, (hashtextextended(auth_id, 0) & 65535),
  CASE WHEN substr(auth_id, 2)::int %% (%(count)s / 500) = 0 THEN split_part(%(others)s, ' ', 1 + (id %% 2)::int)
    ELSE %(week)s END
FROM users_member WHERE brand_id = %(brand)s
"""
WEEK = """
INSERT INTO rewards_rankscore (brand_id, member_id, period, name, points)
SELECT brand_id, member_id, week, name, 1 + points / 16 FROM rewards_rankscore
WHERE brand_id = %(brand)s AND period = 'all' AND week <> ''
"""
NODES = """
INSERT INTO rewards_ranknode (brand_id, period, level, node, members)
SELECT brand_id, period, level, points >> (6 * level), count(*) FROM rewards_rankscore, generate_series(0, 8) AS level
WHERE brand_id = %(brand)s AND points > 0 GROUP BY 1, 2, 3, 4
"""
CHANGES = (
    "INSERT INTO users_memberchange (brand_id, member_id) SELECT brand_id, id FROM users_member WHERE brand_id = %(brand)s"
)


class AppWorld(World):
    """The world with a programme, an action without limits, and an app whose users have connected."""

    def __init__(self) -> None:
        super().__init__()
        Programme.objects.create(brand=self.brand, token=self.token)
        make_action(self.token, tag="any")
        self.app = AppClient.of(self.brand)
        App.objects.filter(pk=self.app.app.pk).update(rate_per_second=1_000_000, burst=1_000_000)
        self.users = [self.app.connect(f"m{number}").token for number in range(USERS)]

    def script(self, path: str, tokens: list[str], fields: str = "") -> str:
        """What wrk sends."""
        told = json.dumps(tokens).replace("[", "{").replace("]", "}")
        return CALL % {"tokens": told, "path": path, "fields": fields} + DONE

    def credits(self) -> str:
        """What the reference sends."""
        return OURS % {"key": self.key, "last": len(self.accounts) - 1, "token": self.token.pk} + DONE


def actions() -> Iterator[Comparison]:
    """generosity/store and buffer/store over 16 connections, against credits; then the inbox by one worker."""
    if shutil.which("wrk") is None:
        raise SystemExit("actions needs wrk: apt-get install wrk")
    world = AppWorld()
    fields = f'"appId":"{world.app.app.app_id}","partnerClientId":"m\' .. math.random(0, {len(world.accounts) - 1}) .. \'",'
    scripts = {
        "store": world.script("generosity/store", world.users),
        "buffer": world.script("buffer/store", [str(world.app.token)], fields),
        "credit": world.credits(),
    }
    slowest: dict[str, list[float]] = {name: [] for name in scripts}
    with granian(), tempfile.TemporaryDirectory() as folder:
        for name, text in scripts.items():
            (Path(folder) / f"{name}.lua").write_text(text)
        sides = {name: lambda name=name: load(Path(folder) / f"{name}.lua", slowest[name]) for name in scripts}
        figures = interleave(ROUNDS, **sides)
    for name in ("store", "buffer"):
        p99 = sorted(slowest[name])[len(slowest[name]) // 2]
        yield Comparison(f"app_{name}", "requests/s", figures[name], figures["credit"], note=f"(p99 {p99:.1f} ms)")
    waiting = InboxItem.objects.filter(brand=world.brand, state="waiting").count()
    seconds = took(lambda: drain_inbox(clock=timezone.now, until=timezone.now() + timedelta(hours=1)))
    yield Comparison("app_drain", "actions/s", [waiting / seconds], note=f"({waiting:,} waiting)")


def multistore() -> list[Comparison]:
    """A thousand users at once, against a thousand single actions; milliseconds of both in process."""
    world = AppWorld()
    turn = iter(range(10**9))

    def orders() -> list[ActionOrder]:
        number = next(turn)
        terms = {"brand_id": world.brand.pk, "tag": "any", "actor": "app:1", "param": f"p{number}"}
        return [ActionOrder(auth_id=f"m{user}", **terms) for user in range(1_000)]

    def together() -> float:
        return took(lambda: do_and_keep(brand_id=world.brand.pk, orders=orders(), actor="app:1", at=timezone.now())) * 1_000

    def singly() -> float:
        started = time.perf_counter()
        for order in orders():
            do_action(order=order, at=timezone.now())
        return (time.perf_counter() - started) * 1_000

    figures = interleave(ROUNDS, ours=together, singly=singly)
    return [Comparison("app_multistore, 1,000 users against 1,000 single stores", "ms", figures["ours"], figures["singly"])]


def crowd(count: int) -> Brand:
    """A brand with so many members, each with a score and a change."""
    world = World(accounts=1)
    Programme.objects.create(brand=world.brand, token=world.token)
    now = timezone.now().astimezone(world.brand.zone)
    week, others = period_of("week", now), f" {period_of('week', now - timedelta(days=7))}"
    with unchecked(), connection.cursor() as cursor:
        for statement in (MEMBERS, SCORES, WEEK, NODES, CHANGES):
            cursor.execute(statement, {"brand": world.brand.pk, "count": count, "week": week, "others": others})
    return world.brand


def crowds() -> Iterator[Comparison]:
    """user/ranking with 100 neighbours on each side, and pages of 1,000 changes: a large brand against a small one."""
    brands = {"few": crowd(FEW), "many": crowd(MANY)}
    with unchecked(), connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    at = timezone.now()
    for period in ("all", "week"):
        yield _ranking(brands, period, at)
    first = {side: Cursor(_early(brand), programme_of(brand.pk).token_id) for side, brand in brands.items()}

    def page(side: str) -> float:
        started = time.perf_counter()
        told = changes_since(brand_id=brands[side].pk, cursor=first[side], limit=PAGE, at=at)
        passed = time.perf_counter() - started
        assert len(told.users) == PAGE, len(told.users)
        return passed * 1_000

    figures = interleave(ROUNDS, many=lambda: page("many"), few=lambda: page("few"))
    yield Comparison("app_changes, pages of 1,000", "ms", figures["many"], figures["few"])


def _ranking(brands: dict[str, Brand], period: Period, at: datetime) -> Comparison:
    """Places all over the ranking; each third is that of somebody with nothing in the period, or of the lowest in all."""
    sizes, slowest = {"few": FEW, "many": MANY}, list[float]()
    scores = {side: RankScore.objects.filter(brand=brand, period="all") for side, brand in brands.items()}
    order = ("week", "points", "name") if period == "week" else ("points", "name")
    lowest = {side: list(rows.order_by(*order).values_list("name", flat=True)[:100]) for side, rows in scores.items()}

    def rank(side: str) -> float:
        passed = []
        for number in range(TURNS):
            name = lowest[side][number % 100] if number % 3 == 0 else f"m{(number * 7919) % sizes[side] + 1:08}"
            member = Member.objects.select_related("brand").get(brand=brands[side], auth_id=name)
            passed.append(took(lambda member=member: neighbours(member, count=100, period=period, at=at)) * 1_000)
        if side == "many":
            slowest.append(sorted(passed)[int(TURNS * 0.99)])
        return sum(passed) / TURNS

    figures = interleave(ROUNDS, many=lambda: rank("many"), few=lambda: rank("few"))
    note = f"(p99 {sorted(slowest)[len(slowest) // 2]:.1f} ms)"
    return Comparison(f"app_ranking_{period}", "ms", figures["many"], figures["few"], note=note)


def _early(brand: Brand) -> Marks:
    """Where a back end stands that has followed the ledger, and the first members."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id) + 5000 FROM users_memberchange WHERE brand_id = %s", [brand.pk])
        (newest,) = newest_ids(["ledger_transaction_id_seq"])
        return Marks(newest, int(cursor.fetchone()[0]), 0)

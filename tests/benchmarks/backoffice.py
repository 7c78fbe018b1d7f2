"""backoffice: each list, the member's page and the home page, of a large brand against a small one; and how many queries."""

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from exchange.services.tallying import EXCHANGES
from ledger.models import Account, Transaction
from ledger.services.rollups import Rollup, as_of, check_rollup, count_brand_up
from ledger.services.tallying import LEDGER
from loyalty.admin.base import BrandAdmin
from rewards.services.tallying import CODES, REDEMPTIONS
from tests.benchmarks.growing import STEPS, grow_ledger, grow_table, indexed_afterwards, unchecked
from tests.benchmarks.harness import Comparison, interleave, rate, took
from tests.conftest import make_brand, make_token
from tests.loyalty.furnished import furnish
from users.models import Brand, Member, Staff

SMALL, LARGE = 10_000, int(os.environ.get("BENCHMARK_TRANSACTIONS", "10000000"))
ROUNDS, ROUNDS_OF_FILTERS, SECONDS = 7, 3, 0.2
MOST_QUERIES = 15
ROLLUPS: tuple[Rollup, ...] = (LEDGER, CODES, REDEMPTIONS, EXCHANGES)
MADE_OTHERWISE = {"users.Member", "ledger.Account", "ledger.Transaction"}
# A brand has a few of these, however many members it has.
FEW = {
    *("users.Brand", "users.Staff", "users.ApiKey", "users.WebhookEndpoint", "users.EmailTemplate", "users.OAuthClient"),
    *("ledger.Token", "rewards.Campaign", "rewards.CodeBatch", "rewards.RewardType", "rewards.Category", "rewards.Location"),
    *("rewards.CollectibleSupply", "exchange.Provider", "exchange.Partnership", "ledger.ProofRun"),
    *("rewards.Programme", "rewards.Promotion", "rewards.Action", "users.Segment"),
}
# What differs among the rows of a table: WAITING of them, from the newest to the oldest, wait; the others are over.
WAITING = 60
WAITS = f"g %% greatest(%(count)s / {WAITING}, 1) = 0"
OVER_AT = "t.created_at - g * %(seconds)s * interval '1 second'"
TERMS = {
    "users.Email": {
        "state": f"CASE WHEN {WAITS} THEN 'parked' ELSE 'sent' END",
        "sent_at": f"CASE WHEN {WAITS} THEN NULL ELSE {OVER_AT} END",
    },
    "users.WebhookDelivery": {
        "state": f"CASE WHEN {WAITS} THEN 'parked' ELSE 'sent' END",
        "sent_at": f"CASE WHEN {WAITS} THEN NULL ELSE {OVER_AT} END",
    },
    "rewards.Code": {
        "redeemed_at": f"CASE WHEN g %% 2 = 0 THEN NULL ELSE {OVER_AT} END",
        "member": "CASE WHEN g %% 2 = 0 THEN NULL ELSE %(first_member)s + g %% %(members)s END",
    },
    "rewards.Collectible": {"status": f"CASE WHEN {WAITS} THEN 'pending' ELSE 'approved' END"},
    "exchange.ExchangeOrder": {
        "state": f"CASE WHEN {WAITS} THEN 'parked' WHEN {WAITS.replace('g', '(g + 1)', 1)} THEN 'unknown' ELSE 'settled' END",
        "ended_at": f"CASE WHEN {WAITS} OR {WAITS.replace('g', '(g + 1)', 1)} THEN NULL ELSE {OVER_AT} END",
    },
    "exchange.Difference": {
        "resolved_at": f"CASE WHEN {WAITS} THEN NULL ELSE {OVER_AT.replace('created', 'found')} END",
        "resolved_by": f"CASE WHEN {WAITS} THEN '' ELSE 'system' END",
        "resolution": f"CASE WHEN {WAITS} THEN '' ELSE 'gone' END",
    },
    "users.Approval": {
        "state": f"CASE WHEN {WAITS} THEN 'asked' ELSE 'expired' END",
        "decided_at": f"CASE WHEN {WAITS} THEN NULL ELSE {OVER_AT.replace('created_at', 'until')} END",
    },
}
MOVES = """
INSERT INTO exchange_exchangemove (brand_id, order_id, came_from, went_to, actor, reason, at)
SELECT brand_id, id, side.came_from, coalesce(side.went_to, state), 'system', '', created_at FROM exchange_exchangeorder
CROSS JOIN (VALUES ('accepted', 'submitted'), ('submitted', NULL)) AS side(came_from, went_to)
WHERE brand_id = %s AND NOT EXISTS (SELECT FROM exchange_exchangemove m WHERE m.order_id = exchange_exchangeorder.id)
"""


class Side(NamedTuple):
    """A brand in a database, and someone in it who may look at everything."""

    brand: Brand
    client: Client
    database: str


def grown(transactions: int) -> Side:
    """A brand of so many transactions, a tenth as many members, and a twentieth as many rows of everything that grows."""
    brand = make_brand()
    furnish(brand)
    grow_ledger(brand, make_token(brand, name="Grown").pk, transactions // len(STEPS))
    for model in sorted(lists(), key=_hangs_on_another):
        if model._meta.label not in MADE_OTHERWISE | FEW:
            grow_table(model, brand, transactions // 20, TERMS.get(model._meta.label, {}))
    with unchecked(), connection.cursor() as cursor:
        cursor.execute(MOVES, [brand.pk])
    staff = Staff.objects.create(username=f"staff of {brand.pk}", brand=brand, is_staff=True, is_superuser=True)
    client = Client(HTTP_HOST="localhost")
    client.force_login(staff)
    return Side(brand, client, connection.settings_dict["NAME"])


def _hangs_on_another(model: type[Model]) -> bool:
    """Whether each row belongs to one of another list."""
    others = [other for other in lists() if other._meta.label not in MADE_OTHERWISE]
    return any(field.one_to_one and field.related_model in others for field in model._meta.concrete_fields)


def lists() -> list[type[Model]]:
    """The tables that have a list in the back office, found in its registry."""
    pages = admin.site._registry.items()
    found = [model for model, page in pages if isinstance(page, BrandAdmin) and page.brand_path == "brand"]
    return sorted(found, key=lambda model: model._meta.label)


def pages(side: Side, choices: int | None = None) -> dict[str, str]:
    """Every page that is measured, by name; with so many choices of each filter, or all of them."""
    member = Member.objects.get(brand=side.brand, auth_id="m7")
    account = Account.objects.get(brand=side.brand, member=member)
    row = Transaction.objects.filter(brand=side.brand, account=account, sequence=5).get()
    found = {"home": reverse("admin:index"), "home_365_days": reverse("admin:index") + "?period=365"}
    found |= {f"list_{model._meta.model_name}": _page(model, "changelist") for model in lists()}
    found |= {f"card_{card.name}": card.link for card in side.client.get(found["home"]).context_data["cards"]}
    found |= {f"filter_{name}": path for name, path in _filters(side, choices)}
    rows: dict[str, Model] = {"member": member, "account": account, "transaction": row}
    return found | {f"page_{name}": _page(type(one), "change", one.pk) for name, one in rows.items()}


def _page(model: type[Model], page: str, *arguments: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


def _filters(side: Side, choices: int | None) -> Iterator[tuple[str, str]]:
    """The choices that the filters of lists offer."""
    for model in lists():
        path = _page(model, "changelist")
        changelist = side.client.get(path).context_data["cl"]
        for one in changelist.filter_specs:
            offered = [choice for choice in one.choices(changelist) if "query_string" in choice and not choice.get("selected")]
            for number, choice in enumerate(offered[:choices]):
                yield f"{model._meta.model_name}_{one.title}_{number}".replace(" ", "_"), path + choice["query_string"]


def roll_up(side: Side) -> None:
    """Bring the sums up to date: a first run notes what there is, the next one counts it."""
    for rollup in ROLLUPS:
        while as_of(rollup, side.brand.pk) is None:
            count_brand_up(rollup, side.brand.pk)


def queries(side: Side, path: str) -> int:
    """How many statements a page makes; what all pages keep in memory is there, for others were looked at before."""
    with CaptureQueriesContext(connection) as captured:
        answer = side.client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return len(captured)


def backoffice() -> Iterator[Comparison]:
    """Milliseconds of every page, at LARGE transactions against SMALL, and seconds of counting and checking the sums.

    The small brand is measured alone in a database of its own, and a second time beside the large one: nobody's pages
    may become slow for what others have.
    """
    house, alone = connection.settings_dict["NAME"], f"{connection.settings_dict['NAME']}_small"
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{alone}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{alone}"')
    turn_to(alone)
    call_command("migrate", verbosity=0)
    small = settled(grown(SMALL))
    turn_to(house)
    neighbour = grown(SMALL)
    with indexed_afterwards("ledger_transaction", "users_member"):
        large = settled(grown(LARGE))
    roll_up(neighbour)
    yield Comparison("backoffice_roll_up", "s", [took(lambda: roll_up(large))])
    yield Comparison("backoffice_check_rollups", "s", [took(lambda: check(large))])
    yield from measure(small, large, neighbour)


def turn_to(database: str) -> None:
    """Go on in another database of the same server."""
    if connection.settings_dict["NAME"] != database:
        connection.close()
        connection.settings_dict["NAME"] = database
        ContentType.objects.clear_cache()


def settled(side: Side) -> Side:
    """Let the planner know what there is, and nothing be left for it to do while pages are measured."""
    with unchecked(), connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    return side


def check(side: Side) -> None:
    """Hold every sum against the rows."""
    differences = [told for rollup in ROLLUPS for told in check_rollup(rollup, side.brand.pk).differences]
    assert differences == [], differences[:5]


def measure(small: Side, large: Side, neighbour: Side) -> Iterator[Comparison]:
    """Every page of the large brand, and of the small one beside it, against the small one alone."""
    turn_to(small.database)
    roll_up(small)
    reference = pages(small)
    turn_to(large.database)
    sides = {"": (large, pages(large)), "_beside": (neighbour, pages(neighbour))}
    for name, path in reference.items():
        for suffix, (side, own) in sides.items():
            if name in own:
                yield compare(f"{name}{suffix}", (small, path), (side, own[name]))


def compare(name: str, small: tuple[Side, str], large: tuple[Side, str]) -> Comparison:
    """One page of two brands, in turns."""

    def measured(side: Side, path: str) -> Callable[[], float]:
        def milliseconds() -> float:
            turn_to(side.database)
            side.client.get(path)
            return 1_000 / rate(lambda: side.client.get(path), seconds=SECONDS)

        return milliseconds

    rounds = ROUNDS_OF_FILTERS if name.startswith("filter") else ROUNDS
    figures = interleave(rounds, large=measured(*large), small=measured(*small))
    turn_to(large[0].database)
    return Comparison(f"backoffice_{name}", "ms", figures["large"], figures["small"], note=f"({queries(*large)} queries)")

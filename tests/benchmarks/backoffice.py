"""backoffice: each list, the member's page and the home page, of a large brand against a small one; and how many queries."""

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from django.contrib import admin
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
ROUNDS, SECONDS = 7, 0.3
MOST_QUERIES = 15
ROLLUPS: tuple[Rollup, ...] = (LEDGER, CODES, REDEMPTIONS, EXCHANGES)
MADE_OTHERWISE = {"users.Member", "ledger.Account", "ledger.Transaction"}
# A brand has a few of these, however many members it has.
FEW = {
    *("users.Brand", "users.Staff", "users.ApiKey", "users.WebhookEndpoint", "users.EmailTemplate", "users.OAuthClient"),
    *("ledger.Token", "rewards.Campaign", "rewards.CodeBatch", "rewards.RewardType", "rewards.Category", "rewards.Location"),
    *("rewards.CollectibleSupply", "exchange.Provider", "exchange.Partnership", "ledger.ProofRun"),
}
# What differs among the rows of a table: most are over, a few wait.
TERMS = {
    "users.Email": {
        "state": "CASE WHEN g %% 500 = 0 THEN 'parked' ELSE 'sent' END",
        "sent_at": "CASE WHEN g %% 500 = 0 THEN NULL ELSE t.created_at - g * %(seconds)s * interval '1 second' END",
    },
    "users.WebhookDelivery": {
        "state": "CASE WHEN g %% 500 = 0 THEN 'parked' ELSE 'sent' END",
        "sent_at": "CASE WHEN g %% 500 = 0 THEN NULL ELSE t.created_at - g * %(seconds)s * interval '1 second' END",
    },
    "rewards.Code": {
        "redeemed_at": "CASE WHEN g %% 2 = 0 THEN NULL ELSE t.created_at - g * %(seconds)s * interval '1 second' END",
        "member": "CASE WHEN g %% 2 = 0 THEN NULL ELSE %(first_member)s + g %% %(members)s END",
    },
    "rewards.Collectible": {"status": "CASE WHEN g %% 100 = 0 THEN 'pending' ELSE 'approved' END"},
    "exchange.ExchangeOrder": {
        "state": "CASE g %% 200 WHEN 0 THEN 'parked' WHEN 1 THEN 'unknown' ELSE 'settled' END",
        "ended_at": "CASE WHEN g %% 200 < 2 THEN NULL ELSE t.created_at - g * %(seconds)s * interval '1 second' END",
    },
    "exchange.Difference": {
        "resolved_at": "CASE WHEN g %% 100 = 0 THEN NULL ELSE t.found_at - g * %(seconds)s * interval '1 second' END",
        "resolved_by": "CASE WHEN g %% 100 = 0 THEN '' ELSE 'system' END",
        "resolution": "CASE WHEN g %% 100 = 0 THEN '' ELSE 'gone' END",
    },
    "users.Approval": {
        "state": "CASE WHEN g %% 200 = 0 THEN 'asked' ELSE 'expired' END",
        "decided_at": "CASE WHEN g %% 200 = 0 THEN NULL ELSE t.until - g * %(seconds)s * interval '1 second' END",
    },
}
MOVES = """
INSERT INTO exchange_exchangemove (brand_id, order_id, came_from, went_to, actor, reason, at)
SELECT brand_id, id, side.came_from, coalesce(side.went_to, state), 'system', '', created_at FROM exchange_exchangeorder
CROSS JOIN (VALUES ('accepted', 'submitted'), ('submitted', NULL)) AS side(came_from, went_to)
WHERE brand_id = %s AND NOT EXISTS (SELECT FROM exchange_exchangemove m WHERE m.order_id = exchange_exchangeorder.id)
"""


class Side(NamedTuple):
    """A brand, and someone in it who may look at everything."""

    brand: Brand
    client: Client


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
    return Side(brand, client)


def _hangs_on_another(model: type[Model]) -> bool:
    """Whether each row belongs to one of another list."""
    others = [other for other in lists() if other._meta.label not in MADE_OTHERWISE]
    return any(field.one_to_one and field.related_model in others for field in model._meta.concrete_fields)


def lists() -> list[type[Model]]:
    """The tables that have a list in the back office, found in its registry."""
    pages = admin.site._registry.items()
    found = [model for model, page in pages if isinstance(page, BrandAdmin) and page.brand_path == "brand"]
    return sorted(found, key=lambda model: model._meta.label)


def pages(side: Side) -> dict[str, str]:
    """Every page that is measured, by name."""
    member = Member.objects.get(brand=side.brand, auth_id="m7")
    account = Account.objects.get(brand=side.brand, member=member)
    row = Transaction.objects.filter(brand=side.brand, account=account, sequence=5).get()
    found = {"home": reverse("admin:index"), "home_365_days": reverse("admin:index") + "?period=365"}
    found |= {f"list_{model._meta.model_name}": _page(model, "changelist") for model in lists()}
    found |= {f"card_{card.name}": card.link for card in side.client.get(found["home"]).context_data["cards"]}
    found |= {f"filter_{name}": path for name, path in _filters(side)}
    rows: dict[str, Model] = {"member": member, "account": account, "transaction": row}
    return found | {f"page_{name}": _page(type(one), "change", one.pk) for name, one in rows.items()}


def _page(model: type[Model], page: str, *arguments: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


def _filters(side: Side) -> Iterator[tuple[str, str]]:
    """Each choice that the filters of lists offer."""
    for model in lists():
        path = _page(model, "changelist")
        changelist = side.client.get(path).context_data["cl"]
        for one in changelist.filter_specs:
            offered = [choice for choice in one.choices(changelist) if "query_string" in choice and not choice.get("selected")]
            for number, choice in enumerate(offered):
                yield f"{model._meta.model_name}_{one.title}_{number}".replace(" ", "_"), path + choice["query_string"]


def roll_up(side: Side) -> None:
    """Bring the sums up to date: a first run notes what there is, the next one counts it."""
    for rollup in ROLLUPS:
        while as_of(rollup, side.brand.pk) is None:
            count_brand_up(rollup, side.brand.pk)


def queries(side: Side, path: str) -> int:
    """How many statements a page makes once it is warm."""
    side.client.get(path)
    with CaptureQueriesContext(connection) as captured:
        answer = side.client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return len(captured)


def backoffice() -> list[Comparison]:
    """Milliseconds of every page, at LARGE transactions against SMALL; the slow and the talkative are told."""
    small = grown(SMALL)
    with indexed_afterwards("ledger_transaction", "users_member"):
        large = grown(LARGE)
    with unchecked(), connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    rolled_up = took(lambda: [roll_up(side) for side in (small, large)])
    checked = took(lambda: [check_rollup(rollup, large.brand.pk) for rollup in ROLLUPS])
    differences = [told for rollup in ROLLUPS for told in check_rollup(rollup, large.brand.pk).differences]
    assert differences == [], differences[:5]
    of_small, of_large = pages(small), pages(large)
    compared = [compare(name, (small, of_small[name]), (large, of_large[name])) for name in of_large if name in of_small]
    return [
        Comparison("backoffice_roll_up", "s", [rolled_up]),
        Comparison("backoffice_check_rollups", "s", [checked]),
        *compared,
    ]


def compare(name: str, small: tuple[Side, str], large: tuple[Side, str]) -> Comparison:
    def measured(side: Side, path: str) -> Callable[[], float]:
        return lambda: 1_000 / rate(lambda: side.client.get(path), seconds=SECONDS)

    figures = interleave(ROUNDS, large=measured(*large), small=measured(*small))
    counts = [queries(*large), queries(*small)]
    return Comparison(f"backoffice_{name}", "ms", figures["large"], figures["small"], note=f"({max(counts)} queries)")

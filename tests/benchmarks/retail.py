"""evaluate, earn, rules and import_earnings: the earn engine over HTTP, by itself, and from a file."""

import csv
import os
import random
import shutil
import tempfile
import time
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path

from django.utils import timezone

from rewards.models import Programme
from rewards.rules.baskets import Line
from rewards.rules.earning import Book, Circumstances, evaluate
from rewards.rules.promotions import Rule, read_terms
from rewards.services.importing import FileLine, Tally, import_earnings
from rewards.services.promotions import draft_promotion, publish_promotion, set_base_rate
from tests.benchmarks.codes import load
from tests.benchmarks.harness import Comparison, interleave
from tests.benchmarks.serving import DONE, OURS, ROUNDS, granian
from tests.benchmarks.world import World
from tests.clients import RetailClient
from users.models import OAuthClient, Segment

LINES, LIVE, MANY, FEW = 20, 100, 2_000, 20
PRODUCTS, CATEGORIES = 20_000, 2_000
FILE_ROWS, BATCH = int(os.environ.get("BENCHMARK_EARNINGS", "1000000")), 5_000
TURNS = 300
BASKET = """
local n, seed = 0, tostring(os.time()) .. tostring({})
request = function()
  n = n + 1
  local headers = {["Content-Type"] = "application/json", ["Authorization"] = "Bearer %(bearer)s"}
  local lines = {}
  for number = 1, %(lines)d do
    local item = math.random(0, %(products)d)
    lines[number] = '{"line":' .. number .. ',"sku":"sku-' .. item .. '","category":"cat-' .. item %% %(categories)d ..
      '","quantity":2,"unit_price":"2.50","discount":"0.50","amount":"4.50"}'
  end
  local body = '{"member_id":"m' .. math.random(0, %(last)d) .. '","transaction_id":"' .. seed .. "-" .. n ..
    '","store_id":"zurich-1","channel":"store","currency":"EUR","lines":[' .. table.concat(lines, ",") .. "]}"
  return wrk.format("POST", "/api/retail/%(path)s", headers, body)
end
"""


def terms_of(number: int) -> dict:
    """One promotion of an assortment: most are about products or categories, some about the whole basket."""
    match number % 4:
        case 0:
            return {"gain": {"kind": "multiplier", "factor": "2"}, "categories": [f"cat-{number % CATEGORIES}"]}
        case 1:
            return {
                "gain": {"kind": "per_item", "points": 5},
                "skus": [f"sku-{(number * 7 + one) % PRODUCTS}" for one in range(5)],
            }
        case 2:
            skus = [f"sku-{(number * 11 + one) % PRODUCTS}" for one in range(3)]
            return {"gain": {"kind": "fixed", "points": 20}, "minimum_amount": "20.00", "skus": skus}
        case _:
            return {"gain": {"kind": "per_amount", "points": 3, "each": "10.00"}, "minimum_amount": "50.00"}


def is_for_segment(number: int) -> bool:
    """Those for the whole basket are for segments, as programmes with thousands of promotions have them."""
    return number % 4 == 3


def book(live: int) -> Book:
    """So many rules that run."""
    rules = [
        Rule(
            number, number, 1, f"P{number}", read_terms(terms_of(number)), frozenset({number} if is_for_segment(number) else ())
        )
        for number in range(live)
    ]
    return Book(rate_millionths=1_000_000, rules=rules, decimals=2)


def basket() -> tuple[Line, ...]:
    """A basket of any products."""
    items = [random.randrange(PRODUCTS) for _ in range(LINES)]
    return tuple(Line(number, f"sku-{item}", f"cat-{item % CATEGORIES}", 2_000, 450) for number, item in enumerate(items, 1))


def judging(live: int) -> float:
    """Milliseconds of one basket of 20 lines."""
    rules, baskets = book(live), [basket() for _ in range(TURNS)]
    seen = Circumstances(datetime.now(UTC), frozenset({3, 7, 11}))
    started = time.perf_counter()
    for lines in baskets:
        evaluate(rules, lines, seen)
    return (time.perf_counter() - started) / TURNS * 1_000


def rules() -> list[Comparison]:
    """Rules alone: a basket of 20 lines by 100 promotions, and by 2,000 against 20."""
    hundred = interleave(ROUNDS, ours=lambda: judging(LIVE))
    sides = interleave(ROUNDS, many=lambda: judging(MANY), few=lambda: judging(FEW))
    return [
        Comparison("rules, 20 lines by 100 promotions", "ms", hundred["ours"]),
        Comparison("rules, 2,000 promotions against 20", "ms", sides["many"], sides["few"]),
    ]


class Shop(World):
    """The world with a programme, promotions that run, and a till."""

    def __init__(self, live: int) -> None:
        super().__init__()
        Programme.objects.create(brand=self.brand, token=self.token)
        set_base_rate(brand_id=self.brand.pk, token_id=self.token.pk, rate=Decimal(1), actor="system", at=timezone.now())
        segment = Segment.objects.create(brand=self.brand, name="some")
        for number in range(live):
            made = draft_promotion(brand=self.brand, name=f"P{number}", terms=terms_of(number))
            if is_for_segment(number):
                made.ties.create(brand=self.brand, segment=segment)
            publish_promotion(brand_id=self.brand.pk, promotion_id=made.pk, actor="system", at=timezone.now())
        self.till = RetailClient.of(self.brand)
        OAuthClient.objects.filter(brand=self.brand).update(rate_per_second=1_000_000, burst=1_000_000)

    def script(self, path: str) -> str:
        """What wrk sends."""
        terms = {"bearer": self.till.token, "lines": LINES, "products": PRODUCTS - 1, "categories": CATEGORIES}
        return BASKET % (terms | {"last": len(self.accounts) - 1, "path": path}) + DONE

    def credits(self) -> str:
        """What the reference sends."""
        return OURS % {"key": self.key, "last": len(self.accounts) - 1, "token": self.token.pk} + DONE


def over_http(name: str, path: str) -> list[Comparison]:
    """Baskets a second over 16 connections, against credits over the same server."""
    if shutil.which("wrk") is None:
        raise SystemExit(f"{name} needs wrk: apt-get install wrk")
    shop, slowest = Shop(LIVE), list[float]()
    with granian(), tempfile.TemporaryDirectory() as folder:
        scripts = {"basket": shop.script(path), "credit": shop.credits()}
        for side, text in scripts.items():
            (Path(folder) / f"{side}.lua").write_text(text)
        figures = interleave(
            ROUNDS,
            basket=lambda: load(Path(folder) / "basket.lua", slowest),
            credit=lambda: load(Path(folder) / "credit.lua", []),
        )
    note = f"(p99 {sorted(slowest)[len(slowest) // 2]:.1f} ms, worst round {max(slowest):.1f} ms)"
    return [Comparison(f"{name} against http_credit", "requests/s", figures["basket"], figures["credit"], note)]


def evaluation() -> list[Comparison]:
    """evaluate: a basket of 20 lines over HTTP, 100 promotions live."""
    return over_http("evaluate", "baskets/evaluation")


def earning() -> list[Comparison]:
    """earn: the same basket."""
    return over_http("earn", "earnings")


def importing() -> list[Comparison]:
    """import_earnings: rows a second of a file of a million."""
    shop = Shop(LIVE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "earnings.csv"
        write_file(path, FILE_ROWS)
        started, tally = time.perf_counter(), Tally()
        with path.open(newline="") as text:
            rows = csv.DictReader(text)
            while block := list(islice(rows, BATCH)):
                lines = [FileLine(number, row) for number, row in enumerate(block, tally.lines + 2)]
                import_earnings(
                    brand_id=shop.brand.pk, lines=lines, actor="system", at=timezone.now(), tally=tally, reject=print
                )
        passed = time.perf_counter() - started
    assert tally.earned == FILE_ROWS, tally
    return [Comparison("import_earnings", "rows/s", [FILE_ROWS / passed], note=f"({FILE_ROWS:,} rows)")]


def write_file(path: Path, rows: int) -> None:
    """A file as a till exports it."""
    now = timezone.now().isoformat()
    with path.open("w", newline="") as text:
        file = csv.writer(text)
        file.writerow(["transaction_id", "member_id", "occurred_at", "amount", "sku", "category"])
        for number in range(rows):
            item = number % PRODUCTS
            file.writerow([f"t{number}", f"m{number % 10_000}", now, "12.50", f"sku-{item}", f"cat-{item % CATEGORIES}"])

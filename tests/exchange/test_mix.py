"""A seeded mix of exchanges while the airline fails in every way it can: three ledgers agree in the end, to the mile."""

import random
from collections import Counter

import httpx
import pytest

from exchange.models import ExchangeOrder
from exchange.sandbox.outcomes import BY_POINTS, Fault
from ledger.models import Account
from tests.exchange.world import OPEN_STATES, drive, exchange
from tests.ledger.orders import move

SHARE, SEED, MOST_ROUNDS, PLENTY = 0.3, 20261124, 200, 1_000_000
AMOUNTS = [10, 20, 30, *BY_POINTS]
REFUSED = {93, 95}


@pytest.mark.timeout(3_000)
@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize("count", [100, pytest.param(5_000, marks=pytest.mark.long)])
def test_with_every_fault_the_three_ledgers_agree_in_the_end(rich, token, airline, count):
    address, server = airline
    chance = random.Random(SEED)
    told = {"faults": [fault.value for fault in Fault], "share": SHARE, "seed": SEED}
    httpx.post(f"{address}/faults", json=told).raise_for_status()
    move(rich, token, PLENTY)
    points = Account.objects.get(member=rich).balance
    orders = Counter(chance.choice(AMOUNTS) for _ in range(count))
    for amount in orders.elements():
        exchange(rich, token, amount)
    rounds = 0
    while rounds < MOST_ROUNDS and ExchangeOrder.objects.filter(member=rich, state__in=OPEN_STATES).exists():
        drive()
        rounds += 1

    mine = ExchangeOrder.objects.filter(member=rich)
    assert rounds < MOST_ROUNDS, list(mine.exclude(state__in=["settled", "refused"]).values_list("state", "misses"))
    kept = {amount: many for amount, many in orders.items() if amount not in REFUSED}
    assert Account.objects.get(member=rich).balance == points - sum(amount * many for amount, many in kept.items())
    settled = {str(order.reference): order.received for order in mine.filter(state="settled")}
    rows = server.ledger.rows("etihad")
    assert {row["callback"]: row["amount"] for row in rows if row["state"] == "credited"} == settled
    assert {row["credits"] for row in rows} <= {0, 1}
    assert Counter(settled.values()) == Counter({10 * amount: many for amount, many in kept.items()})

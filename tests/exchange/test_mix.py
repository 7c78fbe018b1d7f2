"""A seeded mix of exchanges while the airline fails in every way it can: three ledgers agree in the end, to the mile."""

import random
from collections import Counter
from datetime import timedelta

import httpx
import pytest
from django.utils import timezone

from exchange.models import ExchangeOrder, Provider
from exchange.sandbox.outcomes import BY_POINTS, Fault
from exchange.services.driving import drive_orders
from ledger.models import Account
from tests.conftest import make_member, make_token
from tests.exchange.world import LONG_AGO, OPEN_STATES, exchange, make_partnership, make_provider
from tests.ledger.orders import move

SHARE, SEED, MOST_ROUNDS, PLENTY = 0.3, 20261124, 5_000, 1_000_000
AMOUNTS = [10, 20, 30, *BY_POINTS]
REFUSED = {93, 95}


@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("count", [100, pytest.param(5_000, marks=pytest.mark.long)])
def test_with_every_fault_the_three_ledgers_agree_in_the_end(own_brand, airline, count):
    address, server = airline
    member, token = make_member(own_brand), make_token(own_brand)
    provider = make_provider(own_brand, address=address, timeout_seconds=1)
    make_partnership(provider, token)
    move(member, token, PLENTY)
    chance = random.Random(SEED)
    told = {"faults": [fault.value for fault in Fault], "share": SHARE, "seed": SEED}
    httpx.post(f"{address}/faults", json=told).raise_for_status()
    orders = Counter(chance.choice(AMOUNTS) for _ in range(count))
    for amount in orders.elements():
        exchange(member, token, amount)

    mine = ExchangeOrder.objects.filter(member=member)
    _drive_to_the_end(provider)

    assert dict(Counter(mine.exclude(state__in=["settled", "refused"]).values_list("state", flat=True))) == {}
    kept = {amount: many for amount, many in orders.items() if amount not in REFUSED}
    assert Account.objects.get(member=member).balance == PLENTY - sum(amount * many for amount, many in kept.items())
    settled = {str(order.reference): order.received for order in mine.filter(state="settled")}
    rows = server.ledger.rows("etihad")
    assert {row["callback"]: row["amount"] for row in rows if row["state"] == "credited"} == settled
    assert {row["credits"] for row in rows} <= {0, 1}
    assert Counter(settled.values()) == Counter({10 * amount: many for amount, many in kept.items()})


def _drive_to_the_end(provider: Provider) -> None:
    """Round after round, each until the circuit breaker opens: it and what was put off wait for no clock here."""
    open_ones = ExchangeOrder.objects.filter(provider=provider, state__in=OPEN_STATES)
    for _ in range(MOST_ROUNDS):
        if not open_ones.update(due_at=LONG_AGO):
            return
        Provider.objects.filter(pk=provider.pk).update(open_until=None, failures=0)
        drive_orders(clock=timezone.now, until=timezone.now() + timedelta(seconds=30))

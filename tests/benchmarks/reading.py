"""verify and read: the proof, balances and the first page of history."""

import psutil
from django.utils import timezone

from ledger.selectors import History, balances_of, page_of
from ledger.services.proof import prove
from ledger.services.tallying import tally_transactions
from tests.benchmarks.harness import Comparison, interleave, rate, took
from tests.benchmarks.world import World
from users.models import Member

SMALL, LARGE = 10_000, 5_000_000
ROUNDS = 7


def verify() -> list[Comparison]:
    """Prove 1,000,000 rows; memory must stay flat."""
    world = World()
    world.grow(1_000_000)
    process = psutil.Process()
    prove(brand_id=world.brand.pk)
    before = process.memory_info().rss
    figures = [1_000_000 / took(lambda: prove(brand_id=world.brand.pk)) for _ in range(ROUNDS)]
    grown = (process.memory_info().rss - before) / 2**20
    return [Comparison("verify", "rows/s", figures, note=f"(memory grew by {grown:.1f} MiB over all rounds)")]


def read() -> list[Comparison]:
    """Milliseconds of balances and of the first page of history, at 5,000,000 rows against 10,000."""
    small, large = World(accounts=100), World(accounts=10_000)
    small.grow(SMALL)
    large.grow(LARGE)
    for _ in range(2):
        tally_transactions()
    reads = {
        "read_balances": lambda member: balances_of(member, at=timezone.now()),
        "read_history_of_member": lambda member: first_page(member.brand_id, member.auth_id),
        "read_history_of_brand": lambda member: first_page(member.brand_id, None),
    }
    return [compare(name, act, small, large) for name, act in reads.items()]


def first_page(brand_id: int, auth_id: str | None) -> None:
    history = History(brand_id=brand_id, auth_id=auth_id)
    assert len(page_of(history, limit=100)) == 100
    assert history.total() >= 100


def compare(name: str, act, small: World, large: World) -> Comparison:
    members = [Member.objects.get(brand=world.brand, auth_id="m7") for world in (large, small)]
    figures = interleave(
        ROUNDS,
        large=lambda: 1_000 / rate(lambda: act(members[0]), seconds=1),
        small=lambda: 1_000 / rate(lambda: act(members[1]), seconds=1),
    )
    return Comparison(name, "ms", figures["large"], figures["small"])

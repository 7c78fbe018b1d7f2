"""A process dies at each of six points of an exchange: points are gone if and only if miles have arrived, once."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.faults.server import ROOT, Caller, Platform, environment
from tests.faults.test_exchanges import NUMBER, OPEN, Partner, check, order_miles, rich

pytestmark = pytest.mark.slow

POINTS = 50
DYING = """
import os, signal, sys, threading
import django

django.setup()
from datetime import timedelta
from django.utils import timezone
from exchange.services.driving import drive_orders
from exchange.services.orders import ExchangeRequest, accept_exchange
from exchange.models import ExchangeOrder, Partnership
from exchange.rules.orders import OPEN
from users.models import Member

act, auth_id, number, module, function, event = sys.argv[1:]


def die(frame, what, _):
    if what == event and frame.f_code.co_qualname == function and frame.f_globals["__name__"] == module:
        os.kill(os.getpid(), signal.SIGKILL)


def drive():
    drive_orders(clock=timezone.now, until=timezone.now() + timedelta(seconds=20))


if function:
    threading.setprofile(die)
    sys.setprofile(die)
if act == "accept":
    member = Member.objects.get(auth_id=auth_id)
    agreed = Partnership.objects.get(brand=member.brand_id, provider__programme__implementation_name="etihad")
    request = ExchangeRequest(brand_id=member.brand_id, auth_id=auth_id, token_a_id=agreed.token_a_id, points=50,
        actor="test", type="points_to_external_rewards", provider_name="etihad", number_override=number)
    accept_exchange(request=request, at=timezone.now())
elif function:
    drive()
else:
    while ExchangeOrder.objects.filter(state__in=[state.value for state in OPEN]).exists():
        drive()
"""


@pytest.fixture
def partner(platform: Platform) -> Iterator[Partner]:
    airline = Partner(platform, 0)
    platform.sql("UPDATE exchange_provider SET terms = '{}' WHERE adapter = 'lcp'")
    yield airline
    airline.process.kill()
    airline.process.wait()


def run(platform: Platform, act: str, auth_id: str, *point: str) -> int:
    """Do it in a process of its own, which dies at the point, if one is given; answers how it ended."""
    command = [sys.executable, "-c", DYING, act, auth_id, NUMBER, *(point or ("", "", ""))]
    env = environment(platform.folder, EXCHANGE_LEASE_SECONDS="1", PYTHONPATH=str(ROOT))
    return subprocess.run(command, cwd=ROOT, env=env, timeout=60, check=False, capture_output=True).returncode


ACCEPTING = {
    "before the clearing commit": ("exchange.services.orders", "_write", "return"),
    "after it": ("exchange.services.orders", "accept_exchange", "return"),
}
DRIVING = {
    "after the attempt row": ("exchange.services.driving", "_lease", "return"),
    "during the call": ("exchange.adapters.lcp.wire", "_Stream.read", "call"),
    "after the reply": ("exchange.adapters.lcp.client", "LcpAdapter.credit", "return"),
    "after the posting": ("exchange.services.settling", "record_answer", "return"),
}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("runs", [1, pytest.param(20, marks=pytest.mark.long)])
def test_who_dies_at_any_of_six_points_leaves_it_to_the_next(platform: Platform, caller: Caller, partner: Partner, runs: int):
    auth_id = rich(caller)
    for _ in range(runs):
        for name, point in ACCEPTING.items():
            assert run(platform, "accept", auth_id, *point) == -signal.SIGKILL, name
        for name, point in DRIVING.items():
            order_miles(caller, auth_id, [POINTS])
            assert run(platform, "drive", auth_id, *point) == -signal.SIGKILL, name
        # The next: an order that outlived forty of its workers would go to staff.
        assert run(platform, "drive", auth_id) == 0

    assert platform.sql(OPEN) == [(0,)]
    # What died before its commit was never there; all the rest arrived.
    check(platform, caller, partner, auth_id, [POINTS] * runs * (len(DRIVING) + 1))

"""Exchanges by a real worker, woken by the broker that the settings name, which may be restarted meanwhile."""

import os
import subprocess
from collections import Counter

import pytest
from django.conf import settings

from exchange.models import ExchangeOrder
from exchange.tasks import drive_due_orders
from ledger.models import Account
from tests.conftest import make_member, make_token
from tests.exchange.world import exchange, make_partnership, make_provider
from tests.faults.server import wait_for
from tests.ledger.orders import move
from tests.worker import worker

MANY = 40


def restart_broker() -> None:
    """RabbitMQ forgets every connection and what is in memory; what Valkey's loss does, tests/faults tries."""
    assert settings.CELERY_BROKER_URL.startswith("amqp"), "this test is for RabbitMQ"
    path = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin"}
    for command in ("stop_app", "start_app"):
        subprocess.run(["rabbitmqctl", command], check=True, capture_output=True, env=path, timeout=60)


@pytest.mark.parametrize("restarted", [False, pytest.param(True, marks=pytest.mark.alone)])
def test_a_worker_settles_what_is_accepted_whether_or_not_the_broker_is_restarted(own_brand, airline, tmp_path, restarted):
    member, token = make_member(own_brand), make_token(own_brand)
    make_partnership(make_provider(own_brand, address=airline[0], timeout_seconds=5), token)
    move(member, token, 10_000)
    mine = ExchangeOrder.objects.filter(member=member)

    with worker(tmp_path) as queue:

        def settled(count: int) -> bool:
            drive_due_orders.apply_async(queue=queue)
            return mine.filter(state="settled").count() == count

        for _ in range(MANY):
            exchange(member, token, 10)
        wait_for(lambda: settled(MANY), every=0.3)
        if restarted:
            restart_broker()
        for _ in range(MANY):
            exchange(member, token, 10)
        wait_for(lambda: settled(2 * MANY), every=0.3)

    assert Account.objects.get(member=member).balance == 10_000 - 2 * MANY * 10
    assert Counter(row["credits"] for row in airline[1].ledger.rows("etihad")) == {1: 2 * MANY}

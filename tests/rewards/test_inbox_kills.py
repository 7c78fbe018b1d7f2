"""A burst in the inbox, drained by a worker that is killed again and again: every item has exactly one outcome."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Count, Sum
from django.utils import timezone

from ledger.models import Account, Transaction
from ledger.services.proof import prove
from rewards.models import ActionGain, ActionUse, Frequency, InboxItem
from rewards.services.inbox import drain_inbox
from tests.conftest import make_member, make_token
from tests.faults.server import ROOT
from tests.rewards.acting import make_action
from tests.worker import database_url

BURST = """
INSERT INTO rewards_inboxitem (brand_id, member_id, action_id, param, properties, occurred_at, actor, received_at, state,
  code, detail)
SELECT %(brand)s, m.id, CASE WHEN g %% 10 = 0 THEN %(once)s ELSE %(any)s END, CASE WHEN g %% 3 = 0 THEN 'p' || g END, '{}',
  now(), 'app:1', now(), 'waiting', '', ''
FROM generate_series(1, %(count)s) g
JOIN LATERAL (SELECT id FROM users_member WHERE brand_id = %(brand)s ORDER BY id OFFSET g %% 50 LIMIT 1) m ON true
"""
DRAIN = """
import django
django.setup()
from datetime import timedelta
from django.utils import timezone
from rewards.services.inbox import drain_inbox
drain_inbox(clock=timezone.now, until=timezone.now() + timedelta(minutes=10))
"""
KILLS = 3


@pytest.mark.parametrize("count", [4_000, pytest.param(50_000, marks=pytest.mark.long)])
def test_a_burst_is_settled_item_by_item_however_often_its_worker_is_killed(own_brand, count, settings):
    token = make_token(own_brand)
    for _ in range(50):
        make_member(own_brand)
    actions = {"any": make_action(token).pk, "once": make_action(token, frequency=Frequency.ONCE).pk}
    with connection.cursor() as cursor:
        cursor.execute(BURST, {"brand": own_brand.pk, "count": count, **actions})
    waiting = InboxItem.objects.filter(brand=own_brand, state="waiting")

    for _ in range(KILLS):
        environment = os.environ | {"DATABASE_URL": database_url(), "REDIS_URL": settings.REDIS_URL}
        environment["DJANGO_SETTINGS_MODULE"] = "loyalty.settings"
        with subprocess.Popen([sys.executable, "-c", DRAIN], cwd=ROOT, env=environment) as worker:
            before = waiting.count()
            while worker.poll() is None and waiting.count() == before:
                time.sleep(0.02)
            worker.send_signal(signal.SIGKILL)
    assert waiting.exists()
    until = timezone.now() + timedelta(minutes=10)
    while waiting.exists() and timezone.now() < until:  # the last one's backend may hold the brand for a moment still
        drain_inbox(clock=timezone.now, until=until)

    states = dict(InboxItem.objects.filter(brand=own_brand).values_list("state").annotate(Count("pk")))
    once = min(50, len({number % 50 for number in range(10, count + 1, 10)}))
    assert states == {"applied": count - count // 10 + once, "refused": count // 10 - once}
    applied = InboxItem.objects.filter(brand=own_brand, state="applied")
    assert applied.values("posting").distinct().count() == states["applied"]
    assert ActionGain.objects.filter(brand=own_brand).count() == states["applied"]
    assert Transaction.objects.filter(brand=own_brand).count() == states["applied"]
    assert ActionUse.objects.filter(brand=own_brand, period="all").aggregate(Sum("count"))["count__sum"] == states["applied"]
    assert Account.objects.filter(brand=own_brand).aggregate(Sum("balance"))["balance__sum"] == 5 * states["applied"]
    assert prove(brand_id=own_brand.pk).differences == []

"""A real worker drains rows; the broker is the one that the settings name: Valkey, Redis or RabbitMQ."""

import os
import secrets
import subprocess
import sys
from urllib.parse import quote

from django.conf import settings
from django.db import connection
from django.test import Client

from tests.conftest import NOON, make_member
from tests.faults.server import ROOT, wait_for
from users.models import Email
from users.models.emails import EmailState
from users.services.emails import queue_email
from users.tasks import send_due_emails


def database_url() -> str:
    """The database of this test, for another process."""
    terms = connection.settings_dict
    who = ":".join(quote(part, safe="") for part in (terms["USER"], terms["PASSWORD"]) if part)
    port = f":{terms['PORT']}" if terms["PORT"] else ""
    return f"postgresql://{who}@{quote(terms['HOST'], safe='')}{port}/{terms['NAME']}"


def test_a_worker_sends_what_is_queued_when_the_broker_wakes_it(own_brand, tmp_path):
    context = {"amount": 5, "token": "Points"}
    email = queue_email(member=make_member(own_brand), brand=own_brand, kind="credit_notice", context=context, at=NOON)
    queue = f"test-{secrets.token_hex(6)}"
    command = [sys.executable, "-m", "celery", "--app", "loyalty.celery", "worker", "--pool", "solo", "--queues", queue]
    setting = os.environ | {
        "DJANGO_SETTINGS_MODULE": "loyalty.settings",
        "DATABASE_URL": database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "CELERY_BROKER_URL": settings.CELERY_BROKER_URL,
        "LOYALTY_VAR": str(tmp_path),
    }

    with subprocess.Popen(command, cwd=ROOT, env=setting, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as worker:
        try:
            send_due_emails.apply_async(queue=queue)
            wait_for(lambda: Email.objects.filter(pk=email.pk, state=EmailState.SENT).exists())
        finally:
            worker.terminate()

    assert list((tmp_path / "mail").glob("*.eml"))


def test_the_platform_is_ready_when_its_database_and_broker_answer(db):
    answer = Client().get("/readyz")

    assert answer.json() == {"status": "ok", "database": "ok", "broker": "ok"}

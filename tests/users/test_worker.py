"""E-mails by a real worker, woken by the broker that the settings name."""

from django.test import Client

from tests.conftest import NOON, make_member
from tests.faults.server import wait_for
from tests.worker import worker
from users.models import Email
from users.models.emails import EmailState
from users.services.emails import queue_email
from users.tasks import send_due_emails


def test_a_worker_sends_what_is_queued_when_the_broker_wakes_it(own_brand, tmp_path):
    context = {"amount": 5, "token": "Points"}
    email = queue_email(member=make_member(own_brand), brand=own_brand, kind="credit_notice", context=context, at=NOON)

    with worker(tmp_path) as queue:
        send_due_emails.apply_async(queue=queue)
        wait_for(lambda: Email.objects.filter(pk=email.pk, state=EmailState.SENT).exists())

    assert list((tmp_path / "mail").glob("*.eml"))


def test_the_platform_is_ready_when_its_database_and_broker_answer(db):
    answer = Client().get("/readyz")

    assert answer.json() == {"status": "ok", "database": "ok", "broker": "ok"}

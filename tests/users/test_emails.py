"""E-mails are rows: queued with their cause, leased by one worker at a time, sent once; see also test_email_delivery."""

import email
import email.policy
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail import get_connection
from django.db import connection
from django.utils import timezone

from tests.conftest import NOON, make_brand, make_member
from tests.faults.server import at_once
from tests.users.conftest import ACCEPTED, CONTEXT, Post, queue, text_of
from users.mail_files import EmlFileBackend
from users.models import Email
from users.models.emails import EmailState
from users.services.emails import (
    BATCH,
    Delivery,
    deliver_email,
    deliver_emails,
    lease,
    lease_emails,
    queue_email,
    queue_email_to,
    send_due,
)
from users.services.members import erase_member
from users.tasks import send_due_emails

CODE = {"code": "719026461", "value": 100, "token": "Points", "campaign": "Summer", "valid_until": ""}
SECOND = timedelta(seconds=1)


class WatchingBackend(EmlFileBackend):
    """Writes files, and down how the rows stand meanwhile."""

    seen: list[tuple[str, Any]] = []

    def send_messages(self, email_messages: Any) -> int:
        ids = [message.extra_headers["Message-ID"].split("@")[0].strip("<") for message in email_messages]
        self.seen[:] = Email.objects.filter(message_id__in=ids).values_list("state", "due_at")
        return super().send_messages(email_messages)


def queue_code(recipient: str, brand, **terms: Any) -> Email:
    """Queue a code for someone who need not be a member."""
    given = {"recipient": recipient, "brand": brand, "kind": "code", "context": CODE, "language": "en", "at": NOON}
    return queue_email_to(**(given | terms))


def test_an_email_is_sent_once(brand, member, post: Post) -> None:
    row = queue(member, brand)

    sent = [send_due_emails(), send_due_emails()]

    assert sent == [1, 0]
    (message,) = post.messages
    assert (message["To"], message["Subject"]) == (member.email, f"123 Points for you from {brand.name}")
    assert message["Message-ID"] == f"<{row.message_id}@localhost>"
    assert post.recipients == [[member.email]]
    assert "123 Points" in text_of(message)
    assert "123 Points" in text_of(message, "html")
    row.refresh_from_db()
    assert (row.state, row.attempts, row.fault) == (EmailState.SENT, 1, "")
    assert row.sent_at is not None


def test_nothing_is_queued_for_a_member_without_an_address(brand) -> None:
    member = make_member(brand, email=None)

    assert queue(member, brand) is None
    assert not Email.objects.filter(member=member).exists()


@pytest.mark.parametrize(("first_name", "greeting"), [("Zoë", "Hello Zoë,"), (None, "Hello,")])
def test_a_member_is_greeted_by_name_where_it_is_known(brand, post: Post, first_name: str | None, greeting: str) -> None:
    queue(make_member(brand, first_name=first_name), brand)

    send_due_emails()

    assert text_of(post.messages[0]).startswith(greeting)
    assert greeting in text_of(post.messages[0], "html")


@pytest.mark.parametrize(
    ("kind", "context"),
    [
        ("credit_notice", {}),
        ("credit_notice", {"amount": 5}),
        ("credit_notice", CONTEXT | {"more": "x"}),
        ("code", CODE | {"first_name": "Ann"}),
        ("personalisation_rejected", {"token": "Bean", "serial": 7}),
    ],
)
def test_a_context_without_a_variable_or_with_a_further_one_is_refused(
    brand, member, kind: str, context: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=f"e-mails of kind {kind} need"):
        queue_email(member=member, brand=brand, kind=kind, context=context, at=NOON)

    assert not Email.objects.filter(member=member).exists()


def test_a_context_for_an_address_is_judged_as_well(brand) -> None:
    with pytest.raises(ValueError, match="e-mails of kind code need"):
        queue_code("guest@example.org", brand, context={"code": "719026461"})

    assert not Email.objects.filter(brand=brand).exists()


def test_an_address_that_is_no_member_s_gets_its_email(brand, post: Post) -> None:
    row = queue_code("guest@example.org", brand, language="fr")

    assert send_due_emails() == 1

    (message,) = post.messages
    assert (row.member, post.recipients) == (None, [["guest@example.org"]])
    assert message["Subject"] == f"Votre code, de la part de {brand.name} : 719026461"
    assert "719026461" in text_of(message)


def test_erasing_a_member_removes_what_was_mailed_to_them_and_to_their_address(brand) -> None:
    member, neighbour, elsewhere = make_member(brand), make_member(brand), make_brand()
    queue(member, brand)
    queue_code(member.email, brand)
    kept = [queue(neighbour, brand), queue_code("guest@example.org", brand), queue_code(member.email, elsewhere)]

    erase_member(brand_id=brand.pk, auth_id=member.auth_id, at=NOON)

    left = Email.objects.filter(brand__in=[brand, elsewhere]).order_by("pk")
    assert list(left) == kept


def test_erasing_a_member_removes_what_went_to_their_address_however_it_is_written(brand) -> None:
    member = make_member(brand, email="Ann.Other@Example.org")
    queue_code("ann.other@example.ORG", brand)

    erase_member(brand_id=brand.pk, auth_id=member.auth_id, at=NOON)

    assert not Email.objects.filter(brand=brand).exists()


def test_erasing_a_member_leaves_what_another_member_of_that_address_waits_for(brand, post: Post) -> None:
    member, other = (make_member(brand, email="family@example.org") for _ in range(2))
    sent = queue_code("family@example.org", brand)
    send_due_emails()
    waiting, of_other = queue_code("family@example.org", brand), queue(other, brand)

    erase_member(brand_id=brand.pk, auth_id=member.auth_id, at=NOON)

    left = set(Email.objects.filter(brand=brand))
    assert (left, sent in left) == ({waiting, of_other}, False)


def test_erasing_a_member_without_an_address_leaves_the_emails_of_others(brand) -> None:
    member, kept = make_member(brand, email=None), queue_code("guest@example.org", brand)

    erase_member(brand_id=brand.pk, auth_id=member.auth_id, at=NOON)

    assert list(Email.objects.filter(brand=brand)) == [kept]


def test_an_email_erased_under_a_worker_is_not_sent(brand, member, post: Post) -> None:
    queue(member, brand)
    taken = lease_emails(limit=10, at=NOON)

    erase_member(brand_id=brand.pk, auth_id=member.auth_id, at=NOON)

    assert deliver_emails(taken, clock=lambda: NOON) == 0
    assert post.messages == []


def test_an_email_is_not_sent_before_it_is_due(brand, member, post: Post) -> None:
    queue(member, brand, at=timezone.now() + timedelta(hours=1))

    assert send_due_emails() == 0
    assert post.messages == []


def test_a_lease_keeps_others_off_until_it_ends(brand, member) -> None:
    row = queue(member, brand)
    (first,) = lease_emails(limit=10, at=NOON)
    row.refresh_from_db()

    assert (row.state, row.attempts, row.due_at) == (EmailState.LEASED, 0, NOON + lease())
    assert lease_emails(limit=10, at=NOON + lease() - SECOND) == []

    (second,) = lease_emails(limit=10, at=NOON + lease())
    assert first.pk == second.pk == row.pk


def test_a_worker_whose_lease_has_ended_sends_no_more(brand, member, post: Post) -> None:
    """A slow mail server makes a batch take longer than the lease: then the e-mail is another worker's."""
    queue(member, brand)
    (slow,) = lease_emails(limit=10, at=NOON)
    (quick,) = lease_emails(limit=10, at=NOON + lease())

    with get_connection() as line:
        of_quick = deliver_email(email=quick, at=NOON + lease(), post=line)
        of_slow = deliver_email(email=slow, at=NOON + lease() + SECOND, post=line)

    assert (of_quick, of_slow) == (Delivery.SENT, Delivery.NOT_OURS)
    assert len(post.messages) == 1


def test_of_two_workers_that_hold_an_email_the_one_that_begins_sends_it(brand, member, post: Post) -> None:
    """The lease of the slow one had ended when the other took the e-mail, and yet the slow one begins first."""
    row = queue(member, brand)
    (slow,) = lease_emails(limit=10, at=NOON)
    (quick,) = lease_emails(limit=10, at=NOON + lease())

    sent = [deliver_emails([taken], clock=lambda: NOON + lease()) for taken in (slow, quick)]

    row.refresh_from_db()
    assert (sent, row.state, row.attempts, len(post.messages)) == ([1, 0], EmailState.SENT, 1, 1)


def test_an_attempt_renews_the_lease(brand, member, settings) -> None:
    """A batch takes its time; the mail server is given the whole lease for each e-mail of it."""
    settings.EMAIL_BACKEND = f"{__name__}.WatchingBackend"
    row = queue(member, brand)
    taken = lease_emails(limit=10, at=NOON)
    late = NOON + lease() - SECOND

    assert deliver_emails(taken, clock=lambda: late) == 1

    row.refresh_from_db()
    assert (row.state, WatchingBackend.seen) == (EmailState.SENT, [(EmailState.LEASED, late + lease())])


def test_a_batch_has_its_limit_and_takes_what_was_due_first(brand) -> None:
    rows = [queue(make_member(brand), brand, at=NOON - timedelta(minutes=minutes)) for minutes in range(4)]

    taken = lease_emails(limit=2, at=NOON)

    assert [row.pk for row in taken] == [rows[3].pk, rows[2].pk]


def test_one_run_sends_batch_after_batch_until_its_time_is_up(brand, member, post: Post) -> None:
    rows = [queue(member, brand, amount=number) for number in range(2 * BATCH + 1)]
    ticks = iter([NOON - SECOND] + [NOON] * (BATCH + 1) + [NOON + SECOND] * 2)

    sent = [send_due(clock=lambda: NOON, until=NOON), send_due(clock=lambda: next(ticks), until=NOON + SECOND)]
    rest = send_due_emails()

    assert (sent, rest) == ([0, BATCH], BATCH + 1)
    assert len({message["Subject"] for message in post.messages}) == len(post.messages) == len(rows)


def test_workers_side_by_side_send_each_email_once(own_brand, post: Post) -> None:
    rows = [queue(make_member(own_brand), own_brand) for _ in range(40)]
    leased: list[int] = []  # list.extend is atomic

    def work(_: int) -> None:
        try:
            while taken := lease_emails(limit=3, at=timezone.now()):
                leased.extend(row.pk for row in taken)
                deliver_emails(taken, clock=timezone.now)
        finally:
            connection.close()

    at_once(work, range(6))

    ours = {row.pk for row in rows}
    assert sorted(pk for pk in leased if pk in ours) == sorted(ours)
    addresses = [message["To"] for message in post.messages if message["To"] in {row.recipient for row in rows}]
    assert len(addresses) == len(set(addresses)) == 40
    assert set(Email.objects.filter(pk__in=ours).values_list("state", flat=True)) == {EmailState.SENT}


def test_a_failed_credit_queues_nothing(brand, member, token, partner) -> None:
    refused = partner.credit(member.auth_id, 0, token.pk, send_email=True)
    accepted = partner.credit(member.auth_id, 7, token.pk, send_email=True)
    debited = partner.debit(member.auth_id, 1, token.pk, send_email=True)

    assert (refused.status_code, accepted.status_code, debited.status_code) == (400, 202, 202)
    assert [row.context["amount"] for row in Email.objects.filter(member=member)] == [7]


def test_without_a_mail_server_named_each_email_becomes_one_file(brand, member, settings, tmp_path) -> None:
    settings.MAIL_DIR = tmp_path / "mail"
    settings.EMAIL_BACKEND = f"{EmlFileBackend.__module__}.{EmlFileBackend.__qualname__}"
    queue(member, brand)

    assert send_due_emails() == 1

    (path,) = (tmp_path / "mail").iterdir()
    assert path.suffix == ".eml"
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert (message["To"], message["From"]) == (member.email, settings.DEFAULT_FROM_EMAIL)
    assert ACCEPTED not in text_of(message)


def test_the_row_waits_when_the_mail_folder_cannot_be_written(brand, member, settings, tmp_path) -> None:
    (tmp_path / "mail").write_text("a file stands where the folder should")
    settings.MAIL_DIR = tmp_path / "mail"
    settings.EMAIL_BACKEND = "users.mail_files.EmlFileBackend"
    row = queue(member, brand)

    assert send_due_emails() == 0

    row.refresh_from_db()
    assert (row.state, row.attempts, row.fault) == (EmailState.FAILED, 1, "FileExistsError")


def test_a_provider_of_anymail_sends_it_under_the_same_message_id(brand, member, settings) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"
    mail.outbox = []
    row = queue(member, brand)

    assert [send_due_emails(), send_due_emails()] == [1, 0]

    (message,) = mail.outbox
    told = message.anymail_test_params
    assert ([str(address) for address in told["to"]], told["subject"]) == ([member.email], message.subject)
    assert told["extra_headers"]["Message-ID"] == f"<{row.message_id}@localhost>"
    assert "123 Points" in told["text_body"]
    assert "123 Points" in told["html_body"]
    row.refresh_from_db()
    assert row.state == EmailState.SENT

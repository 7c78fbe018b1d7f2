"""E-mails: queued as rows, sent once through a real mail server, put off when refused, parked in the end."""

import email
import email.policy
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from tests.conftest import NOON, make_brand, make_member
from tests.faults.server import at_once, free_port
from tests.users.conftest import ACCEPTED, Post
from users.mail_files import EmlFileBackend
from users.models import Brand, Email, Member
from users.models.emails import EmailState
from users.services.emails import LEASE, LONGEST_WAIT, MOST_ATTEMPTS, deliver_email, lease_emails, queue_email
from users.tasks import send_due_emails

CONTEXT = {"amount": "123", "token": "Points"}
FOREVER = timedelta(days=365)


def queue(member: Member, brand: Brand, at: datetime = NOON, **context: str) -> Email | None:
    return queue_email(member=member, brand=brand, kind="credit_notice", context=CONTEXT | context, at=at)


def send(row: Email, at: datetime) -> bool:
    """Lease the row as a worker does, and deliver it."""
    (leased,) = [taken for taken in lease_emails(limit=10_000, at=at) if taken.pk == row.pk]
    return deliver_email(email=leased, at=at)


def text_of(message: email.message.EmailMessage, kind: str = "plain") -> str:
    return message.get_body((kind,)).get_content()


def test_an_email_is_sent_once(brand, member, post: Post) -> None:
    row = queue(member, brand)

    sent = [send_due_emails(), send_due_emails()]

    assert sent == [1, 0]
    (message,) = post.messages
    assert (message["To"], message["Subject"]) == (member.email, f"123 Points for you from {brand.name}")
    assert post.recipients == [[member.email]]
    assert "123 Points" in text_of(message)
    assert "123 Points" in text_of(message, "html")
    row.refresh_from_db()
    assert (row.state, row.attempts) == (EmailState.SENT, 1)
    assert row.sent_at is not None


def test_nothing_is_queued_for_a_member_without_an_address(brand) -> None:
    member = make_member(brand, email=None)

    assert queue(member, brand) is None
    assert not Email.objects.filter(member=member).exists()


def test_an_email_is_not_sent_before_it_is_due(brand, member, post: Post) -> None:
    queue(member, brand, at=timezone.now() + timedelta(hours=1))

    assert send_due_emails() == 0
    assert post.messages == []


@pytest.mark.parametrize("refusal", ["421 try later", "451 greylisted", "452 full", "550 no such user", "554 spam"])
def test_a_refused_email_waits_and_is_sent_later(brand, member, post: Post, refusal: str) -> None:
    row = queue(member, brand)
    post.answers = [refusal]

    assert send(row, NOON) is False

    row.refresh_from_db()
    assert (row.state, row.attempts, row.sent_at) == (EmailState.QUEUED, 1, None)
    assert row.due_at == NOON + timedelta(seconds=10)
    assert lease_emails(limit=10, at=NOON + timedelta(seconds=9)) == []
    assert send(row, row.due_at) is True
    assert len(post.messages) == 1


def test_without_a_mail_server_the_email_stays_queued(brand, member, settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    row = queue(member, brand)

    assert send(row, NOON) is False

    row.refresh_from_db()
    assert (row.state, row.attempts) == (EmailState.QUEUED, 1)


def test_waits_grow_and_the_last_attempt_parks(brand, member, post: Post) -> None:
    row = queue(member, brand)
    post.answers = ["451 never"] * MOST_ATTEMPTS
    at, waits = NOON, []

    for _ in range(MOST_ATTEMPTS):
        assert send(row, at) is False
        row.refresh_from_db()
        waits.append(row.due_at - at)
        at = row.due_at

    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(seconds=10), min(LONGEST_WAIT, timedelta(seconds=2**MOST_ATTEMPTS * 5)))
    assert (row.state, row.attempts) == (EmailState.PARKED, MOST_ATTEMPTS)
    assert lease_emails(limit=10, at=at + FOREVER) == []


def test_one_refused_email_does_not_hold_up_the_others(brand, post: Post) -> None:
    members = [make_member(brand) for _ in range(3)]
    for member in members:
        queue(member, brand)
    post.answers = ["554 not this one"]

    assert send_due_emails() == 2

    assert {message["To"] for message in post.messages} == {member.email for member in members[1:]}


def test_what_cannot_be_composed_does_not_hold_up_the_others(brand, post: Post) -> None:
    """A kind without a template, as after a release that was rolled back."""
    broken, fine = make_member(brand), make_member(brand)
    queue_email(member=broken, brand=brand, kind="no_such_kind", context={}, at=NOON)
    queue(fine, brand)

    send_due_emails()

    assert [message["To"] for message in post.messages] == [fine.email]


@pytest.mark.parametrize("address", ["zoë@example.org", "ada@exämple.org"])
def test_an_address_that_the_server_cannot_take_does_not_hold_up_the_others(brand, post: Post, address: str) -> None:
    queue(make_member(brand, email=address), brand)
    fine = make_member(brand)
    queue(fine, brand)

    send_due_emails()

    assert fine.email in [message["To"] for message in post.messages]


def test_a_line_break_in_a_name_makes_no_header(brand, member, post: Post) -> None:
    queue(member, brand, token="Points\r\nBcc: everyone@example.org")

    assert send_due_emails() == 1

    (message,) = post.messages
    assert message["Bcc"] is None
    assert post.recipients == [[member.email]]


def test_what_a_brand_calls_its_token_is_text_in_the_page(brand, member, post: Post) -> None:
    queue(member, brand, token="<b>Gold & Co</b>")

    send_due_emails()

    assert "&lt;b&gt;Gold &amp; Co&lt;/b&gt;" in text_of(post.messages[0], "html")
    assert "<b>Gold & Co</b>" in text_of(post.messages[0])


@pytest.mark.parametrize(
    ("own", "of_brand", "written"),
    [
        ("fr", ["en", "fr"], "pour vous"),
        ("fr-CH", ["en", "fr"], "pour vous"),
        ("FR_ch", ["en", "fr"], "pour vous"),
        ("it", ["de", "fr"], "für Sie"),
        (None, ["de", "en"], "für Sie"),
        ("", ["fr"], "pour vous"),
        ("ja", ["ja"], "for you"),
        (None, ["ja", "de"], "for you"),
    ],
)
def test_the_language_is_the_member_s_then_the_brand_s_first_then_english(
    db, post: Post, own: str | None, of_brand: list[str], written: str
) -> None:
    brand = make_brand(languages=of_brand)
    queue(make_member(brand, language=own), brand)

    send_due_emails()

    assert written in post.messages[0]["Subject"]


@pytest.mark.parametrize("language", ["en", "fr", "de", "it"])
def test_every_language_that_ships_has_all_parts(db, post: Post, language: str) -> None:
    brand = make_brand(languages=[language])
    queue(make_member(brand), brand)

    send_due_emails()

    (message,) = post.messages
    for said in (message["Subject"], text_of(message), text_of(message, "html")):
        assert "123" in said
        assert "Points" in said


def test_a_lease_keeps_others_off_until_it_ends(brand, member) -> None:
    row = queue(member, brand)
    (first,) = lease_emails(limit=10, at=NOON)

    assert lease_emails(limit=10, at=NOON + LEASE - timedelta(seconds=1)) == []

    (second,) = lease_emails(limit=10, at=NOON + LEASE)
    assert first.pk == second.pk == row.pk
    assert (first.attempts, second.attempts) == (1, 2)


def test_a_worker_whose_lease_has_ended_sends_no_more(brand, member, post: Post) -> None:
    """A slow mail server makes a batch take longer than the lease: then the e-mail is another worker's."""
    queue(member, brand)
    (slow,) = lease_emails(limit=10, at=NOON)
    (quick,) = lease_emails(limit=10, at=NOON + LEASE)

    assert deliver_email(email=quick, at=NOON + LEASE) is True
    assert deliver_email(email=slow, at=NOON + LEASE + timedelta(seconds=1)) is False

    assert len(post.messages) == 1


def test_a_batch_has_its_limit_and_takes_what_was_due_first(brand) -> None:
    rows = [queue(make_member(brand), brand, at=NOON - timedelta(minutes=minutes)) for minutes in range(4)]

    taken = lease_emails(limit=2, at=NOON)

    assert [row.pk for row in taken] == [rows[3].pk, rows[2].pk]


def test_workers_side_by_side_send_each_email_once(own_brand, post: Post) -> None:
    rows = [queue(make_member(own_brand), own_brand) for _ in range(40)]
    sent: list[int] = []  # list.append is atomic

    def work(_: int) -> None:
        try:
            while taken := lease_emails(limit=3, at=timezone.now()):
                for row in taken:
                    deliver_email(email=row, at=timezone.now())
                    sent.append(row.pk)
        finally:
            connection.close()

    at_once(work, range(6))

    ours = {row.pk for row in rows}
    assert sorted(pk for pk in sent if pk in ours) == sorted(ours)
    addresses = [message["To"] for message in post.messages if message["To"] in {row.recipient for row in rows}]
    assert len(addresses) == len(set(addresses)) == 40


def test_a_failed_credit_queues_nothing(brand, member, token, partner) -> None:
    refused = partner.credit(member.auth_id, 0, token.pk, send_email=True)
    accepted = partner.credit(member.auth_id, 7, token.pk, send_email=True)
    debited = partner.debit(member.auth_id, 1, token.pk, send_email=True)

    assert (refused.status_code, accepted.status_code, debited.status_code) == (400, 202, 202)
    assert [row.context["amount"] for row in Email.objects.filter(member=member)] in (["7"], [7])


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
    assert row.state == EmailState.QUEUED

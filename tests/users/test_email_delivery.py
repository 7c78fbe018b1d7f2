"""A real mail server refuses, falls silent, hangs up or is away: every e-mail waits and goes out, or is parked in the end."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from tests.conftest import NOON, make_member
from tests.faults.server import free_port
from tests.users.conftest import Lapse, Post, mail_server, queue, send
from users.mail_files import EmlFileBackend
from users.models import Email
from users.models.emails import EmailState
from users.services.emails import (
    LONGEST_WAIT,
    MOST_ATTEMPTS,
    UNREACHABLE_FOR,
    Delivery,
    deliver_emails,
    lease,
    lease_emails,
    send_again,
)
from users.tasks import send_due_emails

FIRST_WAIT = timedelta(seconds=10)
FOREVER = timedelta(days=365)


def deliver(*, at=NOON) -> int:
    """Lease all that is due as one batch, and deliver it."""
    return deliver_emails(lease_emails(limit=10_000, at=at), clock=lambda: at)


def ids_of(messages) -> set[str]:
    return {message["Message-ID"] for message in messages}


@pytest.mark.parametrize("refusal", ["421 try later", "451 greylisted", "452 full", "550 no such user", "554 spam"])
def test_a_refused_email_waits_and_is_sent_later(brand, member, post: Post, refusal: str) -> None:
    row = queue(member, brand)
    post.answers = [refusal]

    assert send(row, NOON) is Delivery.REFUSED

    row.refresh_from_db()
    assert (row.state, row.attempts, row.sent_at) == (EmailState.FAILED, 1, None)
    assert (row.due_at, row.fault) == (NOON + FIRST_WAIT, f"SMTPDataError {refusal[:3]}")
    assert lease_emails(limit=10, at=NOON + timedelta(seconds=9)) == []
    assert send(row, row.due_at) is Delivery.SENT
    row.refresh_from_db()
    assert (row.state, row.attempts, row.fault, len(post.messages)) == (EmailState.SENT, 2, "", 1)


def test_every_attempt_is_made_under_the_same_message_id(brand, member, post: Post) -> None:
    row = queue(member, brand)
    post.answers = ["451 4.7.1 greylisted", "451 4.7.1 greylisted", "421 4.3.2 shutting down"]

    while row.state != EmailState.SENT:
        send(row, row.due_at)
        row.refresh_from_db()

    assert len(post.tried) == 4
    assert ids_of(post.tried) == ids_of(post.messages) == {f"<{row.message_id}@localhost>"}


def test_a_refused_recipient_waits_and_its_fault_tells_the_status(brand, member, post: Post) -> None:
    row = queue(member, brand)
    post.unknown = {member.email}

    assert send(row, NOON) is Delivery.REFUSED

    row.refresh_from_db()
    assert (row.state, row.fault) == (EmailState.FAILED, "SMTPRecipientsRefused 550")
    post.unknown = set()
    assert send(row, row.due_at) is Delivery.SENT


def test_a_fault_is_kept_without_the_addresses_that_the_server_told(brand, member, post: Post) -> None:
    refused, unknown = queue(member, brand), queue(make_member(brand), brand)
    post.answers = [f"550 5.1.1 <{member.email}>: user unknown"]
    post.unknown = {unknown.recipient}

    deliver()

    faults = Email.objects.filter(pk__in=[refused.pk, unknown.pk]).values_list("fault", flat=True)
    assert len(faults) == 2
    assert all(fault and "@" not in fault and "user" not in fault for fault in faults)


def test_while_the_mail_server_is_away_a_batch_goes_back_untried(brand, post: Post, settings) -> None:
    rows = [queue(make_member(brand), brand) for _ in range(4)]
    settings.EMAIL_PORT = free_port()

    assert deliver() == 0

    found = Email.objects.filter(pk__in=[row.pk for row in rows])
    assert set(found.values_list("state", "attempts", "due_at")) == {(EmailState.QUEUED, 0, NOON + UNREACHABLE_FOR)}
    assert list(found.order_by("-fault").values_list("fault", flat=True)) == ["ConnectionRefusedError", "", "", ""]
    settings.EMAIL_PORT = post.port
    assert deliver(at=NOON + UNREACHABLE_FOR) == 4
    assert sorted(message["To"] for message in post.messages) == sorted(row.recipient for row in rows)
    assert set(found.values_list("state", "fault")) == {(EmailState.SENT, "")}


def test_however_long_the_mail_server_is_away_nothing_is_parked(brand, member, post: Post, settings) -> None:
    settings.EMAIL_PORT = free_port()
    row = queue(member, brand)

    for number in range(2 * MOST_ATTEMPTS):
        assert send(row, NOON + number * UNREACHABLE_FOR) is Delivery.UNREACHABLE

    settings.EMAIL_PORT = post.port
    assert send(row, NOON + FOREVER) is Delivery.SENT


def test_a_server_that_refuses_our_password_is_away(brand, member, post: Post, settings) -> None:
    rows = [queue(member, brand) for _ in range(2)]
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "loyalty", "no longer the right one"

    assert deliver() == 0

    states = Email.objects.filter(pk__in=[row.pk for row in rows]).values_list("state", "attempts")
    assert set(states) == {(EmailState.QUEUED, 0)}


def test_a_batch_goes_over_one_connection(brand, member, post: Post) -> None:
    for _ in range(5):
        queue(member, brand)

    assert deliver() == 5

    assert (len(post.messages), post.conversations) == (5, 1)


def test_a_refusal_starts_the_connection_afresh_and_the_batch_goes_on(brand, member, post: Post) -> None:
    rows = [queue(member, brand, amount=number) for number in range(5)]
    post.answers = ["250 OK", "250 OK", "451 not this one"]

    assert deliver() == 4

    assert post.conversations == 2
    assert Email.objects.get(pk__in=[row.pk for row in rows], state=EmailState.FAILED).context["amount"] == 2


@pytest.mark.parametrize(
    ("lapse", "copies"), [(Lapse.SILENT_IN_DATA, 1), (Lapse.GONE_IN_DATA, 1), (Lapse.TAKEN_WITHOUT_A_WORD, 2)]
)
def test_a_server_that_falls_silent_or_hangs_up_gets_it_again_later(
    brand, member, post: Post, settings, *, lapse: Lapse, copies: int
) -> None:
    """A message that the server took without a word comes a second time: nobody could know, but its id tells."""
    settings.EMAIL_TIMEOUT = 0.3
    row = queue(member, brand)
    post.answers = [lapse]

    assert send(row, NOON) is Delivery.REFUSED

    row.refresh_from_db()
    assert (row.state, row.attempts, row.due_at) == (EmailState.FAILED, 1, NOON + FIRST_WAIT)
    assert row.fault == "SMTPServerDisconnected"
    assert send(row, row.due_at) is Delivery.SENT
    assert (post.lapses, len(post.messages)) == ([lapse], copies)
    assert ids_of(post.messages) == {f"<{row.message_id}@localhost>"}


@pytest.mark.parametrize("lapse", [Lapse.SILENT_IN_DATA, Lapse.GONE_IN_DATA, Lapse.TAKEN_WITHOUT_A_WORD])
def test_a_conversation_that_breaks_does_not_hold_up_the_others(brand, post: Post, settings, lapse: Lapse) -> None:
    settings.EMAIL_TIMEOUT = 0.3
    rows = [queue(make_member(brand), brand) for _ in range(3)]
    post.answers = ["250 OK", lapse]

    assert deliver() == 2

    sent = Email.objects.filter(pk__in=[row.pk for row in rows], state=EmailState.SENT)
    assert {message["To"] for message in post.messages} >= {row.recipient for row in sent}
    assert (sent.count(), post.conversations) == (2, 2)


def test_a_server_that_never_greets_is_asked_once_for_a_whole_batch(brand, post: Post, settings) -> None:
    settings.EMAIL_TIMEOUT = 0.3
    for _ in range(3):
        queue(make_member(brand), brand)
    post.answers = [Lapse.NO_GREETING]

    assert deliver() == 0

    assert (post.lapses, post.conversations) == ([Lapse.NO_GREETING], 1)
    assert deliver(at=NOON + UNREACHABLE_FOR) == 3
    assert len(post.messages) == 3


def test_what_was_left_while_one_server_was_away_goes_out_through_the_next(brand, member, settings, post: Post) -> None:
    settings.EMAIL_PORT = free_port()
    row = queue(member, brand)
    send(row, NOON)

    with mail_server() as second:
        settings.EMAIL_PORT = second.port
        sent = deliver(at=NOON + FIRST_WAIT)

    assert (sent, len(second.messages), post.messages) == (1, 1, [])


def test_waits_grow_and_the_last_attempt_parks(brand, member, post: Post) -> None:
    row = queue(member, brand)
    post.answers = ["451 never"] * MOST_ATTEMPTS
    at, waits = NOON, []

    for _ in range(MOST_ATTEMPTS):
        assert send(row, at) is Delivery.REFUSED
        row.refresh_from_db()
        waits.append(row.due_at - at)
        at = row.due_at

    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (FIRST_WAIT, min(LONGEST_WAIT, timedelta(seconds=2**MOST_ATTEMPTS * 5)))
    assert (row.state, row.attempts, row.fault) == (EmailState.PARKED, MOST_ATTEMPTS, "SMTPDataError 451")
    assert lease_emails(limit=10, at=at + FOREVER) == []


def test_what_was_parked_is_sent_when_staff_say_so_and_nothing_else_is(brand, member, post: Post) -> None:
    parked, sent = queue(member, brand), queue(member, brand)
    Email.objects.filter(pk=parked.pk).update(state=EmailState.PARKED, attempts=MOST_ATTEMPTS)
    assert deliver() == 1

    again = [send_again(email=row, at=NOON) for row in (parked, sent, parked)]

    assert again == [True, False, False]
    assert deliver() == 1
    assert ids_of(post.messages) == {f"<{row.message_id}@localhost>" for row in (parked, sent)}
    parked.refresh_from_db()
    assert (parked.state, parked.attempts) == (EmailState.SENT, 1)


class DeadlyBackend(EmlFileBackend):
    """Workers die over the e-mails to one address, as they would when memory runs out."""

    def send_messages(self, email_messages: Any) -> int:
        if email_messages[0].to == ["deadly@example.org"]:
            raise SystemExit("killed")
        return super().send_messages(email_messages)


def test_what_every_worker_dies_of_is_parked_and_holds_up_no_other(brand, settings) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.{DeadlyBackend.__qualname__}"
    deadly = queue(make_member(brand, email="deadly@example.org"), brand)
    fine = [queue(make_member(brand), brand) for _ in range(3)]

    for number in range(3 * MOST_ATTEMPTS):
        with suppress(SystemExit):
            deliver(at=NOON + number * lease())

    deadly.refresh_from_db()
    assert (deadly.state, deadly.fault) == (EmailState.PARKED, "no outcome")
    assert {row.state for row in Email.objects.filter(pk__in=[row.pk for row in fine])} == {EmailState.SENT}


def test_one_refused_email_does_not_hold_up_the_others(brand, post: Post) -> None:
    members = [make_member(brand) for _ in range(3)]
    for member in members:
        queue(member, brand)
    post.answers = ["554 not this one"]

    assert send_due_emails() == 2

    assert {message["To"] for message in post.messages} == {member.email for member in members[1:]}


def test_what_cannot_be_composed_does_not_hold_up_the_others(brand, post: Post) -> None:
    """A kind without a template, as after a release that was rolled back."""
    broken, fine = queue(make_member(brand), brand), make_member(brand)
    Email.objects.filter(pk=broken.pk).update(kind="no_such_kind")
    queue(fine, brand)

    assert send_due_emails() == 1

    assert [message["To"] for message in post.messages] == [fine.email]
    broken.refresh_from_db()
    assert (broken.state, broken.fault) == (EmailState.FAILED, "LookupError")


@pytest.mark.parametrize("address", ["zoë@example.org", "ada@exämple.org"])
def test_an_address_that_the_server_cannot_take_does_not_hold_up_the_others(brand, post: Post, address: str) -> None:
    queue(make_member(brand, email=address), brand)
    fine = make_member(brand)
    queue(fine, brand)

    send_due_emails()

    assert fine.email in [message["To"] for message in post.messages]


@pytest.mark.parametrize(
    "address", ["ann@example.org\r\nBcc: everyone@example.org", "ann@example.org\r\nRCPT TO:<everyone@example.org>", "", "@"]
)
def test_an_address_that_is_none_is_never_written_to(brand, post: Post, address: str) -> None:
    """No service lets such an address in; should a row hold one, nobody gets anything by it."""
    row = queue(make_member(brand), brand)
    Email.objects.filter(pk=row.pk).update(recipient=address)

    assert send_due_emails() == 0

    row.refresh_from_db()
    assert (row.state, post.messages) == (EmailState.FAILED, [])


def test_a_server_that_was_reached_is_left_in_peace(brand, member, post: Post) -> None:
    """The line is hung up at the end of a batch, and an empty batch calls nobody."""
    queue(member, brand)

    send_due_emails()
    send_due_emails()

    assert post.conversations == 1

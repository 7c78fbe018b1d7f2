"""E-mails: queued as rows with the effect that causes them, sent by a worker under a lease."""

from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parseaddr
from enum import Enum, auto
from smtplib import SMTPRecipientsRefused
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import F, QuerySet

from loyalty.database import write
from loyalty.errors import invalid_field
from users.email_kinds import VARIABLES
from users.errors import EmailNotFound, EmailNotSendable
from users.models import Brand, Email, EmailTemplate, Member
from users.models.emails import UNSENT, EmailState
from users.services.email_templates import compose
from users.services.members import email_language

log = structlog.get_logger()
MOST_ATTEMPTS = 16  # a day and a half of trying
LONGEST_WAIT = timedelta(hours=6)
LONGEST_FAULT = 200
LONGEST_NAME = 100
BATCH = 50
UNREACHABLE_FOR = timedelta(seconds=10)
Clock = Callable[[], datetime]


class NoRecipientError(ValueError):
    """The backend saw nobody to send to."""


class Delivery(Enum):
    """What came of the attempt to send one e-mail."""

    SENT = auto()
    REFUSED = auto()
    UNREACHABLE = auto()
    NOT_OURS = auto()


def queue_email(*, member: Member, brand: Brand, kind: str, context: dict[str, Any], at: datetime) -> Email | None:
    """Queue one e-mail to a member in the transaction of its cause; one without an address gets none.

    `context` holds a plain JSON value for each of the kind's variables but first_name.
    """
    email = draft_email(member=member, brand=brand, kind=kind, context=context, at=at)
    if email is not None:
        email.save()
    return email


def draft_email(*, member: Member, brand: Brand, kind: str, context: dict[str, Any], at: datetime) -> Email | None:
    """The e-mail that queue_email would queue, not stored: to be looked at before it is sent."""
    if not member.email:
        return None
    if "first_name" in VARIABLES[kind]:
        context = context | {"first_name": " ".join((member.first_name or "").split())[:LONGEST_NAME].strip()}
    language = email_language(member, brand)
    return _draft(brand=brand, member=member, kind=kind, recipient=member.email, language=language, context=context, at=at)


def queue_email_to(
    *, recipient: str, brand: Brand, kind: str, context: dict[str, Any], language: str, template: str = "", at: datetime
) -> Email:
    """Queue one e-mail to an address that need not be a member's."""
    email = _draft(
        brand=brand, kind=kind, recipient=recipient, language=language, template=template, context=context, at=at, member=None
    )
    email.save()
    return email


def send_test(*, template: EmailTemplate, recipient: str, at: datetime) -> Email:
    """Queue a stored template, filled in with samples, to whoever tries it. Raises InvalidRequest without an address."""
    if not recipient:
        raise invalid_field("email", "you have no e-mail address to send it to")
    return queue_email_to(
        recipient=recipient,
        brand=template.brand,
        kind=template.kind,
        context=dict(VARIABLES[template.kind]),
        language=template.language,
        template=template.name,
        at=at,
    )


def _draft(*, kind: str, context: dict[str, Any], at: datetime, **row: Any) -> Email:
    if set(context) != set(VARIABLES[kind]):
        raise ValueError(f"e-mails of kind {kind} need {sorted(VARIABLES[kind])}, not {sorted(context)}")
    return Email(kind=kind, context=context, due_at=at, created_at=at, **row)


def send_due(*, clock: Clock, until: datetime) -> int:
    """Send what is due, batch after batch, until nothing is left or the time is up; answers how many went out."""
    get_connection()  # a backend that cannot even be made costs no e-mail an attempt
    sent = 0
    while clock() < until and (taken := lease_emails(limit=BATCH, at=clock())):
        sent += deliver_emails(taken, clock=clock)
    return sent


def lease_emails(*, limit: int, at: datetime) -> list[Email]:
    """Take up to `limit` due e-mails for this worker alone; a worker that dies gives them back when the lease ends.

    Those tried least come first, so that what workers die of keeps no other from being sent; in the end it is parked.
    """
    with transaction.atomic():
        due = Email.objects.filter(state__in=UNSENT, due_at__lte=at)
        due.filter(attempts__gte=MOST_ATTEMPTS).update(state=EmailState.PARKED, fault="no outcome")
        rows = Email.objects.select_for_update(skip_locked=True, of=("self",)).filter(state__in=UNSENT, due_at__lte=at)
        taken = list(rows.select_related("brand").order_by("attempts", "due_at", "pk")[:limit])
        Email.objects.filter(pk__in=[row.pk for row in taken]).update(state=EmailState.LEASED, due_at=at + lease())
    return taken


def lease() -> timedelta:
    """How long a worker may take over one e-mail: longer than a mail server may."""
    return timedelta(seconds=settings.EMAIL_LEASE_SECONDS)


def deliver_emails(emails: list[Email], *, clock: Clock) -> int:
    """Send leased e-mails over one connection; answers how many went out.

    When the server cannot be reached all go back untried, so that however long it is away no attempt is used up.
    """
    post, sent = get_connection(), 0
    try:
        for index, email in enumerate(emails):
            delivery = deliver_email(email=email, at=clock(), post=post)
            sent += delivery is Delivery.SENT
            if delivery is Delivery.UNREACHABLE:
                _give_back(emails[index + 1 :], at=clock())
                break
    finally:
        _hang_up(post)
    return sent


def deliver_email(*, email: Email, at: datetime, post: BaseEmailBackend) -> Delivery:
    """Send one leased e-mail; what fails is put off, ever longer, and in the end parked for staff.

    The attempt is counted first, and the lease renewed with it: a worker that was slower than its lease, so that another
    began, sends nothing any more.
    """
    try:
        post.open()
    except Exception as error:  # noqa: BLE001 - every backend has errors of its own, and each of them means "away"
        log.warning("email_server_away", error=type(error).__name__)
        _give_back([email], at=at, fault=_fault(error))
        return Delivery.UNREACHABLE
    if not _ours(email).update(due_at=at + lease(), attempts=F("attempts") + 1):
        return Delivery.NOT_OURS
    email.attempts += 1
    try:
        _send(email, post)
    except Exception as error:  # noqa: BLE001 - one e-mail that cannot be sent, for whatever reason, holds up no other
        _hang_up(post)
        _put_off(email, error, at)
        return Delivery.REFUSED
    _ours(email).update(state=EmailState.SENT, sent_at=at, fault="")
    return Delivery.SENT


def _send(email: Email, post: BaseEmailBackend) -> None:
    if not _message(email, post).send():
        raise NoRecipientError


def _ours(email: Email) -> QuerySet[Email]:
    """Select the row while this worker's lease of it stands."""
    return Email.objects.filter(pk=email.pk, state=EmailState.LEASED, attempts=email.attempts)


def _put_off(email: Email, error: Exception, at: datetime) -> None:
    wait = min(timedelta(seconds=2 ** min(email.attempts, MOST_ATTEMPTS) * 5), LONGEST_WAIT)
    state = EmailState.PARKED if email.attempts >= MOST_ATTEMPTS else EmailState.FAILED
    _ours(email).update(state=state, due_at=at + wait, fault=_fault(error))
    log.warning("email_not_sent", email=email.pk, attempts=email.attempts, error=type(error).__name__, state=state)


def _give_back(emails: list[Email], *, at: datetime, fault: str = "") -> None:
    for email in emails:
        _ours(email).update(state=EmailState.QUEUED, due_at=at + UNREACHABLE_FOR, fault=fault or F("fault"))


def send_again(*, email: Email, at: datetime) -> bool:
    """Queue a parked e-mail once more, with all its attempts; False when it is not parked."""
    parked = Email.objects.filter(pk=email.pk, state=EmailState.PARKED)
    return bool(parked.update(state=EmailState.QUEUED, attempts=0, due_at=at))


def resend_email(*, brand_id: int, email_id: int, at: datetime) -> Email:
    """Send an e-mail once more: one that was given up by itself, a sent one as a copy to the address the member has now.

    Raises EmailNotFound, EmailNotSendable (it is on its way still, or the member has no address any more).
    """
    email = Email.objects.select_related("member").filter(brand_id=brand_id, pk=email_id).first()
    if email is None:
        raise EmailNotFound
    if send_again(email=email, at=at):
        email.refresh_from_db()
        return email
    if email.state != EmailState.SENT:
        raise EmailNotSendable

    def effect() -> Email:
        recipient: str | None = email.recipient
        if email.member_id is not None:  # held, so that nothing is queued behind an erasure's back
            recipient = Member.objects.select_for_update(no_key=True).get(pk=email.member_id).heir.email
        if not recipient:
            raise EmailNotSendable("There is no address any more to send it to")
        kept = ("brand_id", "member_id", "kind", "template", "language", "context")
        copied = {name: getattr(email, name) for name in kept}
        return Email.objects.create(**copied, recipient=recipient, due_at=at, created_at=at)

    return write(effect)


def _hang_up(post: BaseEmailBackend) -> None:
    try:
        post.close()
    except Exception as error:  # noqa: BLE001 - the server is gone already, or this line of it
        log.info("email_connection_lost", error=type(error).__name__)


def _fault(error: Exception) -> str:
    """What went wrong, for staff: the kind of error and the server's status; its words may hold addresses."""
    status = getattr(error, "smtp_code", None)
    if isinstance(error, SMTPRecipientsRefused):
        status = next((code for code, _ in error.recipients.values()), None)
    return (type(error).__name__ if status is None else f"{type(error).__name__} {status}")[:LONGEST_FAULT]


def _message(email: Email, post: BaseEmailBackend) -> EmailMultiAlternatives:
    words = compose(email)
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    headers = {"Message-ID": f"<{email.message_id}@{domain}>"}
    message = EmailMultiAlternatives(words.subject, words.text, to=[email.recipient], headers=headers, connection=post)
    message.attach_alternative(words.html, "text/html")
    return message

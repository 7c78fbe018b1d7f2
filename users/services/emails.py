"""E-mails: queued as rows with the effect that causes them, sent by a worker under a lease."""

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import F
from django.template.loader import render_to_string

from users.models import Brand, Email, Member
from users.models.emails import EmailState
from users.services.members import email_language

log = structlog.get_logger()
LEASE = timedelta(minutes=2)
MOST_ATTEMPTS = 12
LONGEST_WAIT = timedelta(hours=6)


def queue_email(*, member: Member, brand: Brand, kind: str, context: dict[str, Any], at: datetime) -> Email | None:
    """Queue one e-mail in the transaction of its cause; a member without an address gets none.

    `kind` names the templates under templates/email/; `context` holds plain JSON values.
    """
    if not member.email:
        return None
    return Email.objects.create(
        brand=brand,
        member=member,
        kind=kind,
        recipient=member.email,
        language=email_language(member, brand),
        context=context,
        due_at=at,
        created_at=at,
    )


def lease_emails(*, limit: int, at: datetime) -> list[Email]:
    """Take up to `limit` due e-mails for this worker alone; a worker that dies gives them back when the lease ends."""
    with transaction.atomic():
        rows = Email.objects.select_for_update(skip_locked=True).filter(state=EmailState.QUEUED, due_at__lte=at)
        taken = list(rows.select_related("brand").order_by("due_at", "pk")[:limit])
        Email.objects.filter(pk__in=[row.pk for row in taken]).update(due_at=at + LEASE, attempts=F("attempts") + 1)
    for row in taken:
        row.attempts += 1
    return taken


def deliver_email(*, email: Email, at: datetime) -> bool:
    """Send one leased e-mail; what fails is put off, ever longer, and in the end parked for staff.

    The lease is renewed first: a worker that was slower than its lease sends nothing any more.
    """
    ours = Email.objects.filter(pk=email.pk, state=EmailState.QUEUED, attempts=email.attempts)
    if not ours.update(due_at=at + LEASE):
        return False
    try:
        _compose(email).send()
    except Exception as error:  # noqa: BLE001 - one e-mail that cannot be sent, for whatever reason, holds up no other
        wait = min(timedelta(seconds=2**email.attempts * 5), LONGEST_WAIT)
        state = EmailState.PARKED if email.attempts >= MOST_ATTEMPTS else EmailState.QUEUED
        ours.update(state=state, due_at=at + wait)
        log.warning("email_not_sent", email=email.pk, attempts=email.attempts, error=type(error).__name__, state=state)
        return False
    ours.update(state=EmailState.SENT, sent_at=at)
    return True


def _compose(email: Email) -> EmailMultiAlternatives:
    context = {**email.context, "brand": email.brand.name}
    subject, text, page = (
        render_to_string([f"email/{language}/{email.kind}.{part}" for language in (email.language, "en")], context)
        for part in ("subject.txt", "txt", "html")
    )
    message = EmailMultiAlternatives(" ".join(subject.split()), text, to=[email.recipient])
    message.attach_alternative(page, "text/html")
    return message

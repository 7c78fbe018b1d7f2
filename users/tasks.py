"""Tasks of the users app: rows are the queue."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from users.services import changes, oauth_tokens, refusals
from users.services.approvals import lapse_due_approvals
from users.services.emails import send_due
from users.services.webhook_delivery import deliver_due

AT_MOST = timedelta(seconds=20)


@shared_task
def send_due_emails() -> int:
    """Send queued e-mails for some seconds; running it twice sends nothing twice. Answers how many went out."""
    return send_due(clock=timezone.now, until=timezone.now() + AT_MOST)


@shared_task
def deliver_due_webhooks() -> int:
    """Deliver webhooks for some seconds; running it twice delivers nothing twice. Answers how many arrived."""
    return deliver_due(clock=timezone.now, until=timezone.now() + AT_MOST)


@shared_task
def close_lapsed_approvals() -> int:
    """Close approvals that nobody decided about in time; answers how many."""
    return lapse_due_approvals(at=timezone.now())


@shared_task
def forget_old_refusals() -> int:
    """Delete refusals that nobody asks about any more; answers how many."""
    return refusals.forget_old_refusals(at=timezone.now())


@shared_task
def forget_old_names() -> int:
    """Empty the names of members who went long ago; answers how many."""
    return changes.forget_old_names(at=timezone.now())


@shared_task
def forget_expired_tokens() -> int:
    """Delete tokens of the Retail API that have expired; answers how many."""
    return oauth_tokens.forget_expired_tokens(at=timezone.now())

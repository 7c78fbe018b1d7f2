"""Tasks of the users app: rows are the queue."""

from celery import shared_task
from django.utils import timezone

from users.services.emails import deliver_email, lease_emails

BATCH = 50


@shared_task
def send_due_emails() -> int:
    """Send up to a batch of queued e-mails; running it twice sends nothing twice. Answers how many went out."""
    return sum(deliver_email(email=email, at=timezone.now()) for email in lease_emails(limit=BATCH, at=timezone.now()))

"""The mail backend without a mail server: each e-mail becomes one .eml file."""

import os
from collections.abc import Sequence

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone


class EmlFileBackend(BaseEmailBackend):
    """Writes every message to MAIL_DIR as <instant>-<random>.eml, whole or not at all."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the messages and answer how many."""
        settings.MAIL_DIR.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            name = f"{timezone.now():%Y%m%dT%H%M%S.%f}-{os.urandom(4).hex()}.eml"
            fresh = settings.MAIL_DIR / f".{name}"
            fresh.write_bytes(message.message().as_bytes())
            fresh.rename(settings.MAIL_DIR / name)
        return len(email_messages)

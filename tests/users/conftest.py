"""A real mail server, which answers as a test tells it to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings

from tests.faults.server import free_port

ACCEPTED = "250 OK"


@dataclass
class Post:
    """What came in; `answers` are given in turn, then everything is accepted."""

    answers: list[str] = field(default_factory=list)
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    port: int = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.answers.pop(0) if self.answers else ACCEPTED
        if answer == ACCEPTED:
            self.messages.append(message_from_bytes(envelope.content, policy=policy.default))
            self.recipients.append(envelope.rcpt_tos)
        return answer


@pytest.fixture(scope="session", autouse=True)
def static_folder() -> None:
    """Whitenoise warns when the folder of collected files is missing, and a warning here is an error."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


@pytest.fixture
def post(request: pytest.FixtureRequest) -> Iterator[Post]:
    post = Post(port=free_port())
    controller = Controller(post, hostname="127.0.0.1", port=post.port)
    settings = request.getfixturevalue("settings")
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", post.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_TIMEOUT = 5
    controller.start()
    try:
        yield post
    finally:
        controller.stop()

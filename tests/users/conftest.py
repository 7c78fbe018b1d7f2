"""A real mail server, which answers as a test tells it to, and the ways to an e-mail that many tests take."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import Enum, auto
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings
from django.core.mail import get_connection

from tests.conftest import NOON
from tests.faults.server import free_port
from users.models import Brand, Email, Member
from users.services.emails import Delivery, deliver_email, lease_emails, queue_email

ACCEPTED = "250 OK"
CONTEXT = {"amount": "123", "token": "Points"}


class Lapse(Enum):
    """What a mail server does instead of answering. It waits until the client hangs up, if it does not do so itself."""

    NO_GREETING = auto()
    SILENT_IN_DATA = auto()
    GONE_IN_DATA = auto()
    TAKEN_WITHOUT_A_WORD = auto()


@dataclass
class Post:
    """What came in; `answers` are given in turn, then everything is accepted.

    `tried` holds every message that came in whole, `messages` those that were accepted, whether the client heard of
    it or not; `lapses` tells which of the answers that are lapses have happened.
    """

    answers: list[str | Lapse] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    tried: list[EmailMessage] = field(default_factory=list)
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    lapses: list[Lapse] = field(default_factory=list)
    conversations: int = 0
    port: int = 0

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, _: list[str]) -> str:  # noqa: N802
        if address in self.unknown:
            return f"550 5.1.1 <{address}>: no such user"
        envelope.rcpt_tos.append(address)
        return ACCEPTED

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.answers.pop(0) if self.answers else ACCEPTED
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.tried.append(message)
        if answer in {ACCEPTED, Lapse.TAKEN_WITHOUT_A_WORD}:
            self.messages.append(message)
            self.recipients.append(envelope.rcpt_tos)
        if isinstance(answer, Lapse):
            await self.say_nothing(answer)
        return answer

    async def say_nothing(self, lapse: Lapse) -> None:
        self.lapses.append(lapse)
        await asyncio.sleep(3600)  # until the client hangs up, which cancels it

    def has_next(self, lapse: Lapse) -> bool:
        """Whether the next answer is that lapse, which is then used up."""
        found = self.answers[:1] == [lapse]
        if found:
            self.answers.pop(0)
        return found


class Conversation(SMTP):
    """One client's; it can break where no handler of aiosmtpd is asked."""

    event_handler: Post

    async def _handle_client(self) -> None:
        self.event_handler.conversations += 1
        if self.event_handler.has_next(Lapse.NO_GREETING):
            try:
                await self.event_handler.say_nothing(Lapse.NO_GREETING)
            finally:
                self._writer.close()
        await super()._handle_client()

    async def push(self, status: str) -> None:
        await super().push(status)
        if not status.startswith("354"):
            return
        if self.event_handler.has_next(Lapse.SILENT_IN_DATA):
            await self.event_handler.say_nothing(Lapse.SILENT_IN_DATA)
        if self.event_handler.has_next(Lapse.GONE_IN_DATA):
            await self._reader.readuntil(b"\r\n")
            self.transport.abort()
            await self.event_handler.say_nothing(Lapse.GONE_IN_DATA)


class PostController(Controller):
    """The server in a thread of its own."""

    def factory(self) -> Conversation:
        return Conversation(self.handler)


@contextmanager
def mail_server() -> Iterator[Post]:
    """Run a mail server on a port of its own."""
    post = Post(port=free_port())
    controller = PostController(post, hostname="127.0.0.1", port=post.port)
    controller.start()
    post.conversations = 0  # the controller has tried it out
    try:
        yield post
    finally:
        controller.stop()


@pytest.fixture(scope="session", autouse=True)
def static_folder() -> None:
    """Whitenoise warns when the folder of collected files is missing, and a warning here is an error."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


@pytest.fixture
def post(request: pytest.FixtureRequest) -> Iterator[Post]:
    with mail_server() as post:
        settings = request.getfixturevalue("settings")
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", post.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.EMAIL_TIMEOUT = 5
        yield post


def queue(member: Member, brand: Brand, at: datetime = NOON, **context: object) -> Email | None:
    """Queue the plainest of e-mails."""
    return queue_email(member=member, brand=brand, kind="credit_notice", context=CONTEXT | context, at=at)


def send(row: Email, at: datetime) -> Delivery:
    """Lease the row as a worker does, and deliver it."""
    (leased,) = [taken for taken in lease_emails(limit=10_000, at=at) if taken.pk == row.pk]
    post = get_connection()
    try:
        return deliver_email(email=leased, at=at, post=post)
    finally:
        post.close()


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    return message.get_body((kind,)).get_content()

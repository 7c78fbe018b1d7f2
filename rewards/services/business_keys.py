"""Business keys: names that a partner gives to what it asks for. A name has one content and one answer, for ever."""

import hashlib
import hmac
import os
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from loyalty.errors import LoyaltyError
from rewards.errors import FirstAnswerErased

SALT_LENGTH = 16


class Kept(Protocol):
    """A row that keeps the fingerprint of what it was asked with, and what was answered."""

    @property
    def salt(self) -> bytes | memoryview:
        """What the digest was salted with."""

    @property
    def fingerprint(self) -> bytes | memoryview:
        """The salted digest."""

    @property
    def answer(self) -> str | None:
        """What was answered; None once it is erased."""


class Earlier(NamedTuple):
    """The part of such a row that is looked at."""

    salt: bytes
    fingerprint: bytes
    answer: str | None


def fingerprint(content: bytes) -> tuple[bytes, bytes]:
    """A salt, and the salted digest of a content in canonical form."""
    salt = os.urandom(SALT_LENGTH)
    return salt, hashlib.sha256(salt + content).digest()


def first_answer(row: Kept, content: bytes, *, reused: type[LoyaltyError]) -> str:
    """What was answered the first time. Raises FirstAnswerErased, and `reused` where the content is another."""
    if row.answer is None:
        raise FirstAnswerErased
    if not hmac.compare_digest(bytes(row.fingerprint), hashlib.sha256(bytes(row.salt) + content).digest()):
        raise reused
    return row.answer


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer, of now or of the first time, and whom it speaks of."""

    text: str
    first: bool
    member_id: int | None = None


FORGOTTEN: dict[str, Any] = {"answer": None, "salt": b"", "fingerprint": b""}
"""What is left of a kept answer once its member is erased."""

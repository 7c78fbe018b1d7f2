"""Idempotency: one key, one effect, one answer, for ever.

The answer is stored in the transaction of its effect, under a key that is unique in the database: whatever crashes
or races, there is one effect or none. An advisory lock lets a second request wait for the first and repeat its
answer, instead of doing its work in vain; correctness does not depend on it.
"""

import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError

from loyalty.api.errors import AnswerErased, IdempotencyKeyReused, RequestInProgress
from loyalty.api.models import IdempotentRequest
from loyalty.database import execute_prepared, sqlstate, write
from loyalty.errors import LoyaltyError, invalid_field
from users.models import Member

LONGEST_KEY = 255
LOCK_NOT_AVAILABLE = "55P03"
SALT_LENGTH = 16

LOOK = """
SELECT pg_try_advisory_xact_lock(%s), r.salt, r.fingerprint, r.status, r.body
FROM (SELECT) AS one LEFT JOIN api_idempotentrequest r ON r.brand_id = %s AND r.key = %s
"""
WAIT = "SELECT pg_advisory_xact_lock(%s)"
STORE = """
INSERT INTO api_idempotentrequest (brand_id, key, salt, fingerprint, status, body, member_id)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered: `body` is JSON already. `member_id` names whom it speaks of, for their erasure."""

    status: int
    body: bytes
    member_id: int | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """A key, whose it is, and what it is for: the path and the JSON value in canonical form."""

    brand_id: int
    key: str
    content: bytes

    def check(self) -> None:
        """Refuse a key that is empty, too long, or not printable ASCII."""
        if not 1 <= len(self.key) <= LONGEST_KEY or not self.key.isascii() or not self.key.isprintable():
            raise invalid_field("Idempotency-Key", f"1 to {LONGEST_KEY} printable characters")

    @property
    def lock(self) -> int:
        """The number under which requests with this key wait for each other."""
        name = f"{self.brand_id}:{self.key}".encode()
        return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), signed=True)

    def fingerprint(self, salt: bytes) -> bytes:
        """What tells this request from another under the same key."""
        return hashlib.sha256(salt + self.content).digest()


def run_once(
    claim: Claim,
    effect: Callable[[], Answer],
    *,
    refuse: Callable[[LoyaltyError], Answer],
    remembers: Callable[[LoyaltyError], bool],
) -> Answer:
    """Run `effect` unless the key was seen; then answer as the first time.

    `refuse` makes a refusal's answer and `remembers` says whether it is kept. Raises IdempotencyKeyReused,
    RequestInProgress, AnswerErased, and the refusals that are not kept.
    """

    def attempt(act: Callable[[], Answer]) -> Answer:
        first = _first_answer(claim)
        if first is not None:
            return first
        answer = act()
        _store(claim, answer)
        return answer

    try:
        return write(lambda: attempt(effect))
    except LoyaltyError as refusal:
        if not remembers(refusal):
            raise
        answer = refuse(refusal)
    return write(lambda: attempt(lambda: answer))


def _first_answer(claim: Claim) -> Answer | None:
    """The stored answer; None when this request is the first and now holds the key."""
    ((free, *stored),) = execute_prepared(LOOK, [claim.lock, claim.brand_id, claim.key])
    if not free:
        try:
            execute_prepared(WAIT, [claim.lock])
        except OperationalError as error:
            if sqlstate(error) == LOCK_NOT_AVAILABLE:
                raise RequestInProgress from None
            raise
        ((_, *stored),) = execute_prepared(LOOK, [claim.lock, claim.brand_id, claim.key])
    return _replay(claim, stored) if stored[2] is not None else None


def _replay(claim: Claim, stored: list[Any]) -> Answer:
    salt, fingerprint, status, body = stored
    if body is None:
        raise AnswerErased
    if not hmac.compare_digest(fingerprint, claim.fingerprint(salt)):
        raise IdempotencyKeyReused
    return Answer(status, body, replayed=True)


def _store(claim: Claim, answer: Answer) -> None:
    salt = os.urandom(SALT_LENGTH)
    execute_prepared(
        STORE,
        [claim.brand_id, claim.key, salt, claim.fingerprint(salt), answer.status, answer.body, answer.member_id],
    )


def forget_answers(*, member: Member, **_: Any) -> None:
    """A member is erased: answers that spoke of them go, together with what could tell the request; the claims stay."""
    rows = IdempotentRequest.objects.filter(member=member, body__isnull=False)
    rows.update(body=None, salt=b"", fingerprint=b"")

"""The messages, signed as Standard Webhooks asks, and what the brand's status codes mean.

The exchange's reference is the message's id. A brand credits each id once and answers one it knows with 2xx, so asking
what became of a message is sending it again.
"""

import json
import time
from datetime import date
from http import HTTPStatus
from typing import Any

from exchange.adapters.base import Answer, AnswerKind, Credit, StatementUnavailableError, Validation
from exchange.rules.reconciling import StatementLine
from users.rules.webhooks import headers_of, key_of
from users.services.outbound import post

TURNED_AWAY = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.GONE,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    }
)
REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})
NEVER_LEFT = frozenset({"address refused", "name not found"})
LONGEST_WAIT_SECONDS = 86_400


class WebhookAdapter:
    """One brand's address."""

    def __init__(self, *, address: str, secret: str, timeout_seconds: float) -> None:
        key_of(secret)  # a secret that cannot sign is found out before anything is on its way
        self.address, self.secret, self.timeout_seconds = address, secret, timeout_seconds

    def validate_member(self, credit: Credit) -> Validation:
        """Webhooks tell; they do not ask."""
        return Validation(known=None)

    def credit(self, credit: Credit) -> Answer:
        """Tell the brand what its member is to receive."""
        return self._tell(str(credit.reference), _told(credit))

    def inquire(self, credit: Credit) -> Answer:
        """Tell it again under the same id."""
        return self.credit(credit)

    def reverse(self, credit: Credit) -> Answer:
        """Tell the brand that what it credited is taken back."""
        told = _told(credit) | {"amount": -credit.amount, "tx_hash_reverted": credit.transaction_hash}
        return self._tell(f"{credit.reference}-reverted", told)

    def statement(self, day: date) -> list[StatementLine]:
        """None is given."""
        raise StatementUnavailableError("a brand told by webhooks gives none: use --statement")

    def close(self) -> None:
        """Nothing is open."""

    def _tell(self, message_id: str, told: dict[str, Any]) -> Answer:
        body = json.dumps(told, separators=(",", ":")).encode()
        signed = headers_of(secrets=[self.secret], event_id=message_id, timestamp=int(time.time()), body=body)
        headers = {"Content-Type": "application/json", "User-Agent": "Loyalty-Webhooks/1", **signed}
        heard = post(self.address, body=body, headers=headers, timeout_seconds=self.timeout_seconds)
        return meaning_of(heard.status, heard.fault, heard.retry_after)


def _told(credit: Credit) -> dict[str, Any]:
    return {
        "amount": credit.amount,
        "auth_id": credit.membership_number,
        "timestamp": credit.ordered_at,
        "token_name": credit.token_name,
        "token_symbol": credit.token_symbol,
        "transaction_type": credit.transaction_type,
        "tx_hash": credit.transaction_hash,
    }


def meaning_of(status: int | None, fault: str = "", retry_after: str = "") -> Answer:
    """What a status says of the credit; whatever could have been heard and is not answered clearly stays unknown."""
    if status is None:
        kind = AnswerKind.NOT_SENT if fault in NEVER_LEFT else AnswerKind.NO_ANSWER
        return Answer(kind=kind, code="unreachable" if kind is AnswerKind.NOT_SENT else "no_answer", detail=fault)
    detail = f"HTTP {status}"
    if 200 <= status < 300:
        return Answer(kind=AnswerKind.CREDITED)
    if status in REFUSED:
        return Answer(kind=AnswerKind.REFUSED, code="refused", detail=detail)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        seconds = min(int(retry_after), LONGEST_WAIT_SECONDS) if retry_after.isdecimal() and len(retry_after) < 9 else None
        return Answer(kind=AnswerKind.NOT_SENT, code="busy", detail="429", retry_after_seconds=seconds)
    if status in TURNED_AWAY:
        return Answer(kind=AnswerKind.NOT_SENT, code="turned_away", detail=detail)
    return Answer(kind=AnswerKind.NO_ANSWER, code="not_understood", detail=detail)

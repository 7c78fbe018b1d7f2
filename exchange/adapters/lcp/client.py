"""The calls, and what their answers mean."""

import json
import re
import secrets
import time
from datetime import date
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from exchange.adapters.base import Answer, AnswerKind, Credit, StatementUnavailableError, Validation
from exchange.adapters.lcp.signing import Signed
from exchange.adapters.lcp.wire import Reply, Wire
from exchange.rules.reconciling import StatementLine, StatementUnreadableError, line_of

CONTENT_TYPE = "application/json"
NEVER_LEFT = (
    *(httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout),
    *(httpcore.UnsupportedProtocol, httpcore.LocalProtocolError),
    *(ValueError, httpx.InvalidURL),  # the address is none, or the secret is no base64
)
LOST = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError)
MOST_PAGES, MOST_LINES = 10_000, 1_000_000
_CODE, _REFERENCE = re.compile("[A-Z][A-Z_]{0,39}"), re.compile("[!-~]{1,100}")
KINDS = {
    "success": AnswerKind.CREDITED,
    "failure": AnswerKind.REFUSED,
    "pending": AnswerKind.PENDING,
    "systemError": AnswerKind.NO_ANSWER,
    "notFound": AnswerKind.NOT_FOUND,
}


class LcpAdapter:
    """One partner. The connection pool is shared by the threads of a worker."""

    def __init__(
        self,
        *,
        address: str,
        credential_id: str,
        secret: str,
        timeout_seconds: float,
        most_calls: int,
        validates_members: bool = False,
    ) -> None:
        self.address, self.credential_id, self.secret = address.rstrip("/"), credential_id, secret
        self.validates_members, self.timeout_seconds = validates_members, timeout_seconds
        self.wire = Wire(timeout_seconds=timeout_seconds, most_calls=most_calls)

    def validate_member(self, credit: Credit) -> Validation:
        """Ask whether number and name belong to a member who may be credited."""
        body = {"memberId": credit.membership_number, "firstName": credit.first_name, "lastName": credit.last_name}
        answer = self._ask("/validateMember", body, seconds=self.timeout_seconds / 3)
        if answer.kind is AnswerKind.CREDITED:
            return Validation(known=True)
        if answer.kind is AnswerKind.REFUSED:
            return Validation(known=False, code=answer.code, detail=answer.detail)
        return Validation(known=None, code=answer.code, detail=answer.detail)

    def credit(self, credit: Credit) -> Answer:
        """Ask for the credit; `callback` is the key that makes it once. Where agreed, number and name are checked first."""
        if self.validates_members:
            validation = self.validate_member(credit)
            if validation.known is not True:
                kind = AnswerKind.NOT_SENT if validation.known is None else AnswerKind.REFUSED
                return Answer(kind=kind, code=validation.code, detail=validation.detail)
        body = {
            "memberId": credit.membership_number,
            "amount": credit.amount,
            "callback": str(credit.reference),
            "order": {"basePoints": credit.points},
        }
        answer = self._ask("/transact", body, expected_amount=credit.amount)
        if answer.kind is AnswerKind.NOT_FOUND:
            return Answer(kind=AnswerKind.NO_ANSWER, code="unexpected", detail="notFound to a credit")
        return answer

    def inquire(self, credit: Credit) -> Answer:
        """Ask what became of the key."""
        answer = self._ask("/inquire", {"callback": str(credit.reference)}, expected_amount=credit.amount)
        if answer.kind is AnswerKind.REFUSED and answer.detail:  # the question was refused, not the credit
            return Answer(kind=AnswerKind.NO_ANSWER, code="not_understood", detail=answer.detail)
        return answer

    def reverse(self, credit: Credit) -> Answer:
        """Ask to take the whole credit back."""
        return self._ask("/reverse", {"transactionId": credit.partner_reference, "amount": credit.amount})

    def statement(self, day: date) -> list[StatementLine]:
        """Ask page by page. Raises StatementUnavailableError when any page is missing or unreadable: all or none."""
        lines: list[StatementLine] = []
        after = ""
        for page in range(MOST_PAGES):
            try:
                reply = self._send("/statement", {"date": day.isoformat(), "after": after})
            except (*NEVER_LEFT, *LOST) as error:
                raise StatementUnavailableError(f"page {page + 1}: {type(error).__name__}") from None
            told = decode_object(reply.content)
            credited, following = told.get("credits"), told.get("next")
            if reply.status != HTTPStatus.OK or not isinstance(credited, list):
                raise StatementUnavailableError(f"page {page + 1}: HTTP {reply.status}")
            lines += _lines(credited, page)
            if not isinstance(following, str) or not following:
                return lines
            if following <= after or len(lines) > MOST_LINES:
                break
            after = following
        raise StatementUnavailableError("it has no end")

    def close(self) -> None:
        """Hang up."""
        self.wire.close()

    def _ask(
        self, path: str, body: dict[str, Any], *, expected_amount: int | None = None, seconds: float | None = None
    ) -> Answer:
        try:
            reply = self._send(path, body, seconds)
        except NEVER_LEFT as error:
            return Answer(kind=AnswerKind.NOT_SENT, code="unreachable", detail=type(error).__name__)
        except LOST as error:
            return Answer(kind=AnswerKind.NO_ANSWER, code="no_answer", detail=type(error).__name__)
        return meaning_of(reply, expected_amount=expected_amount)

    def _send(self, path: str, body: dict[str, Any], seconds: float | None = None) -> Reply:
        url, content = f"{self.address}{path}", json.dumps(body).encode()
        headers = {"Content-Type": CONTENT_TYPE, "Authorization": self._authorization(url, content)}
        return self.wire.post(url, headers, content, seconds=seconds)

    def _authorization(self, url: str, body: bytes) -> str:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        signed = Signed(
            method="POST", path=parts.path, host=parts.hostname or "", port=port, content_type=CONTENT_TYPE, body=body
        )
        timestamp, nonce = str(int(time.time())), secrets.token_urlsafe(12)
        return signed.authorization(self.credential_id, self.secret, timestamp=timestamp, nonce=nonce)


def meaning_of(reply: Reply, *, expected_amount: int | None = None) -> Answer:
    """What an HTTP answer says of the attempt. What is not understood is no answer."""
    status, told = reply.status, decode_object(reply.content)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        seconds = _seconds(reply.retry_after)
        return Answer(kind=AnswerKind.NOT_SENT, code="busy", detail="429", retry_after_seconds=seconds)
    if status == HTTPStatus.OK and told.get("status") in list(KINDS):
        return _judged(told, expected_amount)
    if status in {400, 422} and isinstance(told.get("errors"), list) and told["errors"]:
        first = told["errors"][0] if isinstance(told["errors"][0], dict) else {}
        return Answer(kind=AnswerKind.REFUSED, code=_word(first.get("code")) or "refused", detail=f"HTTP {status}")
    if status in {401, 403, 404, 405, 413, 415}:
        # Sent away at the door: our credentials or address are wrong, of which the member is innocent.
        return Answer(kind=AnswerKind.NOT_SENT, code="turned_away", detail=f"HTTP {status}")
    return Answer(kind=AnswerKind.NO_ANSWER, code="not_understood", detail=f"HTTP {status}")


def _judged(told: dict[str, Any], expected_amount: int | None) -> Answer:
    kind, reference = KINDS[told["status"]], told.get("transactionId")
    if kind is AnswerKind.CREDITED and expected_amount is not None and told.get("amount", expected_amount) != expected_amount:
        return Answer(kind=AnswerKind.NO_ANSWER, code="other_amount", detail="the partner credited another amount")
    return Answer(
        kind=kind,
        partner_reference=reference if isinstance(reference, str) and _REFERENCE.fullmatch(reference) else "",
        code=_word(told.get("statusMessage")) or kind.value,
    )


def decode_object(content: bytes) -> dict[str, Any]:
    """The JSON object that a partner sent; an empty one where it is none."""
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _word(value: Any) -> str:
    """A code that a partner sent; free words are not kept, for they may name someone."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""


def _lines(credited: list[Any], page: int) -> list[StatementLine]:
    try:
        rows = [row if isinstance(row, dict) else {} for row in credited]
        named = [{"reference": row.get("callback"), "amount": row.get("amount"), "credited_at": row.get("at")} for row in rows]
        return [line_of(row, where=f"page {page + 1}, line {line}") for line, row in enumerate(named, 1)]
    except StatementUnreadableError as error:
        raise StatementUnavailableError(str(error)) from None


def _seconds(told: str) -> int | None:
    return int(told) if told.isdecimal() and len(told) < 6 else None

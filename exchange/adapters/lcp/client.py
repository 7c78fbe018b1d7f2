"""The calls, and what their answers mean."""

import binascii
import json
import re
import secrets
import time
from typing import Any
from urllib.parse import urlsplit

import httpx

from exchange.adapters.base import Answer, AnswerKind, Credit, Validation
from exchange.adapters.lcp.signing import Signed

CONTENT_TYPE = "application/json"
LONGEST_ANSWER = 100_000
NEVER_LEFT = (
    *(httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL),
    binascii.Error,  # the secret is no base64
)
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

    def __init__(self, *, address: str, credential_id: str, secret: str, timeout_seconds: float, most_calls: int) -> None:
        self.address, self.credential_id, self.secret = address.rstrip("/"), credential_id, secret
        self.timeout_seconds = timeout_seconds
        self.client = httpx.Client(
            timeout=httpx.Timeout(timeout_seconds, connect=min(timeout_seconds, 5)),
            limits=httpx.Limits(max_connections=most_calls, max_keepalive_connections=most_calls, keepalive_expiry=30),
            follow_redirects=False,
        )

    def validate_member(self, credit: Credit) -> Validation:
        """Ask whether number and name belong to a member who may be credited."""
        body = {"memberId": credit.membership_number, "firstName": credit.first_name, "lastName": credit.last_name}
        answer = self._ask("/validateMember", body)
        if answer.kind is AnswerKind.CREDITED:
            return Validation(known=True)
        if answer.kind is AnswerKind.REFUSED:
            return Validation(known=False, code=answer.code, detail=answer.detail)
        return Validation(known=None, code=answer.code, detail=answer.detail)

    def credit(self, credit: Credit) -> Answer:
        """Ask for the credit; `callback` is the key that makes it once."""
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

    def close(self) -> None:
        """Hang up."""
        self.client.close()

    def _ask(self, path: str, body: dict[str, Any], *, expected_amount: int | None = None) -> Answer:
        try:
            response, content = self._send(f"{self.address}{path}", json.dumps(body).encode())
        except NEVER_LEFT as error:
            return Answer(kind=AnswerKind.NOT_SENT, code="unreachable", detail=type(error).__name__)
        except httpx.HTTPError as error:
            return Answer(kind=AnswerKind.NO_ANSWER, code="no_answer", detail=type(error).__name__)
        return meaning_of(response.status_code, response.headers, content, expected_amount=expected_amount)

    def _send(self, url: str, body: bytes) -> tuple[httpx.Response, bytes]:
        """Send one signed request; the answer must be whole before the time-out, however slowly it drips."""
        ends_at = time.monotonic() + self.timeout_seconds
        headers = {"Content-Type": CONTENT_TYPE, "Authorization": self._authorization(url, body)}
        with self.client.stream("POST", url, content=body, headers=headers) as response:
            content = b""
            for part in response.iter_bytes():
                content += part
                if len(content) > LONGEST_ANSWER:
                    raise httpx.DecodingError("the answer is too long")
                if time.monotonic() > ends_at:
                    raise httpx.ReadTimeout("the answer drips")
        return response, content

    def _authorization(self, url: str, body: bytes) -> str:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        signed = Signed(
            method="POST", path=parts.path, host=parts.hostname or "", port=port, content_type=CONTENT_TYPE, body=body
        )
        timestamp, nonce = str(int(time.time())), secrets.token_urlsafe(12)
        return signed.authorization(self.credential_id, self.secret, timestamp=timestamp, nonce=nonce)


def meaning_of(status: int, headers: httpx.Headers, content: bytes, *, expected_amount: int | None = None) -> Answer:
    """What an HTTP answer says of the attempt. What is not understood is no answer."""
    told = _object(content)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Answer(kind=AnswerKind.NOT_SENT, code="busy", detail="429", retry_after_seconds=_seconds(headers))
    if status == httpx.codes.OK and told.get("status") in KINDS:
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


def _object(content: bytes) -> dict[str, Any]:
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _word(value: Any) -> str:
    """A code that a partner sent; free words are not kept, for they may name someone."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""


def _seconds(headers: httpx.Headers) -> int | None:
    told = headers.get("Retry-After", "")
    return int(told) if told.isdecimal() and len(told) < 6 else None

"""Signed requests: OAuth 2.0 MAC (draft 02) with HMAC-SHA-256, as the Loyalty Commerce Platform asks for."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

WINDOW_SECONDS = 30
_PART = re.compile(r'(\w+)="([^"\\]*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What is signed of one request: the body by its digest, the query not at all."""

    method: str
    path: str
    host: str
    port: int
    content_type: str = ""
    body: bytes = b""

    @property
    def extension(self) -> str:
        """Hex SHA-256 of content type and body; empty without a body."""
        return hashlib.sha256(self.content_type.encode() + self.body).hexdigest() if self.body else ""

    def mac(self, secret: str, *, timestamp: str, nonce: str) -> str:
        """The signature. Raises ValueError when the secret is not URL-safe base64."""
        lines = [timestamp, nonce, self.method, self.path, self.host, str(self.port), self.extension]
        text = "".join(f"{line}\n" for line in lines)
        return base64.b64encode(hmac.digest(_key(secret), text.encode(), "sha256")).decode()

    def authorization(self, credential_id: str, secret: str, *, timestamp: str, nonce: str) -> str:
        """The value of the Authorization header."""
        mac = self.mac(secret, timestamp=timestamp, nonce=nonce)
        return f'MAC id="{credential_id}", ts="{timestamp}", nonce="{nonce}", ext="{self.extension}", mac="{mac}"'

    def is_signed_by(self, secret: str, header: str) -> bool:
        """Whether a header's signature is right; its time and nonce are for the caller to judge."""
        parts = parts_of(header)
        if not {"ts", "nonce", "mac"} <= parts.keys() or parts.get("ext", "") != self.extension:
            return False
        right = self.mac(secret, timestamp=parts["ts"], nonce=parts["nonce"])
        return hmac.compare_digest(right.encode(), parts["mac"].encode())


def parts_of(header: str) -> dict[str, str]:
    """The parts of an Authorization header; none when it is of another kind."""
    kind, _, rest = header.partition(" ")
    return dict(_PART.findall(rest)) if kind == "MAC" else {}


def _key(secret: str) -> bytes:
    return base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))

"""How long the tokens of apps live, and how a connecting user is signed for."""

import hashlib
import hmac
import re
from datetime import datetime, timedelta

PARTNER_LIFE, USER_LIFE = timedelta(seconds=3_600), timedelta(days=30)
LONGEST_LIFE = max(PARTNER_LIFE, USER_LIFE)
STILL_SIGNS = timedelta(minutes=1)  # so long processes may go on with the key before
CLOCKS_DIFFER = timedelta(seconds=300)
SIGNATURE = re.compile("[0-9a-fA-F]{64}")


def signature_of(*, app_id: str, client_id: str, timestamp: str, secret: str) -> str:
    """HMAC-SHA256 of `appId:partnerClientId:timestamp` under the app's secret, in hexadecimal digits."""
    return hmac.new(secret.encode(), f"{app_id}:{client_id}:{timestamp}".encode(), hashlib.sha256).hexdigest()


def is_recent(timestamp: int, *, at: datetime) -> bool:
    """Whether a time in epoch seconds is near enough to now, as clocks go."""
    return abs(at.timestamp() - timestamp) <= CLOCKS_DIFFER.total_seconds()

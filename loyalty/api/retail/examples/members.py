"""Members: who they are, and how their points moved."""

from typing import Any

MEMBER_ID = "e24c962d-c81c-4a01-b0cd-57dd233553f1"
IDENTIFICATION_BODY = {"member_id": MEMBER_ID}
IDENTIFICATION = {
    "cookie_name": "loyalty_identification",
    "value": "WzEsIjNyMmVzZjM0MjNyIiwxNzgwMzE0MTgwXQ:1wUABC:8fVhQ2m0mD0yQm1kV1V4bnNwY2V0cmE5c2lnbmF0dXJl",
    "expires_at": "2026-06-01T11:43:00Z",
}
IDENTIFIED = {
    "data": {
        "member_id": MEMBER_ID,
        "first_name": "John",
        "balance": 320,
        "segments": [1],
        "expires_at": "2026-06-01T11:43:00Z",
    }
}
_REDEEMED: dict[str, Any] = {
    "id": "2848",
    "occurred_at": "2026-06-01T11:23:23.000000Z",
    "type": "redeem",
    "points": -450,
    "balance_after": 320,
    "label": "Paid for the reward “A red mug”.",
    "reference": None,
    "status": "in_delivery",
    "order": {"id": 12, "status": "in_delivery", "gift": {"id": 10, "name": "A red mug"}},
    "tx_hash": "0x9c1185a5c5e9fc54612808977ee8f548b2258d31d4f0d5c5b4d2f2f0f0b3a1c7",
}
_EARNED = _REDEEMED | {
    "id": "2847",
    "occurred_at": "2026-05-30T09:12:01.000000Z",
    "type": "earn",
    "points": 770,
    "balance_after": 770,
    "label": "The partner's system credited them for its reference Order 109348HJ61.",
    "reference": "Order 109348HJ61",
    "status": None,
    "order": None,
    "tx_hash": "0x1f2e85a5c5e9fc54612808977ee8f548b2258d31d4f0d5c5b4d2f2f0f0b3a1c7",
}
HISTORY = {"data": [_REDEEMED, _EARNED], "next_cursor": None}

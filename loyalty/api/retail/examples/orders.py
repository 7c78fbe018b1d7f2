"""Vouchers and orders."""

from typing import Any

POSTED: dict[str, Any] = {
    "id": "2848",
    "points": -100,
    "balance_after": 350,
    "tx_hash": "0x9c1185a5c5e9fc54612808977ee8f548b2258d31d4f0d5c5b4d2f2f0f0b3a1c7",
    "occurred_at": "2026-06-01T11:23:23.000000Z",
}
VOUCHER_BODY = {"member_id": "e24c962d-c81c-4a01-b0cd-57dd233553f1", "gift_id": 10, "transaction_id": "Shop order 4711"}
VOUCHER: dict[str, Any] = {
    "code": "P2K36JGS5GQ6",
    "gift": {"id": 10, "name": "Free coffee and cake"},
    "value": "9.50",
    "currency": "EUR",
    "valid_until": "2026-12-31T23:00:00Z",
    "status": "exchange",
    "transaction": POSTED,
    "balance": 350,
    "order_id": 3443,
}
ORDER: dict[str, Any] = {
    "data": {
        "id": 3443,
        "status": "in_preparation",
        "gift": VOUCHER["gift"],
        "member_id": VOUCHER_BODY["member_id"],
        "code": VOUCHER["code"],
        "points": 100,
        "transaction": POSTED,
        "moves": [{"from": "exchange", "to": "in_preparation", "at": "2026-06-01T12:00:00Z", "reason": "Packed by Ann"}],
        "created_at": "2026-06-01T11:23:23.000000Z",
        "updated_at": "2026-06-01T12:00:00Z",
    }
}
MOVE_BODY = {"status": "in_preparation", "reason": "Packed by Ann"}
CANCEL_BODY = {"status": "cancellation", "reason": "Sold out in the store"}

"""Baskets."""

from typing import Any

MEMBER_ID = "e24c962d-c81c-4a01-b0cd-57dd233553f1"
BASKET: dict[str, Any] = {
    "member_id": MEMBER_ID,
    "transaction_id": "till-3-000184",
    "store_id": "zurich-1",
    "channel": "store",
    "currency": "EUR",
    "lines": [
        {"line": 1, "sku": "espresso", "category": "coffee", "quantity": 2, "unit_price": "4.20", "amount": "8.40"},
        {"line": 2, "sku": "croissant", "quantity": 1, "unit_price": "3.10", "discount": "0.50", "amount": "2.60"},
    ],
}
GUEST_BASKET = {name: value for name, value in BASKET.items() if name not in {"member_id", "transaction_id"}}
EVALUATED: dict[str, Any] = {
    "transaction_id": "till-3-000184",
    "points": {"total": 19, "base": 11, "bonus": 8},
    "promotions": [
        {
            "id": 1,
            "name": "Double coffee",
            "version": 1,
            "points": 8,
            "lines": [{"line": 1, "points": 8}],
            "explanation": {
                "text": "2 times the points",
                "kind": "multiplier",
                "amount": "8.40",
                "quantity": 2.0,
                "factor": "2",
                "rate": "1",
            },
        }
    ],
    "not_applied": [{"id": 2, "name": "VIP bonus", "reason": "not_in_segment"}],
    "lines": [{"line": 1, "points": 16}, {"line": 2, "points": 3}],
    "balance": None,
    "transaction": None,
}
POSTED = {
    "id": "2847",
    "points": 19,
    "balance_after": 119,
    "tx_hash": "0x9c1185a5c5e9fc54612808977ee8f548b2258d31d4f0d5c5b4d2f2f0f0b3a1c7",
    "occurred_at": "2026-06-01T11:23:23.000000Z",
}
EARNED = EVALUATED | {"balance": 119, "transaction": POSTED}
RETURN = {"reversal_id": "return-77", "reason": "one espresso was cold", "lines": [{"line": 1, "quantity": 1}]}
WHOLE_RETURN = {"reversal_id": "return-78"}
TAKEN_BACK = {
    "reversal_id": "return-77",
    "transaction_id": "till-3-000184",
    "points": -9,
    "remaining_points": 10,
    "balance": 110,
    "transaction": POSTED | {"id": "2848", "points": -9, "balance_after": 110},
}
PRODUCTS = {
    "data": [
        {
            "promotion": {"id": 1, "name": "Double coffee"},
            "sku": None,
            "category": "coffee",
            "gain": {"kind": "multiplier", "value": "2", "text": "2 times the points"},
            "starts_at": None,
            "ends_at": None,
        }
    ],
    "next_cursor": None,
}

"""Events."""

from loyalty.api.retail.examples.orders import POSTED

EVENT_BODY = {
    "member_id": "e24c962d-c81c-4a01-b0cd-57dd233553f1",
    "event_code": "conditional",
    "event_id": "Survey 2026-06-01/17",
    "occurred_at": "2026-06-01T11:20:00Z",
    "properties": {"category": "coffee"},
}
EVENT = {
    "event_id": "Survey 2026-06-01/17",
    "points": 10,
    "balance": 450,
    "transaction": POSTED | {"id": "2849", "points": 10, "balance_after": 450, "occurred_at": "2026-06-01T11:20:00Z"},
}

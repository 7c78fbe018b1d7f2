"""Languages, categories and gifts."""

from typing import Any

LANGUAGES = {
    "data": [
        {"code": "en", "name": "English", "default": True},
        {"code": "de", "name": "Deutsch", "default": False},
        {"code": "fr", "name": "Français", "default": False},
        {"code": "it", "name": "Italiano", "default": False},
    ]
}
CATEGORIES = {
    "data": [
        {
            "code": "treats",
            "name": "Treats",
            "children": [{"code": "coffee", "name": "Coffee", "children": []}],
        }
    ]
}
_GIFT: dict[str, Any] = {
    "id": 10,
    "sku": "MUG-RED",
    "name": "A red mug",
    "description": "Holds 300 ml, stands any dishwasher.",
    "category": {"code": "treats", "name": "Treats"},
    "points": 450,
    "value": "12.00",
    "currency": "EUR",
    "images": ["https://www.example.org/mug.jpg"],
    "stock": "available",
    "delivery": "physical",
    "valid_from": "2026-06-01T00:00:00Z",
    "valid_until": None,
    "segments": [],
    "updated_at": "2026-06-01T11:23:23.000000Z",
}
GIFT = {"data": _GIFT}
GIFT_PAGE = {"data": [_GIFT], "next_cursor": None}

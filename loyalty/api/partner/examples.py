"""Examples of the Partner API, as the OpenAPI document shows them."""

from typing import Any

AUTH_ID = "e24c962d-c81c-4a01-b0cd-57dd233553f1"
PROFILE: dict[str, Any] = {
    "email": "john_doe@email.com",
    "auth_id": AUTH_ID,
    "first_name": "John",
    "second_name": "Doe",
    "language": "en",
    "country_ISO": "usa",
    "metadata": {"opts_newsletter": True},
}
USER = {"id": "3r2esf3423r"} | PROFILE
USER_BODY = {"user": PROFILE}
USER_CHANGE = {"user": {"email": "john_smith@email.com", "second_name": "Smith", "language": "it"}}
USER_ANSWER = {"data": USER, "user": USER}
USER_PAGE = {"data": {"users": [USER], "offset": 0, "limit": 100, "total_count": 1}}

TOKEN: dict[str, Any] = {
    "id": 1,
    "address": "0x5f1d8d0e6a3b4c2d9e8f7a6b5c4d3e2f1a0b9c8d",
    "name": "Aurora Points",
    "symbol": "AUR",
    "type": "erc20",
    "countries": ["AAA"],
    "onramp": "0.01",
    "offramp": "0.01",
    "status": "active",
    "metadata": None,
}
BALANCES = {"data": [{"balance": 100, "token": TOKEN}]}

MEMBERSHIP_OUT = {
    "membership_number": "992001234567897",
    "brand": {"id": "miles_and_more", "name": "Miles & More", "locations": [], "brand_config": None},
    "exchange_provider": {"implementation_name": "miles_and_more", "name": "Miles & More"},
}
MEMBERSHIP_BODY = {"membership": {"brand_id": "miles_and_more", "membership_number": "9920 0123 4567 897"}}
OLDER_MEMBERSHIP_BODY = {"membership": {"exchange_provider_implementation_name": "etihad", "membership_number": "100200300400"}}
MEMBERSHIP = {"data": MEMBERSHIP_OUT}
MEMBERSHIPS = {"data": [MEMBERSHIP_OUT]}
_MEMBER = USER | {"memberships": [MEMBERSHIP_OUT]}
MEMBERSHIP_STORED = {"data": _MEMBER, "user": _MEMBER}

CREDIT_BODY = {
    "transaction": {
        "type": "credit_points",
        "user_auth_id": AUTH_ID,
        "amount": "100",
        "token_id": 1,
        "reference_id": "Order 109348HJ61",
    }
}
DEBIT_BODY = {"transaction": {"type": "debit_points", "user_auth_id": AUTH_ID, "amount": 40, "token_id": 1}}
TRANSACTION_OUT: dict[str, Any] = {
    "id": "2847",
    "loyalty_event_type": "credit_points",
    "status": "success",
    "points_burned": None,
    "points_credited": "100",
    "amount_received": None,
    "token": TOKEN,
    "reward_id": None,
    "code": None,
    "user": {"auth_id": AUTH_ID, "email": "john_doe@email.com"},
    "reference_id": "Order 109348HJ61",
    "tx_hash": "0x9c1185a5c5e9fc54612808977ee8f548b2258d31d4f0d5c5b4d2f2f0f0b3a1c7",
    "reverses": None,
    "inserted_at": "2026-06-01T11:23:23.000000Z",
}
TRANSACTION = {"data": TRANSACTION_OUT}
TRANSACTION_PAGE = {
    "data": {"transactions": [TRANSACTION_OUT], "total_tx_count": 1, "limit": 100, "offset": 0, "next_cursor": None}
}
REVERSAL_BODY = {"reversal": {"amount": 30, "reason": "one of three coffees returned", "reference_id": "Refund 109348HJ61"}}
REVERSAL = {
    "data": TRANSACTION_OUT
    | {
        "id": "2850",
        "loyalty_event_type": "reversal",
        "points_burned": "30",
        "points_credited": None,
        "reference_id": "Refund 109348HJ61",
        "reverses": "2847",
    }
}

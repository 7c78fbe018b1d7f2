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

POINTS_TO_REWARDS_BODY = {
    "transaction": {
        "type": "points_to_rewards",
        "user_auth_id": AUTH_ID,
        "amount": "100",
        "token_id": 1,
        "reward_type_id": 10,
    }
}
CODE_TO_POINTS_BODY = {"transaction": {"type": "code_to_points", "user_auth_id": AUTH_ID, "code": "719026461"}}
CODE_TO_NFT_BODY = {"transaction": {"type": "code_to_nft", "user_auth_id": AUTH_ID, "code": "553201877"}}
CREDIT_NFT_BODY = {"transaction": {"type": "credit_nft", "user_auth_id": AUTH_ID, "token_id": 3}}
POINTS_TO_EXTERNAL_REWARDS_BODY = {
    "transaction": {
        "type": "points_to_external_rewards",
        "user_auth_id": AUTH_ID,
        "amount": "100",
        "token_id": 1,
        "exchange_provider_implementation_name": "etihad",
        "membership_number_override": "100200300400",
    }
}
EXCHANGE_BODY = {
    "transaction": {
        "type": "exchange",
        "user_auth_id": AUTH_ID,
        "amount": "100",
        "brandA_token_id": 1,
        "brandB_token_id": 4,
        "exchange_rate_override": "7.5",
    }
}
CODE_TO_EXTERNAL_REWARDS_BODY = {
    "transaction": {
        "type": "code_to_external_rewards",
        "user_auth_id": AUTH_ID,
        "code": "880412375",
        "exchange_provider_implementation_name": "miles_and_more",
    }
}
PARTNERSHIPS: dict[str, Any] = {
    "data": [
        {
            "id": 1,
            "token_a": TOKEN,
            "token_b": TOKEN | {"id": 4, "name": "Etihad Guest miles", "symbol": "EY", "type": "miles"},
            "brand": {"id": 1, "name": "Aurora Coffee"},
            "exchange_provider_implementation_name": "etihad",
            "rate": "10",
            "minimum": 10,
            "maximum": 100_000,
        }
    ]
}

CODE_BODY = {
    "code": {
        "value": "100",
        "campaign_id": 1,
        "length": 9,
        "email": "john_doe@email.com",
        "language": "en",
        "reference_id": "Order 109348HJ61",
    }
}
ISSUED_CODE = {
    "data": {"code": "719026461", "value": "100", "campaign_id": 1, "reference_id": "Order 109348HJ61"},
}
CODE = {
    "data": {
        "code": "719026461",
        "state": "redeemed",
        "value": "100",
        "campaign_id": 1,
        "reference_id": "Order 109348HJ61",
        "redeemed_at": "2026-06-01T11:23:23.000000Z",
        "user_auth_id": AUTH_ID,
    }
}
CAMPAIGNS = {
    "data": [
        {
            "id": 1,
            "name": "Summer",
            "kind": "points",
            "state": "running",
            "token_id": 1,
            "starts_at": "2026-06-01T00:00:00Z",
            "ends_at": "2026-09-01T00:00:00Z",
        }
    ]
}
LOCATION = {
    "id": "2039",
    "street": "Falkenstrasse",
    "city": "Zurich",
    "country": "Switzerland",
    "zip": "8008",
    "geolocation": "47.3653,8.5466",
}
REWARD_TYPE: dict[str, Any] = {
    "id": 10,
    "name": "20 EUR Discount",
    "value": "100",
    "website": "https://www.domain.com",
    "valid_until": "1659515347",
    "locations": [LOCATION],
}
REWARD_TYPES = {"data": [REWARD_TYPE | {"category": "discounts", "stock": 73}]}
REWARD: dict[str, Any] = {
    "code": "SPECIAL20",
    "used": False,
    "used_at": None,
    "user_id": AUTH_ID,
    "reward_type": REWARD_TYPE,
    "transaction": {
        "id": "2848",
        "loyalty_event_type": "points_to_rewards",
        "tx_hash": "0x9c1185a5c5e9fc54612808977ee8f548b2258d31d4f0d5c5b4d2f2f0f0b3a1c7",
        "points_burned": "100",
        "token": TOKEN,
        "status": "success",
        "reward_id": 3443,
        "inserted_at": "1627976023",
    },
}
USED_REWARD = REWARD | {"used": True, "used_at": "2026-06-01T11:23:23.000000Z"}

PERSONALISATION_BODY = {"personalisation": {"data": {"engraving": "For Ann"}}}
DECISION_BODY = {"userNFT": {"user_nft_id": "37329", "status": "approved"}}
REJECTION_BODY = {"userNFT": {"user_nft_id": "37329", "status": "rejected", "reason": "Too long to be engraved."}}
_ITEM: dict[str, Any] = {
    "user_nft_id": "37329",
    "serial": 7,
    "status": "approved",
    "personalised_data": {"engraving": "For Ann"},
    "reason": None,
    "user": {"auth_id": AUTH_ID},
    "token": TOKEN | {"id": 3, "name": "Golden Bean", "symbol": "BEAN", "type": "erc721"},
    "updated_at": "2026-06-01T11:23:23.000000Z",
}
ITEM = {"data": _ITEM}
ITEMS = {"data": [_ITEM]}
PENDING_ITEM = {"data": _ITEM | {"status": "pending"}}

"""A partner's system, and a till, calling the Partner API and the Retail API in process."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.test.client import ClientHandler

from users.models import Brand, RetailScope
from users.models.keys import ALL_SCOPES
from users.services.keys import create_api_key
from users.services.oauth import create_oauth_client

BASE, RETAIL_BASE = "/api/admin", "/api/retail"


@cache
def application() -> ClientHandler:
    """The one application that all clients call: to load its middleware for each takes longer than most tests."""
    handler = ClientHandler(enforce_csrf_checks=False)
    handler.load_middleware()
    return handler


def make_client(**environ: str) -> Client:
    """A client of one's own, which answers failures as the server does."""
    client = Client(raise_request_exception=False, **environ)
    client.handler = application()
    return client


@dataclass
class Partner:
    """Calls with one key; answers Django's response, with `.json()`."""

    key: str | None
    brand: Brand | None = None
    client: Client = field(default_factory=make_client)

    @classmethod
    def of(cls, brand: Brand, scopes: list[str] = ALL_SCOPES) -> "Partner":
        return cls(create_api_key(brand=brand, scopes=scopes)[1], brand)

    def call(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str) -> HttpResponse:
        if self.key is not None:
            headers.setdefault("X-API-KEY", self.key)
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        kind = headers.pop("content_type", "application/json")
        return self.client.generic(method, f"{BASE}{path}", content, content_type=kind, headers=headers)

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        return self.call("POST", path, body, **headers)

    def credit(self, auth_id: str, amount: Any, token_id: Any, *, key: str | None = None, **fields: Any) -> HttpResponse:
        return self.move("credit_points", auth_id, amount, token_id, key=key, **fields)

    def debit(self, auth_id: str, amount: Any, token_id: Any, *, key: str | None = None, **fields: Any) -> HttpResponse:
        return self.move("debit_points", auth_id, amount, token_id, key=key, **fields)

    def move(self, type_: str, auth_id: str, amount: Any, token_id: Any, *, key: str | None, **fields: Any) -> HttpResponse:
        return self.order(type_, auth_id, key=key, **({"amount": amount, "token_id": token_id} | fields))

    def redeem(self, auth_id: str, code: Any, type_: str = "code_to_points", **fields: Any) -> HttpResponse:
        return self.order(type_, auth_id, code=code, **fields)

    def buy(self, auth_id: str, reward_type: Any, **fields: Any) -> HttpResponse:
        """A reward for its price, unless told otherwise."""
        terms = {"amount": reward_type.price, "token_id": reward_type.token_id, "reward_type_id": reward_type.pk}
        return self.order("points_to_rewards", auth_id, **(terms | fields))

    def order(self, type_: str, auth_id: str, *, key: str | None = None, **fields: Any) -> HttpResponse:
        """A transaction of any type."""
        return self.keyed("/transactions", {"transaction": {"type": type_, "user_auth_id": auth_id} | fields}, key)

    def issue(self, campaign_id: Any, value: Any = 100, *, key: str | None = None, **fields: Any) -> HttpResponse:
        return self.keyed("/codes", {"code": {"campaign_id": campaign_id, "value": value} | fields}, key)

    def keyed(self, path: str, body: Any, key: str | None) -> HttpResponse:
        return self.post(path, body, **({"Idempotency-Key": key} if key else {}))


@dataclass
class RetailClient:
    """Calls with one bearer token; answers Django's response, with `.json()`."""

    token: str | None
    brand: Brand | None = None
    client: Client = field(default_factory=make_client)

    @classmethod
    def of(cls, brand: Brand, scopes: Sequence[str] = tuple(RetailScope.values)) -> "RetailClient":
        """A till of the brand, with a token for all that it may do."""
        known, secret = create_oauth_client(brand_id=brand.pk, name="Till", scopes=scopes)
        till = cls(None, brand)
        till.token = till.ask_token(known.client_id, secret).json()["access_token"]
        return till

    def ask_token(self, client_id: Any, client_secret: Any, **terms: Any) -> HttpResponse:
        """Ask for a token, with a JSON body."""
        asked = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        return self.call("POST", "/oauth/token", asked | terms)

    def call(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str) -> HttpResponse:
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        kind = headers.pop("content_type", "application/json")
        return self.client.generic(method, f"{RETAIL_BASE}{path}", content, content_type=kind, headers=headers)

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> HttpResponse:
        return self.call("POST", path, body, **headers, **({"Idempotency-Key": key} if key else {}))

"""A partner's system, calling the Partner API in process."""

import json
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse
from django.test import Client

from users.models import Brand
from users.models.keys import ALL_SCOPES
from users.services.keys import create_api_key

BASE = "/api/admin"


@dataclass
class Partner:
    """Calls with one key; answers Django's response, with `.json()`."""

    key: str | None
    brand: Brand | None = None
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

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
        order = {"type": type_, "user_auth_id": auth_id, "amount": amount, "token_id": token_id} | fields
        headers = {"Idempotency-Key": key} if key else {}
        return self.post("/transactions", {"transaction": order}, **headers)

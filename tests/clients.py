"""A partner's system, a till and an app, calling the three APIs in process."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.test.client import ClientHandler
from django.utils import timezone

from users.models import App, Brand, RetailScope
from users.models.keys import ALL_SCOPES
from users.rules.app_tokens import signature_of
from users.services.apps import create_app
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


def own_address() -> Client:
    """A client with an address of its own: whoever proves nothing is held to the limit of the address."""
    a, b, c = secrets.token_bytes(3)
    return make_client(REMOTE_ADDR=f"10.{a}.{b}.{c}")


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


@dataclass
class AppClient:
    """An app of a brand: its back end, and the devices of its users."""

    brand: Brand
    app: App
    partner_secret: str
    app_secret: str
    client: Client = field(default_factory=own_address)
    token: str | None = None

    @classmethod
    def of(cls, brand: Brand) -> "AppClient":
        """An app of the brand, whose back end holds a token."""
        app, partner_secret, app_secret = create_app(brand_id=brand.pk, name="App")
        made = cls(brand, app, partner_secret, app_secret)
        made.token = made.ask_token().json()["access_token"]
        return made

    @property
    def names(self) -> dict[str, str]:
        """What names the app."""
        return {"APMPartnerID": self.app.partner_id, "appId": self.app.app_id}

    def ask_token(self, **terms: Any) -> HttpResponse:
        """Ask for the back end's token."""
        return self.call("auth/token", self.names | {"partnerSecret": self.partner_secret} | terms)

    def signed(self, name: str, *, at: float | None = None, secret: str | None = None) -> dict[str, Any]:
        """What a device connects with."""
        timestamp = int(at if at is not None else timezone.now().timestamp())
        terms = {"app_id": self.app.app_id, "client_id": name, "timestamp": str(timestamp)}
        signature = signature_of(**terms, secret=secret or self.app_secret)
        return self.names | {"partnerClientId": name, "timestamp": timestamp, "signature": signature}

    def connect(self, name: str, **terms: Any) -> "Device":
        """Connect a user, and answer their device."""
        answer = self.call("user/clientcheckcredentials", self.signed(name) | terms)
        assert answer.status_code == 200, answer.content
        assert answer.json()["errorCode"] == 0, answer.json()
        return Device(self, name, answer.json()["data"]["user"]["userToken"])

    def serve(self, path: str, body: Any = None) -> HttpResponse:
        """A call of the back end."""
        return self.call(path, body, token=self.token)

    def call(self, path: str, body: Any = None, *, token: str | None = None, raw: bytes | None = None) -> HttpResponse:
        """A POST with a JSON body."""
        headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {}
        data = raw if raw is not None else json.dumps(body if body is not None else {})
        return self.client.post(f"/api/app/{path}", data=data, content_type="application/json", **headers)


@dataclass
class Device:
    """A user's device, with their token."""

    app: AppClient
    name: str
    token: str

    def call(self, path: str, body: Any = None) -> HttpResponse:
        """A call for the user."""
        return self.app.call(path, body, token=self.token)

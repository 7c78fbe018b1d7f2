"""Tokens for clients, by django-oauth-toolkit: client credentials alone, with errors in OAuth's own form (RFC 6749)."""

import base64
import binascii
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_plus

import msgspec
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from oauth2_provider.oauth2_backends import OAuthLibCore
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import BaseScopes
from oauth2_provider.settings import oauth2_settings
from oauthlib.oauth2 import BackendApplicationServer, InvalidClientError, InvalidRequestError, OAuth2Error
from rest_framework.exceptions import MethodNotAllowed

from loyalty.api.requests import JSON, read_body
from loyalty.api.retail.documents import access as documents
from loyalty.api.retail.statuses import STATUSES
from loyalty.api.throttling import Limit, limit_of_address
from loyalty.api.views import PlainView
from loyalty.database import write
from users.models import OAuthClient, RetailScope
from users.services.oauth_tokens import note_use

FORM = "application/x-www-form-urlencoded"
KNOWN = ("grant_type", "client_id", "client_secret", "scope")
CREDENTIALS = ("client_id", "client_secret")
NEVER_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}
WORDS = {
    "invalid_client": "The client is unknown or revoked, or its secret is wrong",
    "invalid_scope": "The client has not all of these scopes",
    "unsupported_grant_type": "The one grant type is client_credentials",
}


class ClientScopes(BaseScopes):
    """A token gets the scopes of its client, or those of them that it was asked for with."""

    def get_all_scopes(self) -> dict[str, str]:
        """Every scope there is, in words."""
        return {scope.value: str(scope.label) for scope in RetailScope}

    def get_available_scopes(self, application: Any = None, request: Any = None, *_: Any, **__: Any) -> list[str]:
        """What the client may ask for."""
        return list(application.scopes)

    def get_default_scopes(self, application: Any = None, request: Any = None, *_: Any, **__: Any) -> list[str]:
        """What it gets when it asks for nothing."""
        return list(application.scopes)


class ClientValidator(OAuth2Validator):
    """The toolkit's validator, which tells `heard` of each client that proved itself, and of None where nobody did."""

    def __init__(self, heard: Callable[[OAuthClient | None], None]) -> None:
        super().__init__()
        self.heard = heard

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether id and secret are those of a client; the Basic header was read before."""
        known = bool(self._authenticate_request_body(request))  # type: ignore[no-untyped-call]
        self.heard(request.client if known else None)
        return known

    def _load_application(self, client_id: str | None, request: Any) -> Any:
        """The client, without asking the database for what no id can be."""
        if not client_id or "\x00" in client_id:
            return None
        return super()._load_application(client_id, request)  # type: ignore[no-untyped-call]


class ParametersCore(OAuthLibCore):
    """The toolkit's core on parameters that were read already, from whichever form they came in."""

    def __init__(self, parameters: dict[str, str], heard: Callable[[OAuthClient | None], None]) -> None:
        server = BackendApplicationServer(ClientValidator(heard), **oauth2_settings.server_kwargs)
        super().__init__(server)  # type: ignore[no-untyped-call]
        self.parameters = parameters

    def extract_body(self, request: HttpRequest) -> list[tuple[str, str]]:
        """The parameters."""
        return list(self.parameters.items())

    def extract_headers(self, request: HttpRequest) -> dict[str, str]:
        """Nothing: what they tell stands in the parameters."""
        return {}


class TokenView(PlainView):
    """POST /oauth/token: a token for a client's credentials."""

    statuses = STATUSES

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Everybody may ask; other methods lead nowhere."""
        if request.method != "POST":
            self.throttle(limit_of_address(request))
            raise MethodNotAllowed(request.method)

    @documents.get_token
    def post(self, request: HttpRequest) -> HttpResponse:
        """Give out a token; who proves to be no client is held to the limit of their address."""
        try:
            return self._answer(request)
        finally:
            if self.verdict is None:
                self.throttle(limit_of_address(request))

    def _answer(self, request: HttpRequest) -> HttpResponse:
        def heard(client: OAuthClient | None) -> None:
            if client is None:
                self.throttle(limit_of_address(request))
                return
            request.key_id = f"client:{client.pk}"  # type: ignore[attr-defined]
            self.throttle(Limit(f"client:{client.client_id}", client.rate_per_second, client.burst))
            note_use(client, at=timezone.now())

        try:
            core = ParametersCore(read_parameters(request, limit_bytes=self.body_limit_bytes), heard)
            _, _, body, status = write(lambda: core.create_token_response(request))  # type: ignore[no-untyped-call]
        except OAuth2Error as refusal:
            body, status = refusal.json, refusal.status_code
        if status != HTTPStatus.OK:
            body = _told(body)
        response = HttpResponse(body, status=status, content_type="application/json", headers=NEVER_KEPT)
        if status == HTTPStatus.UNAUTHORIZED:
            response["WWW-Authenticate"] = 'Basic realm="loyalty"'
        return response


def _told(body: str) -> bytes:
    """A refusal with words for people; the toolkit leaves some without."""
    told = msgspec.json.decode(body, type=dict[str, str])
    return msgspec.json.encode({"error_description": WORDS.get(told["error"], "The request is malformed")} | told)


def read_parameters(request: HttpRequest, *, limit_bytes: int) -> dict[str, str]:
    """What a client asks with: from a form or JSON, and the Basic header. Those without a value were not sent.

    Raises OAuth2Error, UnsupportedMediaType, BodyTooLarge.
    """
    if request.META.get("QUERY_STRING"):
        raise InvalidRequestError("URL query parameters are not allowed")
    raw = read_body(request, limit_bytes=limit_bytes, kinds=JSON | {FORM})
    sent = _of_json(raw) if request.content_type in JSON else _of_form(raw)
    parameters = {name: value for name, value in sent if value}
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if not header:
        return parameters
    if "client_secret" in parameters:
        raise InvalidRequestError("The client proves itself in one way, not in two")
    basic = dict(zip(CREDENTIALS, _of_basic(header), strict=True))
    if parameters.get("client_id", basic["client_id"]) != basic["client_id"]:
        raise InvalidRequestError("Two different clients are named")
    return parameters | basic


def _of_json(raw: bytes) -> Iterable[tuple[str, str]]:
    try:
        told = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidRequestError("The body is no JSON object") from None
    for name in KNOWN:
        value = told.get(name)
        if value is not None and not isinstance(value, str):
            raise InvalidRequestError(f"{name} is a text")
        yield name, value or ""


def _of_form(raw: bytes) -> Iterable[tuple[str, str]]:
    told = QueryDict(raw, encoding="utf-8")
    for name in KNOWN:
        values = told.getlist(name)
        if len(values) > 1:
            raise InvalidRequestError(f"Duplicate {name} parameter")
        yield name, "".join(values)


def _of_basic(header: str) -> tuple[str, str]:
    """The id and the secret in a Basic header, each form-encoded (RFC 6749, 2.3.1). Raises InvalidClientError."""
    scheme, _, encoded = header.strip().partition(" ")
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise InvalidClientError from None
    if scheme.lower() != "basic" or not colon:
        raise InvalidClientError
    return unquote_plus(client_id), unquote_plus(secret)

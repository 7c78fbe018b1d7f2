"""How an app's back end gets its token, and its users get theirs."""

from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from msgspec import Meta, Struct, field

from loyalty.api.app import documents
from loyalty.api.app.base import OpenView, UserView
from loyalty.api.app.documents import examples
from loyalty.api.app.envelopes import answered
from loyalty.api.app.reading import ClientId, Language, Nothing
from loyalty.api.app.shapes.access import EmptyData, TokenData
from loyalty.api.app.shapes.users import ConnectedData, connected_out
from rewards.selectors.users import seen_user
from users.models import Consent
from users.services.app_tokens import check_signature, issue_partner_token, issue_user_token, known_app, proven_app
from users.services.connecting import Connection, connect_member, log_out
from users.services.members import Profile

BEARER = "bearer"
LATEST = 2**40  # epoch seconds beyond which no clock is that wrong
NEVER_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}
Text = Annotated[str, Meta(max_length=200)]


class CredentialsBody(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What an app's back end proves itself with."""

    partner_id: str = field(name="APMPartnerID", default="")
    partner_secret: str = ""
    app_id: str = ""


class ConnectBody(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Who connects, signed for: `signature` is the HMAC-SHA256 of `appId:partnerClientId:timestamp` under the app secret."""

    partner_id: str = field(name="APMPartnerID", default="")
    app_id: str = ""
    signature: str = ""
    partner_client_id: ClientId
    timestamp: Annotated[int, Meta(ge=0, le=LATEST)] = 0
    email: str | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    data_consent_code: Literal[-1, 0, 1] | None = None
    lang: Language | None = None

    def profile(self) -> Profile:
        """What is told of the user; what is null or empty is not told."""
        told = {"email": self.email, "first_name": self.first_name, "second_name": self.last_name, "language": self.lang}
        given: dict[str, Any] = {name: value for name, value in told.items() if value}
        return Profile(given=frozenset(given), auth_id=self.partner_client_id, **given)


@documents.call(
    operation="get_partner_token",
    description="Get a token for the app's back end. It stands in `data` and beside it.",
    body=CredentialsBody,
    data=TokenData,
    example=examples.TOKEN,
    sent=examples.APP | {"partnerSecret": "s3cret"},
)
class TokenView(OpenView):
    """auth/token: a token for an app's back end."""

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Give one out."""
        body, at = self.read(request, CredentialsBody), timezone.now()
        app = proven_app(partner_id=body.partner_id, app_id=body.app_id, secret=body.partner_secret, at=at)
        self.admit(app)
        token, seconds = issue_partner_token(app, at=at)
        told = {"access_token": token, "token_type": BEARER, "expires_in": seconds}
        return _never_kept(answered(told, top=told))


@documents.call(
    operation="connect_user",
    description="Connect a user, who is made where nobody is called so. What is given is kept, what is not stays. `signature`"
    " is the HMAC-SHA256, in hexadecimal digits, of `appId:partnerClientId:timestamp` under the app's secret;"
    " `timestamp` is in epoch seconds, five minutes off at most.",
    body=ConnectBody,
    data=ConnectedData,
    example={"user": examples.USER | {"userToken": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbg"}},
    sent=examples.CONNECT,
)
class ConnectView(OpenView):
    """user/clientcheckcredentials: a user connects, and is made where nobody is called so."""

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Connect them."""
        body, at = self.read(request, ConnectBody), timezone.now()
        app = known_app(partner_id=body.partner_id, app_id=body.app_id)
        terms: dict[str, Any] = {"client_id": body.partner_client_id, "timestamp": body.timestamp, "signature": body.signature}
        check_signature(app=app, at=at, **terms)
        self.admit(app)
        consent = Consent(body.data_consent_code) if body.data_consent_code is not None else None
        connection = Connection(brand_id=app.brand_id, profile=body.profile(), consent=consent, actor=self.actor)
        member = connect_member(connection=connection, at=at)
        seen = seen_user(member, at=at)
        return _never_kept(answered(ConnectedData(connected_out(seen, issue_user_token(app, member, at=at)))))


@documents.call(
    operation="log_out",
    description="Refuse every token that the user was given, on all devices, from now on.",
    body=Nothing,
    data=EmptyData,
    example={},
    sent={},
)
class LogOutView(UserView):
    """user/logout: every token of the user is refused from now on."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Log them out."""
        self.read(request, Nothing)
        log_out(brand_id=self.brand_id, auth_id=self.auth_id, member_id=self.member.pk)
        return answered({})


def _never_kept(response: HttpResponse) -> HttpResponse:
    for name, value in NEVER_KEPT.items():
        response[name] = value
    return response

"""Single sign-on into the gift shop: a cookie that stands for a member for a quarter of an hour."""

import math
from datetime import datetime
from http import HTTPStatus

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from ledger.selectors import balances_of
from loyalty.api.idempotency import Answer
from loyalty.api.requests import Parameters
from loyalty.api.retail.base import RetailView
from loyalty.api.retail.bodies.members import IdentificationBody
from loyalty.api.retail.bodies.reading import read
from loyalty.api.retail.documents import members as documents
from loyalty.api.retail.members import named_member
from loyalty.api.retail.shapes.members import IdentificationAnswer, IdentifiedAnswer, IdentifiedOut
from loyalty.api.retail.statuses import IN_BODY
from loyalty.api.shapes import instant_text
from loyalty.api.throttling import Limit, limit_of_address
from loyalty.api.views import to_response
from loyalty.errors import LoyaltyError
from rewards.selectors.gifts import joined_segments
from rewards.services.programme import programme_of
from users.errors import IdentificationInvalid
from users.models import Member, RetailScope
from users.services.identification import identified_member, issue_identification

COOKIE, PATH = "loyalty_identification", "/api/retail/identification"


class IdentificationView(RetailView):
    """POST and GET /identification: a client names a member; the member's browser comes with the cookie alone."""

    write_scope = RetailScope.MEMBERS_READ
    statuses = IN_BODY
    member: Member
    expires_at: datetime

    def identify(self, request: HttpRequest) -> int:
        """Find the member whom the cookie stands for where one is asked after, else the client that holds the token."""
        if request.method not in {"GET", "HEAD"}:
            return super().identify(request)
        try:
            self.member, self.expires_at = identified_member(request.COOKIES.get(COOKIE, ""), at=timezone.now())
        except IdentificationInvalid:
            self.throttle(limit_of_address(request))
            raise
        name = f"identified:{self.member.brand_id}:{self.member.public_id}"
        self.throttle(Limit(name, settings.OPEN_RATE_PER_SECOND, settings.OPEN_BURST))
        return self.member.brand_id

    @documents.identify_member
    def post(self, request: HttpRequest) -> HttpResponse:
        """Make a cookie for a member."""

        def effect() -> Answer:
            told, hold = read(request, IdentificationBody), self.keeps_answer(request)
            member = named_member(brand_id=self.brand_id, member_id=told.member_id, hold=hold)
            value, expires_at = issue_identification(member, at=timezone.now())
            body = msgspec.json.encode(IdentificationAnswer(COOKIE, value, instant_text(expires_at)))
            return Answer(HTTPStatus.OK, body, member.pk)

        answer = self.once(request, effect)
        response = to_response(answer)
        if answer.status == HTTPStatus.OK:
            _set_cookie(response, msgspec.json.decode(answer.body, type=IdentificationAnswer))
        return response

    @documents.get_identified
    def get(self, request: HttpRequest) -> HttpResponse:
        """Tell who the member is, what they have, and which segments they are in."""
        Parameters(request.GET, known=())
        token_id, member = programme_of(self.brand_id).token_id, self.member
        balances = {balance.token.pk: balance.points for balance in balances_of(member, at=timezone.now())}
        told = IdentifiedOut(
            member_id=member.auth_id or "",
            first_name=member.first_name,
            balance=balances.get(token_id, 0),
            segments=list(joined_segments(member)),
            expires_at=instant_text(self.expires_at),
        )
        response = to_response(Answer(HTTPStatus.OK, msgspec.json.encode(IdentifiedAnswer(told))))
        response["Cache-Control"] = "no-store"
        return response

    def challenge(self, refusal: LoyaltyError) -> str | None:
        """The cookie, where that was wrong."""
        if isinstance(refusal, IdentificationInvalid):
            return f'Cookie realm="loyalty", cookie-name="{COOKIE}"'
        return super().challenge(refusal)


def _set_cookie(response: HttpResponse, made: IdentificationAnswer) -> None:
    """Give the cookie along; a first answer that is repeated has less time left, or none."""
    left = (datetime.fromisoformat(made.expires_at) - timezone.now()).total_seconds()
    response.set_cookie(
        COOKIE, made.value, max_age=max(0, math.ceil(left)), path=PATH, secure=True, httponly=True, samesite="Lax"
    )

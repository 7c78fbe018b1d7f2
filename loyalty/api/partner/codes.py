"""Codes and campaigns of the Partner API."""

from http import HTTPStatus

import msgspec
from django.http import HttpRequest
from django.utils import timezone

from loyalty.api.idempotency import Answer
from loyalty.api.partner.base import PartnerView
from loyalty.api.partner.bodies import CodeBody, CodeIn, id_of, read
from loyalty.api.partner.documents import codes as documents
from loyalty.api.partner.guessing import GuardedView
from loyalty.api.partner.shapes.codes import campaigns_answer, code_answer, issued_code_answer
from loyalty.api.requests import Parameters, as_amount, under
from loyalty.errors import invalid_field
from rewards.selectors import campaigns_of, find_code
from rewards.services.codes import CodeOrder, issue_code
from users.models import Scope

ENGLISH = "en"


class CodesView(PartnerView):
    """POST /codes: a code is issued."""

    write_scope = Scope.CODES_WRITE

    @documents.create_code
    def post(self, request: HttpRequest) -> Answer:
        """Issue a code."""

        def effect() -> Answer:
            body = read(request, CodeBody).code
            with under("code"):
                order = CodeOrder(
                    brand_id=self.brand_id,
                    campaign_id=id_of(body.campaign_id),
                    value=_value(body),
                    length=body.length,
                    email=body.email,
                    language=body.language or ENGLISH,
                    reference_id=body.reference_id,
                    actor=self.actor,
                )
                code = issue_code(order=order, at=timezone.now())
            return Answer(HTTPStatus.CREATED, msgspec.json.encode(issued_code_answer(code)))

        return self.once(request, effect)


def _value(body: CodeIn) -> int | None:
    """What the code is to be worth, as a number. Raises InvalidRequest."""
    value = None if body.value is None else as_amount(body.value)
    if value is None and body.value is not None:
        raise invalid_field("value", "a whole number above 0, as a number or as digits")
    return value


class CodeView(GuardedView):
    """GET /codes/:code: one code."""

    read_scope = Scope.CODES_READ

    @documents.get_code
    def get(self, request: HttpRequest, code: str) -> Answer:
        """Read a code; one that does not exist counts as a guess."""
        tried = self.count_try()
        found = find_code(brand_id=self.brand_id, code=code)
        tried.give_back()
        return Answer(HTTPStatus.OK, msgspec.json.encode(code_answer(found, at=timezone.now())))


class CampaignsView(PartnerView):
    """GET /campaigns: the brand's campaigns."""

    read_scope = Scope.CODES_READ

    @documents.list_campaigns
    def get(self, request: HttpRequest) -> Answer:
        """List campaigns."""
        Parameters(request.GET, known=())
        answer = campaigns_answer(campaigns_of(self.brand_id), at=timezone.now())
        return Answer(HTTPStatus.OK, msgspec.json.encode(answer))

"""The exchange whitelist of the Partner API."""

from http import HTTPStatus

import msgspec
from django.http import HttpRequest

from exchange.selectors import partnerships_of
from loyalty.api.idempotency import Answer
from loyalty.api.partner.base import PartnerView
from loyalty.api.partner.documents import partnerships as documents
from loyalty.api.partner.shapes.partnerships import partnerships_answer
from loyalty.api.requests import Parameters
from users.models import Scope


class WhitelistView(PartnerView):
    """GET /token-exchange-whitelist: what the brand's points may become."""

    read_scope = Scope.TRANSACTIONS_READ

    @documents.list_partnerships
    def get(self, request: HttpRequest) -> Answer:
        """List the active one-way partnerships."""
        Parameters(request.GET, known=())
        return Answer(HTTPStatus.OK, msgspec.json.encode(partnerships_answer(partnerships_of(self.brand_id))))

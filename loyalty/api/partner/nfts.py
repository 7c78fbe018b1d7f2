"""Collectibles of the Partner API."""

from http import HTTPStatus

import msgspec
from django.http import HttpRequest
from django.utils import timezone

from loyalty.api.idempotency import Answer
from loyalty.api.paging import read_page
from loyalty.api.partner.base import PartnerView
from loyalty.api.partner.bodies import DecisionBody, PersonalisationBody, id_of, read
from loyalty.api.partner.documents import nfts as documents
from loyalty.api.partner.shapes.nfts import ItemAnswer, ItemsAnswer, item_out
from loyalty.api.requests import Parameters, under
from loyalty.errors import invalid_field
from rewards.models import Collectible, Personalisation
from rewards.selectors import CollectibleList
from rewards.services.collectibles import decide_personalisation, request_personalisation
from users.models import Scope


class NftsView(PartnerView):
    """GET and POST /nfts: items are listed; a personalisation is decided."""

    read_scope, write_scope = Scope.NFTS_READ, Scope.NFTS_WRITE

    @documents.list_nfts
    def get(self, request: HttpRequest) -> Answer:
        """List items, what changed last first."""
        query = Parameters(request.GET, known=("user_auth_id", "status", "limit", "offset"))
        status = query.text("status")
        if status is not None and status not in Personalisation.values:
            raise invalid_field("status", f"one of {', '.join(Personalisation.values)}")
        wanted = CollectibleList(brand_id=self.brand_id, auth_id=query.text("user_auth_id"), status=status)
        limit, offset = read_page(query)
        items = [item_out(item) for item in wanted.page(limit=limit, offset=offset)]
        return Answer(HTTPStatus.OK, msgspec.json.encode(ItemsAnswer(items)))

    @documents.decide
    def post(self, request: HttpRequest) -> Answer:
        """Approve or reject a personalisation."""

        def effect() -> Answer:
            decision = read(request, DecisionBody).userNFT
            item = decide_personalisation(
                brand_id=self.brand_id,
                item_id=id_of(decision.user_nft_id),
                approve=decision.status == "approved",
                reason=decision.reason or "",
                actor=self.actor,
                at=timezone.now(),
            )
            return _answer(item)

        return self.once(request, effect)


class PersonalisationView(PartnerView):
    """POST /nfts/:user_nft_id/personalisation: an owner asks for something."""

    write_scope = Scope.NFTS_WRITE

    @documents.request_personalisation
    def post(self, request: HttpRequest, item_id: int) -> Answer:
        """Store what the user asks for."""

        def effect() -> Answer:
            data = read(request, PersonalisationBody).personalisation.data
            with under("personalisation"):
                item = request_personalisation(brand_id=self.brand_id, item_id=item_id, data=data, at=timezone.now())
            return _answer(item)

        return self.once(request, effect)


def _answer(item: Collectible) -> Answer:
    return Answer(HTTPStatus.OK, msgspec.json.encode(ItemAnswer(item_out(item))), item.member_id)

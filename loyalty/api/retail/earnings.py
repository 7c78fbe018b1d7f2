"""Baskets of the Retail API: what they would earn, what they earn, and what is taken back of it."""

from http import HTTPStatus

from django.http import HttpRequest
from django.utils import timezone

from loyalty.api.errors import ScopeMissing
from loyalty.api.idempotency import Answer
from loyalty.api.refusals import Concern, KeepsRefusals, body_of, text_of
from loyalty.api.requests import canonical
from loyalty.api.retail.base import RetailView
from loyalty.api.retail.bodies.baskets import BasketIn, EarningIn, EarningReversalIn
from loyalty.api.retail.bodies.reading import read
from loyalty.api.retail.documents import baskets as documents
from loyalty.api.retail.members import named_member
from loyalty.api.retail.shapes.baskets import earning_json, evaluation_json, reversal_json
from loyalty.api.retail.statuses import IN_BODY
from rewards.models import Earning
from rewards.services.business_keys import Answered
from rewards.services.earning import EarnOrder, earn
from rewards.services.evaluating import evaluate_basket
from rewards.services.taking_back import TakeBackOrder, take_back
from users.models import RetailScope


class EvaluationView(RetailView):
    """POST /baskets/evaluation: what a member, or a guest, would collect now."""

    statuses = IN_BODY
    write_scope = RetailScope.EARNINGS_WRITE

    @documents.evaluate_basket
    def post(self, request: HttpRequest) -> Answer:
        """Evaluate a basket; nothing is posted or reserved."""

        def effect() -> Answer:
            body = read(request, BasketIn)
            if body.member_id is not None and self.keeps_answer(request):  # so that nobody is erased before it is kept
                named_member(brand_id=self.brand_id, member_id=body.member_id, hold=True)
            judged = evaluate_basket(order=body.order(self.brand_id), at=timezone.now())
            return Answer(HTTPStatus.OK, evaluation_json(judged, body.transaction_id), judged.member_id)

        return self.once(request, effect)


class EarningsView(RetailView, KeepsRefusals):
    """POST /earnings: a basket earns its points, once."""

    statuses = IN_BODY
    write_scope = RetailScope.EARNINGS_WRITE

    @documents.earn
    def post(self, request: HttpRequest) -> Answer:
        """Earn on a basket."""

        def effect() -> Answer:
            body = read(request, EarningIn)
            order = EarnOrder(
                basket=body.order(self.brand_id),
                transaction_id=body.transaction_id,
                content=canonical(request.body),
                actor=self.actor,
            )
            name = body.transaction_id
            return _answer(earn(order=order, at=timezone.now(), render=lambda earned: earning_json(earned, name)))

        return self.once(request, effect)

    def concern(self, request: HttpRequest) -> Concern | None:
        """Who was to earn."""
        asked = body_of(request)
        member_id = text_of(asked.get("member_id"))
        return Concern(member_id, "earn", text_of(asked.get("transaction_id"))) if member_id else None


class EarningReversalView(RetailView, KeepsRefusals):
    """POST /earnings/:transaction_id/reversal: an earning is taken back, whole or by lines."""

    write_scope = RetailScope.EARNINGS_WRITE

    @documents.reverse_earning
    def post(self, request: HttpRequest, transaction_id: str) -> Answer:
        """Take back what an earning gave for what came back."""

        def effect() -> Answer:
            body = read(request, EarningReversalIn)
            if body.force and RetailScope.EARNINGS_FORCE not in self.caller.scopes:
                raise ScopeMissing(RetailScope.EARNINGS_FORCE, of=self.credential)
            order = TakeBackOrder(
                brand_id=self.brand_id,
                transaction_id=transaction_id,
                reversal_id=body.reversal_id,
                content=canonical(request.body),
                actor=self.actor,
                lines=body.parts(),
                reason=body.reason or "",
                force=body.force,
            )
            names = {"reversal_id": body.reversal_id, "transaction_id": transaction_id}
            return _answer(take_back(order=order, at=timezone.now(), render=lambda taken: reversal_json(taken, **names)))

        return self.once(request, effect)

    def concern(self, request: HttpRequest) -> Concern | None:
        """Whose earning was to be taken back."""
        rows = Earning.objects.filter(brand_id=self.brand_id, transaction_id=self.kwargs["transaction_id"])
        member_id = rows.values_list("member", flat=True).first()
        if member_id is None:
            return None
        return Concern(member_id, "reversal", text_of(body_of(request).get("reversal_id")))


def _answer(answered: Answered) -> Answer:
    status = HTTPStatus.CREATED if answered.first else HTTPStatus.OK
    return Answer(status, answered.text.encode(), answered.member_id)

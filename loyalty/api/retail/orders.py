"""Vouchers of the Retail API, and the orders that follow them."""

from http import HTTPStatus

import msgspec
from django.http import HttpRequest
from django.utils import timezone

from loyalty.api.idempotency import Answer
from loyalty.api.refusals import Concern, KeepsRefusals, body_of, text_of
from loyalty.api.requests import as_id, canonical
from loyalty.api.retail.base import RetailView
from loyalty.api.retail.bodies.orders import OrderMoveIn, VoucherIn
from loyalty.api.retail.bodies.reading import read
from loyalty.api.retail.documents import orders as documents
from loyalty.api.retail.shapes.orders import OrderAnswer, order_out, voucher_json
from loyalty.api.retail.statuses import IN_BODY
from loyalty.api.views import WRITING
from rewards.models import GiftOrder
from rewards.rules.gift_orders import GiftOrderStatus
from rewards.selectors import find_gift_order
from rewards.services.gift_orders import move_gift_order
from rewards.services.vouchers import VoucherOrder, redeem_voucher
from users.models import RetailScope


class VouchersView(RetailView, KeepsRefusals):
    """POST /vouchers: points are redeemed into a gift, once."""

    statuses = IN_BODY
    write_scope = RetailScope.VOUCHERS_WRITE

    @documents.redeem_voucher
    def post(self, request: HttpRequest) -> Answer:
        """Redeem a member's points into a gift."""

        def effect() -> Answer:
            body = read(request, VoucherIn)
            order = VoucherOrder(
                brand_id=self.brand_id,
                auth_id=body.member_id,
                reward_type_id=as_id(body.gift_id),
                transaction_id=body.transaction_id,
                actor=self.actor,
                content=canonical(request.body),
                answer=voucher_json,
            )
            told = redeem_voucher(order=order, at=timezone.now())
            status = HTTPStatus.CREATED if told.first else HTTPStatus.OK
            return Answer(status, told.text.encode(), told.member_id)

        return self.once(request, effect)

    def concern(self, request: HttpRequest) -> Concern | None:
        """Who wanted the gift."""
        asked = body_of(request)
        member_id = text_of(asked.get("member_id"))
        return Concern(member_id, "voucher", text_of(asked.get("transaction_id"))) if member_id else None


class OrderView(RetailView, KeepsRefusals):
    """GET and PATCH /orders/:id: the order of a gift."""

    read_scope, write_scope = RetailScope.ORDERS_READ, RetailScope.ORDERS_WRITE

    @documents.get_order
    def get(self, request: HttpRequest, order_id: int) -> Answer:
        """Read an order."""
        return self._answer(order_id)

    @documents.move_order
    def patch(self, request: HttpRequest, order_id: int) -> Answer:
        """Move an order one step on."""
        body = read(request, OrderMoveIn)
        move_gift_order(
            brand_id=self.brand_id,
            order_id=order_id,
            to=GiftOrderStatus(body.status),
            actor=self.actor,
            reason=body.reason or "",
            at=timezone.now(),
        )
        return self._answer(order_id)

    def concern(self, request: HttpRequest) -> Concern | None:
        """Whose order was to be moved."""
        if request.method not in WRITING:
            return None
        rows = GiftOrder.objects.filter(brand_id=self.brand_id, pk=self.kwargs["order_id"])
        member_id = rows.values_list("reward__member", flat=True).first()
        return None if member_id is None else Concern(member_id, "move_order")

    def _answer(self, order_id: int) -> Answer:
        order = find_gift_order(brand_id=self.brand_id, order_id=order_id)
        return Answer(HTTPStatus.OK, msgspec.json.encode(OrderAnswer(order_out(order))))

"""Vouchers and orders."""

from drf_spectacular.utils import OpenApiParameter

from loyalty.api.retail.bodies.orders import OrderMoveIn, VoucherIn
from loyalty.api.retail.documents import bearer
from loyalty.api.retail.documents.parameters import ID
from loyalty.api.retail.examples import orders as examples
from loyalty.api.retail.shapes.orders import OrderAnswer, VoucherOut
from loyalty.api.schema import documented
from users.models import RetailScope

TAG = "Retail: vouchers and orders"
ORDER_ID = OpenApiParameter("order_id", ID, OpenApiParameter.PATH)
redeem_voucher = documented(
    operation="redeem_voucher",
    tag=TAG,
    description="Redeem a member's points into a gift. The price is burned, the gift handed out and its order made, or nothing"
    " of it. The same `transaction_id` and body again is answered as at first, with 200; it can be used for nothing else, for"
    " ever. Once the member is erased it is answered no more.",
    body=VoucherIn,
    body_examples={"a gift": examples.VOUCHER_BODY},
    answer=(201, VoucherOut),
    example=examples.VOUCHER,
    further={200: (VoucherOut, examples.VOUCHER)},
    refusals={
        400: [
            *("member_not_found", "gift_not_found", "gift_not_available", "out_of_stock", "reward_limit_reached"),
            *("insufficient_balance", "token_not_found"),
        ],
        409: ["transaction_id_reused"],
    },
    once=True,
    way_in=bearer(RetailScope.VOUCHERS_WRITE),
)
get_order = documented(
    operation="get_order",
    tag=TAG,
    description="Read the order of a gift, with every step it has gone.",
    parameters=[ORDER_ID],
    answer=(200, OrderAnswer),
    example=examples.ORDER,
    refusals={404: ["order_not_found", "not_found"]},
    way_in=bearer(RetailScope.ORDERS_READ),
)
move_order = documented(
    operation="move_order",
    tag=TAG,
    description="Move an order one step on: exchange, in_preparation, in_delivery, delivered, returned; from the first two also"
    " to cancellation. A cancellation and an accepted return give the points back at once. The code of a voucher is the"
    " member's from the first instant on; its order tells how far the shop's own handling of it is: `delivered` that it is"
    " done, `returned` that the shop has taken an unused code back. A code whose points came back cannot be used any more, and"
    " one that was used is neither cancelled nor returned; a gift that was sent may come back though it was used.",
    parameters=[ORDER_ID],
    body=OrderMoveIn,
    body_examples={"one step on": examples.MOVE_BODY, "a cancellation": examples.CANCEL_BODY},
    answer=(200, OrderAnswer),
    example=examples.ORDER,
    refusals={
        400: ["balance_limit"],
        404: ["order_not_found", "not_found"],
        409: ["move_not_allowed"],
    },
    way_in=bearer(RetailScope.ORDERS_WRITE),
)

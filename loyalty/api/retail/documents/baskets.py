"""Baskets: evaluated, earned on, taken back; and what promotions are about."""

from drf_spectacular.utils import OpenApiParameter

from loyalty.api.retail.bodies import baskets as bodies
from loyalty.api.retail.documents import bearer
from loyalty.api.retail.documents.parameters import CURSOR, LIMIT
from loyalty.api.retail.examples import baskets as examples
from loyalty.api.retail.shapes import baskets as shapes
from loyalty.api.retail.shapes import products
from loyalty.api.schema import documented
from users.models import RetailScope

TAG = "Retail: baskets"
WRITE = bearer(RetailScope.EARNINGS_WRITE)
TRANSACTION_ID = OpenApiParameter("transaction_id", str, OpenApiParameter.PATH, description="As it was earned with.")
BASKET_REFUSALS = ["member_not_found", "token_not_found", "unknown_currency"]
evaluate_basket = documented(
    operation="evaluate_basket",
    tag=TAG,
    description="Evaluate a basket: what a member, or a guest without member_id, would collect now. Nothing is posted.",
    body=bodies.BasketIn,
    body_examples={"a member's": examples.BASKET, "a guest's": examples.GUEST_BASKET},
    answer=(200, shapes.EarningOut),
    example=examples.EVALUATED,
    refusals={400: [*BASKET_REFUSALS, "balance_limit"], 409: ["programme_missing"]},
    once=True,
    way_in=WRITE,
)
earn = documented(
    operation="earn",
    tag=TAG,
    description="Earn on a basket. The same transaction_id and body again is answered as the first time, with 200 and no"
    " second gain. A basket that earns nothing uses up its transaction_id, too. A promotion gives all of its gain or nothing.",
    body=bodies.EarningIn,
    body_examples={"a basket": examples.BASKET},
    answer=(201, shapes.EarningOut),
    example=examples.EARNED,
    further={200: (shapes.EarningOut, examples.EARNED)},
    refusals={
        400: [*BASKET_REFUSALS, "balance_limit"],
        409: ["programme_missing", "transaction_id_reused"],
        410: ["answer_erased"],
    },
    once=True,
    way_in=WRITE,
)
reverse_earning = documented(
    operation="reverse_earning",
    tag=TAG,
    description="Take back what an earning gave for what came back: by lines, or all that is left. What the kept lines would"
    " have earned under the very rules that paid stays. Points that have lapsed meanwhile are not taken a second time."
    " Where the member has spent them, `force` (scope earnings:force) lets the account go below zero.",
    parameters=[TRANSACTION_ID],
    body=bodies.EarningReversalIn,
    body_examples={"a line": examples.RETURN, "all of it": examples.WHOLE_RETURN},
    answer=(201, shapes.EarningReversalOut),
    example=examples.TAKEN_BACK,
    further={200: (shapes.EarningReversalOut, examples.TAKEN_BACK)},
    refusals={
        404: ["earning_not_found"],
        409: ["already_reversed", "points_already_spent", "reversal_id_reused"],
        410: ["answer_erased"],
    },
    once=True,
    way_in=WRITE,
)
list_promotional_products = documented(
    operation="list_promotional_products",
    tag="Retail: segments",
    description="List what is promoted for a customer: products and categories with the gain that each brings. Both are null"
    " where the whole basket counts.",
    parameters=[
        OpenApiParameter("member_id", str, required=True, description="The brand's own id of a member."),
        LIMIT,
        CURSOR,
    ],
    answer=(200, products.PromotionalProductsAnswer),
    example=examples.PRODUCTS,
    refusals={400: ["invalid_request", "member_not_found"], 409: ["programme_missing"]},
    way_in=bearer(RetailScope.PROMOTIONS_READ),
)

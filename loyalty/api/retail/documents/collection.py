"""The Retail API as a Postman collection: a member is rewarded for baskets and events, and buys a gift."""

from loyalty.api.postman import Dialect, Step, bearer

MEMBER = {"member_id": "{{auth_id}}"}
# Forty espressos, so that the points suffice for a gift.
BASKET = MEMBER | {"transaction_id": "till-{{run}}", "lines.0.quantity": 40, "lines.0.amount": "168.00"}
GIFT = "answer.data.filter(one => one.points <= 300).sort((one, other) => other.points - one.points)[0].id"
SEGMENT = {"segment_id": "{{segment_id}}"}
TIE = SEGMENT | {"promotion_id": "{{promotion_id}}"}

RETAIL = Dialect(
    name="Retail API",
    prefix="/api/retail",
    base="loyalty_retail_api_base_url",
    description="For tills and web shops. Set `retail_client_id`, `retail_client_secret` and `auth_id`, and begin with Access.",
    variables={
        "retail_client_id": "The client's id, as the back office shows it.",
        "retail_client_secret": "Its secret, shown once.",
        "auth_id": "A member of the brand.",
    },
    ways_in={"oauth2": bearer("retail_token"), "identification": {"type": "noauth"}},
    folders={
        "Access": [
            Step(
                operation="get_token",
                put={"client_id": "{{retail_client_id}}", "client_secret": "{{retail_client_secret}}"},
                prepares=['pm.collectionVariables.set("run", pm.variables.replaceIn("{{$guid}}"));'],
                keeps={"retail_token": "answer.access_token"},
            )
        ],
        "Baskets and events": [
            Step(operation="evaluate_basket", put=BASKET),
            Step(operation="evaluate_basket", name="A guest's basket", example="AGuest's"),
            Step(operation="earn", put=BASKET),
            Step(
                operation="reverse_earning",
                path={"transaction_id": "till-{{run}}"},
                put={"reversal_id": "return-{{run}}"},
            ),
            Step(
                operation="report_event",
                put=MEMBER | {"event_id": "survey-{{run}}", "occurred_at": None},
            ),
        ],
        "Catalogue": [
            Step(operation="list_languages"),
            Step(operation="list_categories", query={"language": "de"}),
            Step(operation="list_gifts", query={"member_id": "{{auth_id}}"}, keeps={"gift_id": GIFT}),
            Step(operation="get_gift", path={"gift_id": "{{gift_id}}"}),
        ],
        "Vouchers and orders": [
            Step(
                operation="redeem_voucher",
                put=MEMBER | {"gift_id": "{{gift_id}}", "transaction_id": "Shop order {{run}}"},
                keeps={"order_id": "answer.order_id"},
            ),
            Step(operation="get_order", path={"order_id": "{{order_id}}"}),
            Step(operation="move_order", path={"order_id": "{{order_id}}"}),
            Step(operation="list_member_transactions", path=MEMBER, query={"limit": "10"}),
        ],
        "Segments and promotions": [
            Step(
                operation="create_segment",
                put={"name": "Guests of {{run}}"},
                keeps={"segment_id": "answer.data.id"},
            ),
            Step(operation="list_segments"),
            Step(operation="add_segment_members", path=SEGMENT, put={"member_ids": ["{{auth_id}}"]}),
            Step(operation="list_segment_members", path=SEGMENT),
            Step(
                operation="list_promotional_products",
                query={"member_id": "{{auth_id}}"},
                keeps={"promotion_id": "answer.data[0].promotion.id"},
            ),
            Step(operation="tie_promotion", path=TIE),
            Step(operation="untie_promotion", path=TIE),
            Step(operation="remove_segment_member", path=SEGMENT | MEMBER),
        ],
        "Single sign-on": [
            Step(
                operation="identify_member",
                put=MEMBER,
                keeps={"identification_cookie": "`${answer.cookie_name}=${answer.value}`"},
            ),
            Step(operation="get_identified", header={"Cookie": "{{identification_cookie}}"}),
        ],
    },
)

"""The walls of the Retail API: every route, with what is one's own, another brand's or nobody's, under every kind of token."""

import secrets
from typing import Any

import pytest

from loyalty.api.retail.urls import urlpatterns
from rewards.models import Action, Category, Fulfilment, GiftOrder, Promotion, PromotionSegment
from tests.api.conftest import assert_refused
from tests.api.programme import make_reward_type
from tests.api.retail.baskets import basket, line, make_programme
from tests.api.retail.conftest import make_segment, stranger
from tests.api.test_walls import Row, filled
from tests.clients import Partner, RetailClient
from tests.conftest import make_brand, make_member
from users.models import RetailScope

LINE = {"line": 1, "sku": "bread", "quantity": 1, "unit_price": "5.00", "amount": "5.00"}
BASKET = {"member_id": "{member_id}", "token_id": "{token_id}", "currency": "EUR", "lines": [LINE]}
MEMBERS, TIE = "segments/<id:segment_id>/members", "promotions/<id:promotion_id>/segments/<id:segment_id>"
ROWS = [
    Row("languages", "GET"),
    Row("categories", "GET"),
    Row("gifts", "GET", query="?member_id={member_id}&category={category}"),
    Row("gifts/<id:gift_id>", "GET", query="?member_id={member_id}"),
    Row("segments", "GET"),
    Row("segments", "POST", {"name": "Regulars"}),
    Row(MEMBERS, "GET"),
    Row(MEMBERS, "POST", {"member_ids": ["{member_id}"]}),
    Row(f"{MEMBERS}/<str:member_id>", "DELETE"),
    Row(TIE, "PUT"),
    Row(TIE, "DELETE"),
    Row("identification", "POST", {"member_id": "{member_id}"}),
    Row("members/<str:member_id>/transactions", "GET", query="?token_id={token_id}"),
    Row("promotions/products", "GET", query="?member_id={member_id}"),
    Row("baskets/evaluation", "POST", BASKET),
    Row("earnings", "POST", BASKET | {"transaction_id": "walls 1"}),
    Row("earnings/<str:transaction_id>/reversal", "POST", {"reversal_id": "walls 2"}),
    Row("vouchers", "POST", {"member_id": "{member_id}", "gift_id": "{gift_id}", "transaction_id": "walls 3"}),
    Row("orders/<id:order_id>", "GET"),
    Row("orders/<id:order_id>", "PATCH", {"status": "in_preparation"}),
    Row("events", "POST", {"member_id": "{member_id}", "event_code": "{tag}", "event_id": "walls 4"}),
]
OPEN = {("oauth/token", "POST"), ("identification", "GET")}  # who comes with a secret or a cookie has no token
IN_LISTS = {f"POST {MEMBERS}"}  # answered id by id
NOBODYS = dict.fromkeys(("gift_id", "segment_id", "promotion_id", "token_id", "order_id"), "999999999")
NOBODYS |= {"member_id": "nobody", "category": "nothing", "transaction_id": "nothing", "tag": "nothing"}


class Things:
    """A brand's member with points, an earning and an order, in a segment with a promotion; a gift and an action."""

    def __init__(self, brand):
        self.brand = brand
        self.member, self.token = make_member(brand), make_programme(brand)
        self.segment = make_segment(brand, f"Segment {secrets.token_hex(4)}", self.member)
        category = Category.objects.create(brand=brand, code=f"code-{secrets.token_hex(4)}", name="Mugs")
        gift = make_reward_type(brand, self.token, category=category, name=f"Gift {secrets.token_hex(4)}")
        promotion = Promotion.objects.create(brand=brand, name=secrets.token_hex(4), token=self.token, draft={})
        PromotionSegment.objects.create(brand=brand, promotion=promotion, segment=self.segment)
        action = Action.objects.create(brand=brand, tag=secrets.token_hex(4), name="A visit", token=self.token, points=5)
        partner = Partner.of(brand)
        partner.credit(self.member.auth_id, 1_000, self.token.pk)
        partner.buy(self.member.auth_id, make_reward_type(brand, self.token, fulfilment=Fulfilment.PHYSICAL))
        earned = basket(str(self.member.auth_id), line(1, "5.00"))
        assert RetailClient.of(brand).post("/earnings", earned).status_code == 201
        self.names = {
            "member_id": str(self.member.auth_id),
            "category": category.code,
            "gift_id": str(gift.pk),
            "segment_id": str(self.segment.pk),
            "promotion_id": str(promotion.pk),
            "token_id": str(self.token.pk),
            "transaction_id": earned["transaction_id"],
            "order_id": str(GiftOrder.objects.get(brand=brand).pk),
            "tag": action.tag,
        }

    def state(self) -> list:
        """All that the brand's own till can see, and whom its promotions serve."""
        till, members = RetailClient.of(self.brand), f"/segments/{self.segment.pk}/members"
        paths = ["/languages", "/categories", "/gifts", "/segments", members, f"/members/{self.member.auth_id}/transactions"]
        paths += [f"/orders/{self.names['order_id']}", f"/promotions/products?member_id={self.member.auth_id}"]
        ties = PromotionSegment.objects.filter(brand=self.brand).order_by("pk").values_list("promotion", "segment")
        return [*(till.get(path).json() for path in paths), list(ties)]


def ask(caller: RetailClient, row: Row, names: dict[str, str]):
    """Call a route of the table on somebody's things."""
    sent = filled_deeply(row.sent, names)
    return caller.call(row.method, filled(row.template, names), sent)


def filled_deeply(template: Any, names: dict[str, str]) -> Any:
    if isinstance(template, dict):
        return {key: filled_deeply(value, names) for key, value in template.items()}
    return [filled_deeply(one, names) for one in template] if isinstance(template, list) else filled(template, names)


def told(response, names: dict[str, str]) -> tuple[int, str]:
    """An answer without what is never the same twice, and without what was asked for."""
    text = response.content.decode().replace(response["X-Request-ID"], "")
    for name in names.values():
        text = text.replace(f'"{name}"', '"{}"')
    return response.status_code, text


@pytest.fixture
def own(db) -> Things:
    return Things(make_brand())


@pytest.fixture
def others(db) -> Things:
    return Things(make_brand())


def test_every_route_and_method_of_the_api_stands_in_the_table():
    routes = {
        (str(pattern.pattern), method.upper())
        for pattern in urlpatterns
        for method in ("get", "post", "put", "patch", "delete")
        if hasattr(pattern.callback.cls, method)
    }

    assert routes == {(row.route, row.method) for row in ROWS} | OPEN


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_with_every_scope_ones_own_is_served(own, row):
    assert 200 <= ask(RetailClient.of(own.brand), row, own.names).status_code < 300


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_is_another_brands_is_answered_as_what_does_not_exist(own, others, row):
    before = others.state()
    till = RetailClient.of(own.brand)

    theirs, nobodys = ask(till, row, others.names), ask(till, row, NOBODYS)

    if row.names:
        assert told(theirs, others.names) == told(nobodys, NOBODYS)
        assert 400 <= theirs.status_code < 500 or str(row) in IN_LISTS
    for secret in (others.member.email, others.member.public_id):
        assert secret not in theirs.content.decode()
    assert others.state() == before


@pytest.mark.parametrize(
    ("row", "name"), [(row, name) for row in ROWS if len(row.names) > 1 for name in sorted(row.names)], ids=str
)
def test_one_thing_of_another_brand_among_ones_own_is_one_that_does_not_exist(own, others, row, name):
    before = others.state()
    till = RetailClient.of(own.brand)

    mixed = [own.names | {name: names[name]} for names in (others.names, NOBODYS)]
    theirs, nobodys = (told(ask(till, row, names), names) for names in mixed)

    assert theirs == nobodys
    assert 400 <= theirs[0] < 500 or str(row) in IN_LISTS
    assert others.state() == before


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_token_without_the_scope_of_a_route_opens_nothing_of_it(own, row):
    served = [
        scope for scope in RetailScope.values if ask(RetailClient.of(own.brand, [scope]), row, own.names).status_code != 403
    ]

    assert len(served) == 1


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_without_a_token_nothing_is_served(own, row):
    before = own.state()

    assert_refused(ask(stranger(), row, own.names), 401, "missing_token")
    assert_refused(ask(stranger("x" * 30), row, own.names), 401, "invalid_token")
    assert own.state() == before

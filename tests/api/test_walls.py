"""The walls: every route, with what is one's own, another brand's or nobody's, under every kind of key."""

import re
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.utils import timezone

from loyalty.api.partner.urls import urlpatterns
from rewards.models import CampaignKind
from rewards.services.collectibles import request_personalisation
from tests.api.conftest import anonymous, assert_refused, revoked_key, stranger
from tests.api.programme import make_campaign, make_code, make_collectible, make_item, make_reward_type
from tests.clients import Partner
from tests.conftest import make_brand, make_key, make_member, make_token
from tests.exchange.world import NUMBER, make_partnership, make_provider
from users.models.keys import READ_SCOPES

USER = {"user": {"email": "a@example.org"}}
MEMBERSHIP = {"membership": {"brand_id": "etihad", "membership_number": "100200300400"}}
PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Row(NamedTuple):
    """A route and method, and what it is sent; {names} in query and body are filled in, as those in the route are."""

    route: str
    method: str
    sent: dict[str, Any] | None = None
    query: str = ""

    @property
    def template(self) -> str:
        return "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", self.route).replace("{target}", "etihad") + self.query

    @property
    def names(self) -> set[str]:
        """What it names of a brand's things."""
        return set(PLACEHOLDER.findall(f"{self.template} {self.sent}"))

    def __str__(self) -> str:
        kind = (self.sent or {}).get("transaction", {}).get("type", "")
        return f"{self.method} {self.route} {kind}".strip()


def order(type_: str, **fields: Any) -> Row:
    return Row("transactions", "POST", {"transaction": {"type": type_, "user_auth_id": "{auth_id}"} | fields})


AT = "users/<str:auth_id>/memberships/<str:target>"
ETIHAD = {"exchange_provider_implementation_name": "etihad", "membership_number_override": NUMBER}
REWARD, DECISION = "rewards/<str:reward>", {"userNFT": {"user_nft_id": "{item_id}", "status": "approved"}}
ROWS = [
    Row("users", "GET"),
    Row("users", "POST", USER),
    Row("users/<str:auth_id>", "GET"),
    Row("users/<str:auth_id>", "PUT", USER),
    Row("users/<str:auth_id>", "PATCH", USER),
    Row("users/<str:auth_id>", "DELETE"),
    Row("users/<str:auth_id>/balances", "GET"),
    Row("users/<str:auth_id>/memberships", "GET"),
    *(Row("users/<str:auth_id>/memberships", method, MEMBERSHIP) for method in ("POST", "PUT", "PATCH")),
    Row(AT, "GET"),
    Row(AT, "PUT", MEMBERSHIP),
    Row(AT, "PATCH", MEMBERSHIP),
    Row(AT, "DELETE"),
    Row("transactions", "GET", query="?user_auth_id={auth_id}&token_id={token_id}"),
    order("credit_points", amount=1, token_id="{token_id}"),
    order("debit_points", amount=1, token_id="{token_id}"),
    order("points_to_rewards", amount=100, token_id="{token_id}", reward_type_id="{reward_type_id}"),
    order("code_to_points", code="{code}"),
    order("code_to_nft", code="{nft_code}"),
    order("credit_nft", token_id="{collectible_id}"),
    order("points_to_external_rewards", amount=1, token_id="{token_id}", **ETIHAD),
    order("code_to_external_rewards", code="{miles_code}", **ETIHAD),
    order("exchange", amount=1, brandA_token_id="{token_id}", brandB_token_id="{miles_id}", brandB_membership_number=NUMBER),
    Row("token-exchange-whitelist", "GET"),
    Row("transactions/<id:transaction_id>", "GET"),
    Row("transactions/<id:transaction_id>/reversal", "POST", {"reversal": {"amount": 1}}),
    Row("campaigns", "GET"),
    Row("codes", "POST", {"code": {"campaign_id": "{campaign_id}", "value": 100}}),
    Row("codes/<str:code>", "GET"),
    Row("reward_types", "GET"),
    Row(REWARD, "GET"),
    Row(REWARD, "PUT", {}),
    Row(REWARD, "PATCH", {"used": True}),
    Row("nfts", "GET", query="?user_auth_id={auth_id}"),
    Row("nfts", "POST", DECISION),
    Row("nfts/<id:item_id>/personalisation", "POST", {"personalisation": {"data": {"engraving": "mine"}}}),
]
LISTS = ("GET transactions", "GET nfts")  # what a filter names and does not exist lists nothing
NOBODYS = dict.fromkeys(
    ("transaction_id", "item_id", "token_id", "collectible_id", "campaign_id", "reward_type_id", "miles_id"), "999999999"
)
NOBODYS |= {"auth_id": "nobody", "reward": "NOBODYSREWARD"}
NOBODYS |= {"code": "NOBODYSCODE1", "nft_code": "NOBODYSCODE2", "miles_code": "NOBODYSCODE3"}


class Things:
    """A brand's member with a membership, a credit, a reward and an item with a wish; campaigns with a code each."""

    def __init__(self, brand):
        self.brand = brand
        self.member, self.token, self.collectible = make_member(brand), make_token(brand), make_collectible(brand)
        caller = Partner.of(brand)
        caller.post(f"/users/{self.member.auth_id}/memberships", MEMBERSHIP)
        credit = caller.credit(self.member.auth_id, 1_000, self.token.pk).json()["data"]
        campaign, reward_type = make_campaign(brand, self.token), make_reward_type(brand, self.token)
        item = make_item(self.member, self.collectible)
        provider = make_provider(brand)
        make_partnership(provider, self.token)
        request_personalisation(brand_id=brand.pk, item_id=item.pk, data={"engraving": "Ann"}, at=timezone.now())
        self.names = {
            "auth_id": self.member.auth_id,
            "transaction_id": credit["id"],
            "token_id": str(self.token.pk),
            "collectible_id": str(self.collectible.pk),
            "campaign_id": str(campaign.pk),
            "code": make_code(campaign),
            "nft_code": make_code(make_campaign(brand, self.collectible), value=1),
            "miles_code": make_code(make_campaign(brand, self.token, kind=CampaignKind.EXTERNAL_REWARDS)),
            "miles_id": str(provider.token_id),
            "reward_type_id": str(reward_type.pk),
            "reward": caller.buy(self.member.auth_id, reward_type).json()["data"]["code"],
            "item_id": str(item.pk),
        }

    def state(self) -> list:
        """All that the brand's own system can see."""
        caller, user = Partner.of(self.brand), f"/users/{self.member.auth_id}"
        paths = [user, f"{user}/balances", f"{user}/memberships", f"/rewards/{self.names['reward']}"]
        paths += [f"/codes/{self.names['code']}", f"/codes/{self.names['nft_code']}"]
        paths += ["/transactions", "/users", "/campaigns", "/reward_types", "/nfts", "/token-exchange-whitelist"]
        return [caller.get(path).json() for path in paths]


def filled(template: Any, names: dict[str, str]) -> Any:
    if isinstance(template, dict):
        return {key: filled(value, names) for key, value in template.items()}
    return PLACEHOLDER.sub(lambda found: names[found[1]], template) if isinstance(template, str) else template


def ask(caller: Partner, row: Row, names: dict[str, str]):
    """Call a route of the table on somebody's things."""
    return caller.call(row.method, filled(row.template, names), filled(row.sent, names))


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

    assert routes == {(row.route, row.method) for row in ROWS}


def test_every_type_of_transaction_stands_in_the_table():
    from typing import get_args

    from loyalty.api.partner.bodies import Order

    types = {order.__struct_config__.tag for order in get_args(Order)}
    assert types == {row.sent["transaction"]["type"] for row in ROWS if row.route == "transactions" and row.sent}


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_with_a_full_key_ones_own_is_served(own, row):
    assert 200 <= ask(Partner.of(own.brand), row, own.names).status_code < 300


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_is_another_brands_is_answered_as_what_does_not_exist(own, others, row):
    before = others.state()

    for scopes in ({}, {"scopes": READ_SCOPES}, {"scopes": []}):
        caller = Partner.of(own.brand, **scopes)
        theirs, nobodys = ask(caller, row, others.names), ask(caller, row, NOBODYS)

        if row.names:
            assert anonymous(theirs) == anonymous(nobodys)
            assert scopes or str(row) in LISTS or 400 <= theirs.status_code < 500
        assert others.member.email not in theirs.content.decode()
    assert others.state() == before


@pytest.mark.parametrize(
    ("row", "name"), [(row, name) for row in ROWS if len(row.names) > 1 for name in sorted(row.names)], ids=str
)
def test_one_thing_of_another_brand_among_ones_own_is_answered_as_one_that_does_not_exist(own, others, row, name):
    caller = Partner.of(own.brand)
    before = (own.state(), others.state())

    theirs = ask(caller, row, own.names | {name: others.names[name]})
    nobodys = ask(caller, row, own.names | {name: NOBODYS[name]})

    assert anonymous(theirs) == anonymous(nobodys)
    assert theirs.status_code == (200 if str(row) in LISTS else 400)
    assert (own.state(), others.state()) == before


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_read_only_key_reads_and_changes_nothing(own, row):
    before = own.state()

    response = ask(Partner.of(own.brand, READ_SCOPES), row, own.names)

    if row.method == "GET":
        assert response.status_code == 200
        assert response.content == ask(Partner.of(own.brand), row, own.names).content
    else:
        assert_refused(response, 403, "scope_missing")
    assert own.state() == before


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_key_without_scopes_gets_nothing_and_learns_nothing(own, others, row):
    caller = Partner.of(own.brand, [])
    before = own.state()

    answers = [ask(caller, row, names) for names in (own.names, others.names, NOBODYS)]

    for response in answers:
        assert_refused(response, 403, "scope_missing")
    assert len({str(anonymous(response)) for response in answers}) == 1
    assert own.state() == before


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_without_a_valid_key_nobody_gets_or_learns_anything(own, others, row):
    keys = {
        "expired": make_key(own.brand, expires_at=timezone.now() - timedelta(days=1)),
        "revoked": revoked_key(own.brand),
        "missing": None,
    }
    before = own.state()

    for kind, key in keys.items():
        answers = [ask(stranger(key), row, names) for names in (own.names, others.names, NOBODYS)]
        for response in answers:
            assert_refused(response, 401, "missing_api_key" if kind == "missing" else "invalid_api_key")
        assert len({str(anonymous(response)) for response in answers}) == 1
    assert own.state() == before

"""The Retail API against its own OpenAPI document: whatever schemathesis makes up, the answers are those documented."""

import pytest
import schemathesis
from hypothesis import Phase, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection

from rewards.models import Category, Programme
from tests.api.contract import part
from tests.api.programme import make_reward_type
from tests.api.test_schemathesis import LONG, QUIET, SHORT, tolerant
from tests.clients import RETAIL_BASE, Partner, RetailClient
from tests.conftest import make_member, make_token
from tests.rewards.acting import make_action
from users.models import Brand
from users.services.oauth import create_oauth_client


class RetailWorld:
    """A committed brand with a programme, one member who has points, and what there is for them."""

    def __init__(self, brand: Brand):
        self.till = RetailClient.of(brand)
        self.known, self.secret = create_oauth_client(brand_id=brand.pk, name="Till 2", scopes=["catalogue:read"])
        self.member, self.token = make_member(brand), make_token(brand)
        Programme.objects.create(brand=brand, token=self.token)
        Category.objects.create(brand=brand, code="mugs", name="Mugs")
        gift = make_reward_type(brand, self.token)
        partner = Partner.of(brand)
        partner.credit(self.member.auth_id, 10_000, self.token.pk)
        partner.buy(self.member.auth_id, gift)
        made = self.till.post("/identification", {"member_id": self.member.auth_id})
        self.cookies = {"loyalty_identification": made.json()["value"]}
        self.gift, self.action = gift, make_action(self.token)
        bought = {"member_id": self.member.auth_id, "gift_id": gift.pk, "transaction_id": "first"}
        order_id = self.till.post("/vouchers", bought).json()["order_id"]
        self.names = {"member_id": self.member.auth_id, "gift_id": gift.pk, "order_id": order_id}

    def lead(self, case: schemathesis.Case) -> None:
        """Make a valid request, every other time, one about what exists."""
        varying = f"{case.body}{case.path_parameters}{case.query}"
        if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE or len(varying) % 2:
            return
        for name in set(case.path_parameters or {}) & set(self.names):
            case.path_parameters[name] = self.names[name]
        for name in set(case.query or {}) & {"member_id", "language", "category", "token_id"}:
            known = {"language": "de", "category": "mugs", "token_id": self.token.pk} | self.names
            case.query[name] = known[name]
        match case.body:
            case {"grant_type": _, **__}:
                case.body |= {"client_id": self.known.client_id, "client_secret": self.secret, "scope": "catalogue:read"}
            case {"member_id": _, **__}:
                known = {"member_id": self.member.auth_id, "gift_id": self.gift.pk, "event_code": self.action.tag}
                case.body |= {name: known[name] for name in set(case.body) & set(known)}


@pytest.fixture
def world(own_brand) -> RetailWorld:
    return RetailWorld(own_brand)


schema = tolerant(schemathesis.openapi.from_dict(part(RETAIL_BASE)))


def check(case: schemathesis.Case, world: RetailWorld) -> None:
    """Send the request as a client that may do everything, and hold the answer to the document.

    A cursor and the id of a member are any text, and what OAuth does not know it ignores: there, acceptance is no fault.
    """
    sent = {name for name, value in (case.query or {}).items() if value not in (None, [], {})}
    known = {parameter["name"] for parameter in case.operation.definition.raw.get("parameters", [])}
    harmless = (case.method in {"GET", "DELETE"} and sent <= known) or case.path.endswith("/oauth/token")
    excluded = [negative_data_rejection] if harmless else []
    headers = {} if case.path.endswith("/oauth/token") else {"Authorization": f"Bearer {world.till.token}"}
    case.call_and_validate(headers=headers, cookies=world.cookies, excluded_checks=excluded)


@schema.parametrize()
@settings(max_examples=SHORT, deadline=None, suppress_health_check=QUIET, derandomize=True)
def test_every_operation_answers_as_documented(case, world):
    world.lead(case)

    check(case, world)


@pytest.mark.long
@pytest.mark.timeout(3_600)
@schema.parametrize()
@settings(max_examples=LONG, deadline=None, suppress_health_check=QUIET, phases=[Phase.explicit, Phase.generate])
def test_every_operation_answers_as_documented_under_many_requests(case, world):
    world.lead(case)

    check(case, world)

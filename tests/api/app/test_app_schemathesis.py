"""The App API against its own OpenAPI document: whatever schemathesis makes up, the answers are those documented."""

import pytest
import schemathesis
from hypothesis import Phase, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection

from tests.api.contract import part
from tests.api.programme import make_reward_type
from tests.api.retail.baskets import make_programme
from tests.api.test_schemathesis import LONG, QUIET, SHORT, tolerant
from tests.clients import AppClient, Partner
from tests.rewards.acting import make_action
from users.models import App, Brand

LEAVING = {"log_out", "delete_user", "delete_users"}


class AppWorld:
    """A committed brand with an app, a user who has points, and what there is for them. Another one comes and leaves."""

    def __init__(self, brand: Brand):
        points = make_programme(brand)
        self.app = AppClient.of(brand)
        App.objects.filter(pk=self.app.app.pk).update(rate_per_second=100_000, burst=100_000)
        self.staying = self.app.connect("ann")
        Partner.of(brand).credit("ann", 100_000, points.pk)
        gift = make_reward_type(brand, points)
        action = make_action(points, tag="any")
        self.known = {
            "APMPartnerID": self.app.app.partner_id,
            "appId": self.app.app.app_id,
            "partnerSecret": self.app.partner_secret,
            "partnerClientId": "ann",
            "partnerClientIds": ["ann"],
            "users": ["ann"],
            "tagId": action.tag,
            "giftId": str(gift.pk),
        }

    def lead(self, case: schemathesis.Case) -> None:
        """Make a valid request, every other time, one about what exists."""
        varying = f"{case.body}{case.query}"
        if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE or len(varying) % 2:
            return
        known = self.known | ({"partnerClientIds": ["bob"]} if case.operation.definition.raw["operationId"] in LEAVING else {})
        for name in set(case.query or {}) & known.keys() - {"partnerClientIds", "users"}:
            case.query[name] = known[name]
        if isinstance(case.body, dict):
            case.body |= {name: known[name] for name in case.body.keys() & known.keys()}
            if "signature" in case.body:
                case.body |= self.app.signed("ann")

    def headers(self, case: schemathesis.Case) -> dict[str, str]:
        """The token that the operation asks for."""
        told = case.operation.definition.raw
        user = self.app.connect("bob") if told["operationId"] in LEAVING else self.staying
        tokens = {"partnerToken": self.app.token, "userToken": user.token}
        schemes = [scheme for needed in told["security"] for scheme in needed]
        return {"Authorization": f"Bearer {tokens[schemes[0]]}"} if schemes else {}


@pytest.fixture
def world(own_brand) -> AppWorld:
    return AppWorld(own_brand)


schema = tolerant(schemathesis.openapi.from_dict(part("/api/app")))


def check(case: schemathesis.Case, world: AppWorld) -> None:
    """Send the request, and hold the answer to the document. What is refused is told in the envelope, with HTTP's 200."""
    case.call_and_validate(headers=world.headers(case), excluded_checks=[negative_data_rejection])


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

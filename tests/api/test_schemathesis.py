"""The API against its own OpenAPI document: whatever schemathesis makes up, the answers are those that are documented."""

import secrets
from functools import cache
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from schemathesis.config import PositiveDataAcceptanceConfig
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection

from loyalty.handler import Handler
from rewards.services.collectibles import request_personalisation
from tests.api.contract import part
from tests.api.programme import make_campaign, make_code, make_collectible, make_item, make_reward_type
from tests.clients import BASE, Partner
from tests.conftest import make_member, make_token
from users.models import Brand

SHORT, LONG = 15, 1_000
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


class World:
    """A committed brand with one user, who has points, an item and a wish; and what there is to get for points and codes."""

    def __init__(self, brand: Brand):
        self.partner = Partner.of(brand)
        self.member, self.token, self.collectible = make_member(brand), make_token(brand), make_collectible(brand)
        self.campaign, self.nfts = make_campaign(brand, self.token), make_campaign(brand, self.collectible)
        self.reward_type = make_reward_type(brand, self.token)
        self.item = make_item(self.member, self.collectible)
        request_personalisation(brand_id=brand.pk, item_id=self.item.pk, data={"engraving": "Ann"}, at=timezone.now())
        self.names = {
            "auth_id": self.member.auth_id,
            "target": "etihad",
            "transaction_id": self.partner.credit(self.member.auth_id, 10_000, self.token.pk).json()["data"]["id"],
            "code": make_code(self.campaign),
            "reward": self.partner.buy(self.member.auth_id, self.reward_type).json()["data"]["code"],
            "item_id": self.item.pk,
        }

    def lead(self, case: schemathesis.Case) -> None:
        """Make a valid request, every other time, one about what exists."""
        varying = f"{case.body}{case.path_parameters}"
        if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE or len(varying) % 2:
            return
        for name in case.path_parameters or {}:
            case.path_parameters[name] = self.names[name]
        match case.body:
            case {"transaction": dict(order)}:
                order |= {"user_auth_id": self.member.auth_id} | self.terms_of(order["type"])
            case {"code": dict(order)}:
                order["campaign_id"] = self.campaign.pk
            case {"userNFT": dict(decision)}:
                decision["user_nft_id"] = self.item.pk

    def terms_of(self, type_: str) -> dict[str, Any]:
        """What makes a transaction of a type succeed."""
        match type_:
            case "points_to_rewards":
                terms = {"reward_type_id": self.reward_type.pk, "amount": self.reward_type.price}
                return terms | {"token_id": self.token.pk}
            case "code_to_points":
                return {"code": make_code(self.campaign)}
            case "code_to_nft":
                return {"code": make_code(self.nfts, value=1)}
            case "credit_nft":
                return {"token_id": self.collectible.pk}
            case _:
                return {"token_id": self.token.pk}


@pytest.fixture
def world(own_brand) -> World:
    return World(own_brand)


@cache
def handler() -> WSGIHandler:
    return Handler()


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """The whole application; each request comes from an address of its own, for keyless ones not to be held back."""
    environ["REMOTE_ADDR"] = ".".join(str(part) for part in (10, *secrets.token_bytes(3)))
    return handler()(environ, start_response)


def tolerant(loaded: schemathesis.BaseSchema) -> schemathesis.BaseSchema:
    """A schema that calls our application."""
    loaded.app = application
    # What a document cannot say is refused with a code of its own: unknown users, taken names, too small a balance.
    statuses = [*PositiveDataAcceptanceConfig().expected_statuses, "400", "410", "422"]
    loaded.config.checks.positive_data_acceptance.expected_statuses = statuses
    return loaded


schema = tolerant(schemathesis.openapi.from_dict(part(BASE)))


def check(case: schemathesis.Case, world: World) -> None:
    """Send the request with a valid key, and hold the answer to the document.

    What was made invalid may get lost on the way: the key is put right, and a parameter without a value is not sent.
    Where nothing but known parameters arrives and there is no body, acceptance is no fault.
    """
    sent = {name for name, value in (case.query or {}).items() if value not in (None, [], {})}
    known = {parameter["name"] for parameter in case.operation.definition.raw.get("parameters", [])}
    harmless = case.method in {"GET", "DELETE"} and sent <= known
    excluded = [negative_data_rejection] if harmless else []
    case.call_and_validate(headers={"X-API-KEY": world.partner.key}, excluded_checks=excluded)


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

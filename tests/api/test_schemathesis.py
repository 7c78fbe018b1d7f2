"""The API against its own OpenAPI document: whatever schemathesis makes up, the answers are those that are documented."""

import secrets
from functools import cache
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, settings
from schemathesis.config import PositiveDataAcceptanceConfig
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection

from tests.api.contract import document
from tests.clients import Partner
from tests.conftest import make_member, make_token
from users.models import Brand

SHORT, LONG = 15, 1_000
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


class World:
    """A committed brand with one user, one token and one credit, for requests to meet something."""

    def __init__(self, brand: Brand):
        self.partner = Partner.of(brand)
        self.member, self.token = make_member(brand), make_token(brand)
        self.credit = self.partner.credit(self.member.auth_id, 1_000, self.token.pk).json()["data"]["id"]

    def lead(self, case: schemathesis.Case) -> None:
        """Make a valid request, every other time, one about what exists."""
        if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE or len(str(case.body)) % 2:
            return
        known = {"auth_id": self.member.auth_id, "target": "etihad", "transaction_id": self.credit}
        for name in case.path_parameters or {}:
            case.path_parameters[name] = known[name]
        if case.path.endswith("/transactions") and case.method == "POST":
            case.body["transaction"] |= {"user_auth_id": self.member.auth_id, "token_id": self.token.pk}


@pytest.fixture
def world(own_brand) -> World:
    return World(own_brand)


@cache
def handler() -> WSGIHandler:
    return get_wsgi_application()


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """The whole application; each request comes from an address of its own, for keyless ones not to be held back."""
    environ["REMOTE_ADDR"] = ".".join(str(part) for part in (10, *secrets.token_bytes(3)))
    return handler()(environ, start_response)


def load() -> schemathesis.BaseSchema:
    loaded = schemathesis.openapi.from_dict(document())
    loaded.app = application
    # What a document cannot say is refused with a code of its own: unknown users, taken names, too small a balance.
    statuses = [*PositiveDataAcceptanceConfig().expected_statuses, "400", "410", "422"]
    loaded.config.checks.positive_data_acceptance.expected_statuses = statuses
    return loaded


schema = load()


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

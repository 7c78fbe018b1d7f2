"""Refusals of the Retail API: every code has its status, every code that an operation answers is documented."""

import json
from importlib import import_module
from pkgutil import walk_packages

import pytest

from loyalty.api.retail.statuses import IN_BODY, STATUSES
from loyalty.errors import all_codes
from tests.api.conftest import assert_refused
from tests.api.contract import _judge, codes_of, document, operations
from tests.api.retail.conftest import stranger
from tests.clients import RETAIL_BASE
from users.models import RetailScope

ROOMS = ("users", "ledger", "rewards", "exchange")
TOKEN, COOKIE = "get_token", "get_identified"
EVERYWHERE = {"rate_limited", "internal_error", "service_unavailable"}
OF_TOKENS = {"missing_token", "invalid_token", "scope_missing"}
ONCE = {"request_in_progress", "answer_erased", "idempotency_key_reused"}
# Where an operation names one thing in its path and another in its body or query, its view says so itself.
OTHERWISE = {("get_gift", "member_not_found"): 400, ("list_member_transactions", "token_not_found"): 400}
PLACES = {"member_id": "a", "gift_id": 1, "transaction_id": "a", "id": 1, "segment_id": 1, "promotion_id": 1, "order_id": 1}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]


@pytest.fixture(autouse=True, scope="module")
def every_refusal_is_defined() -> None:
    """A refusal is known once its module is read."""
    import_module("loyalty.urls")
    for room in ROOMS:
        for module in walk_packages(import_module(f"{room}.services").__path__, f"{room}.services."):
            import_module(module.name)


def retail() -> dict:
    return operations(RETAIL_BASE)


def problems_of(operation: dict) -> list[tuple[int, str]]:
    return [
        (int(status), code)
        for status, answer in operation["responses"].items()
        if "application/problem+json" in answer.get("content", {})
        for code in codes_of(operation, status)
    ]


def test_every_code_that_is_defined_stands_in_the_retail_table():
    assert all_codes() - set(STATUSES) == set()
    assert all_codes() - set(IN_BODY) == set()


def test_the_retail_table_holds_no_code_that_nobody_defines():
    assert set(STATUSES) - all_codes() == set()


def test_every_code_is_documented_under_a_status_that_the_tables_have_for_it():
    for operation in retail().values():
        for status, code in problems_of(operation):
            named = operation["operationId"], code
            assert (named, status) in {(named, OTHERWISE.get(named)), (named, STATUSES[code]), (named, IN_BODY[code])}


def test_every_operation_documents_what_any_operation_may_answer():
    for operation in retail().values():
        codes = {code for _, code in problems_of(operation)}
        expected = {TOKEN: set(), COOKIE: {"identification_invalid"}}.get(operation["operationId"], OF_TOKENS)
        assert EVERYWHERE | expected <= codes, operation["operationId"]


def test_every_post_documents_its_idempotency_key_and_its_refusals():
    for (method, _), operation in retail().items():
        names = {parameter["name"] for parameter in operation.get("parameters", [])}
        codes = {code for _, code in problems_of(operation)}
        posts = method == "POST" and operation["operationId"] != TOKEN
        assert ("Idempotency-Key" in names) is posts, operation["operationId"]
        assert codes & ONCE >= (ONCE if posts else set()), operation["operationId"]


def test_every_operation_has_a_description_and_an_example_of_its_body_and_its_answer():
    for operation in retail().values():
        assert operation["description"]
        contents = [operation["requestBody"]] if "requestBody" in operation else []
        contents += [answer for status, answer in operation["responses"].items() if status in {"200", "201"}]
        for content in contents:
            assert all(kind["examples"] for kind in content["content"].values()), operation["operationId"]


def test_the_examples_of_the_document_obey_its_own_shapes():
    for operation in retail().values():
        for part in [operation.get("requestBody", {}), *operation["responses"].values()]:
            content = part.get("content", {}).get("application/json", {})
            for example in content.get("examples", {}).values():
                _judge(json.dumps(content["schema"])).validate(example["value"])


def test_the_document_names_the_ways_in():
    schemes = document()["components"]["securitySchemes"]
    flow = schemes["oauth2"]["flows"]["clientCredentials"]

    assert flow["tokenUrl"] == "/api/retail/oauth/token"
    assert set(flow["scopes"]) == set(RetailScope.values)
    for operation in retail().values():
        match operation["operationId"], operation["security"]:
            case ("get_token", security):
                assert security == []
            case ("get_identified", security):
                assert security == [{"identification": []}]
            case (name, [{"oauth2": [scope]}]):
                assert scope in RetailScope.values, name
            case other:
                raise AssertionError(other)


def test_one_document_tells_all_dialects():
    assert {path.split("/")[2] for path in document()["paths"]} == {"admin", "retail", "app"}


def test_no_shape_of_one_dialect_is_taken_for_one_of_another():
    """Two structures of one name would be told apart by the names of their modules."""
    assert [name for name in document()["components"]["schemas"] if "." in name] == []


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/gifts/1/2", "/gifts/x", "/Gifts", "//gifts", "/oauth", "/members/a"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_an_unknown_path_is_a_problem(till, method, path):
    response = stranger(till.token).call(method, path, {} if method in {"POST", "PUT", "PATCH"} else None)

    assert_refused(response, 404, "not_found")


@pytest.mark.parametrize("path", sorted({path for _, path in operations(RETAIL_BASE)}))
@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_a_path_does_not_take_is_a_problem_that_tells_which_it_takes(till, method, path):
    taken = {known for known, at in retail() if at == path}
    if method in taken or (method == "HEAD" and "GET" in taken):
        return
    concrete = path.removeprefix(RETAIL_BASE).format(**PLACES)

    headers = {"Authorization": f"Bearer {till.token}"}
    response = stranger().client.generic(method, f"{RETAIL_BASE}{concrete}", headers=headers)

    assert response.status_code == 405
    assert taken <= set(response["Allow"].split(", ")) <= taken | {"HEAD"}
    if method != "HEAD":
        assert_refused(response, 405, "method_not_allowed")


@pytest.mark.parametrize("path", ["/languages", "/languages/", "/categories/", "/gifts/"])
def test_a_trailing_slash_is_optional(till, path):
    assert till.get(path).status_code == 200


def test_a_request_id_is_taken_over(till):
    response = till.get("/languages", **{"X-Request-ID": "mine"})

    assert response["X-Request-ID"] == "mine"


WRITING = [(method, path) for (method, path), operation in retail().items() if "requestBody" in operation]
PLAIN = [(method, path) for method, path in WRITING if not path.endswith(("/oauth/token", "/members"))]


@pytest.mark.parametrize(("method", "path"), PLAIN)
def test_too_large_a_body_is_refused(till, method, path):
    answer = till.call(method, path.removeprefix(RETAIL_BASE).format(**PLACES), raw=b" " * 262_145)

    assert_refused(answer, 413, "body_too_large")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
@pytest.mark.parametrize(("method", "path"), PLAIN)
def test_a_body_that_is_not_json_is_refused(till, method, path, kind):
    answer = till.call(method, path.removeprefix(RETAIL_BASE).format(**PLACES), {}, content_type=kind)

    assert_refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("raw", [b"{", b"[]", b'"x"', b"\xff", b"null"])
@pytest.mark.parametrize(("method", "path"), PLAIN)
def test_a_malformed_body_is_refused(till, method, path, raw):
    answer = till.call(method, path.removeprefix(RETAIL_BASE).format(**PLACES), raw=raw)

    assert_refused(answer, 400, "invalid_request")

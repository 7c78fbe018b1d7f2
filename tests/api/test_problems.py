"""Refusals: every code has its status, every code an operation answers is documented, every path answers a problem."""

from importlib import import_module
from pkgutil import walk_packages

import pytest

from loyalty.api.partner.statuses import IN_BODY, STATUSES
from loyalty.errors import all_codes
from tests.api.conftest import assert_refused, stranger
from tests.api.contract import codes_of, document, operations
from tests.clients import Partner

ROOMS = ("users", "ledger", "rewards", "exchange")
# Told where no operation stands, by the root of all refusals, or by what only commands and staff do so far.
OF_NO_OPERATION = {
    *("method_not_allowed", "refused"),
    *("already_asked", "approval_decided", "approval_not_found", "not_asker", "not_second_person", "own_approval"),
    *("form_already_sent", "lot_not_extendable", "personalisation_changed"),
    *("difference_not_found", "exchange_move_not_allowed", "exchange_order_not_found", "partnership_not_found"),
    "provider_not_found",
    *("api_key_not_found", "credential_inactive", "credential_made", "oauth_client_not_found", "secret_replaced"),
    *("already_merged", "email_not_found", "email_not_sendable", "merge_refused"),
    *("not_own_account", "rights_exceeded", "second_factor_refused", "staff_not_found", "username_taken"),
    *("bad_lines", "code_batch_not_found", "code_batch_unfinished", "move_not_allowed", "pool_draft_not_found"),
    *("webhook_endpoint_inactive", "webhook_endpoint_not_found", "webhook_under_way"),
    # Of the Retail API alone.
    *("already_reversed", "category_not_found", "earning_not_found", "gift_not_available", "gift_not_found"),
    *("identification_invalid", "invalid_token", "member_not_found", "missing_token", "points_already_spent"),
    *("programme_missing", "promotion_not_found", "reversal_id_reused", "transaction_id_reused", "unknown_currency"),
    "unknown_language",
    *("app_not_found", "inbox_item_settled", "consent_refused", "credentials_wrong"),
    *("segment_by_rule", "segment_count_too_slow", "segment_draft_not_found", "segment_name_taken", "segment_not_found"),
    "cursor_expired",
    "feed_busy",
    *("action_already_done", "conditions_not_met", "event_id_reused", "limit_reached", "order_not_found", "unknown_event"),
}
MAY_BE_EMPTY = {"use_reward", "use_reward_too"}
PLACES = {"auth_id": "a", "target": "etihad", "transaction_id": 1, "code": "c", "reward": "r", "item_id": 1}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]


@pytest.fixture(autouse=True, scope="module")
def every_refusal_is_defined() -> None:
    """A refusal is known once its module is read."""
    import_module("loyalty.api.retail.urls")
    for room in ROOMS:
        for module in walk_packages(import_module(f"{room}.services").__path__, f"{room}.services."):
            import_module(module.name)


def documented() -> list[tuple[str, int, str]]:
    """Every operation's refusals: its name, the status, the code."""
    return [
        (operation["operationId"], int(status), code)
        for operation in operations().values()
        for status in operation["responses"]
        if int(status) >= 400
        for code in codes_of(operation, status)
    ]


def test_every_code_that_is_defined_stands_in_the_partner_table():
    assert all_codes() - set(STATUSES) == set()


def test_the_partner_table_holds_no_code_that_nobody_defines():
    assert set(STATUSES) - all_codes() == set()


def test_every_code_is_documented_under_the_status_it_is_answered_with():
    for operation, status, code in documented():
        table = IN_BODY if operation in {"create_transaction", "list_transactions"} else STATUSES
        assert (operation, code, status) == (operation, code, table[code])


def test_every_code_of_the_table_is_documented_at_some_operation():
    assert set(STATUSES) - {code for _, _, code in documented()} == OF_NO_OPERATION


def test_every_operation_documents_what_any_operation_may_answer():
    everywhere = {
        "missing_api_key",
        "invalid_api_key",
        "scope_missing",
        "rate_limited",
        "internal_error",
        "service_unavailable",
    }

    for operation in operations().values():
        codes = {code for status in operation["responses"] if int(status) >= 400 for code in codes_of(operation, status)}
        assert everywhere <= codes, operation["operationId"]


def test_every_post_documents_its_idempotency_key_and_its_refusals():
    for (method, _), operation in operations().items():
        names = {parameter["name"] for parameter in operation["parameters"]} if "parameters" in operation else set()
        codes = {code for name, _, code in documented() if name == operation["operationId"]}
        expected = {"request_in_progress", "answer_erased", "idempotency_key_reused"}
        assert ("Idempotency-Key" in names) is (method == "POST")
        assert codes & expected == (expected if method == "POST" else set())


def test_every_operation_has_a_description_and_an_example_of_its_body_and_its_answer():
    for operation in operations().values():
        assert operation["description"]
        contents = [operation["requestBody"]] if "requestBody" in operation else []
        contents += [answer for status, answer in operation["responses"].items() if status in {"200", "201", "202"}]
        for content in contents:
            assert content["content"]["application/json"]["examples"], operation["operationId"]


def test_every_body_is_needed_but_that_of_using_a_reward():
    bodies = {
        operation["operationId"]: operation["requestBody"] for operation in operations().values() if "requestBody" in operation
    }

    assert {name for name, body in bodies.items() if body["required"] is not True} == MAY_BE_EMPTY


def test_the_examples_of_the_document_obey_its_own_shapes():
    import json

    from tests.api.contract import _judge

    for operation in operations().values():
        for part in [operation.get("requestBody", {}), *operation["responses"].values()]:
            content = part.get("content", {}).get("application/json", {})
            for example in content.get("examples", {}).values():
                _judge(json.dumps(content["schema"])).validate(example["value"])


def test_the_document_names_the_key_as_the_way_in():
    way_in = {"type": "apiKey", "in": "header", "name": "X-API-KEY"}
    assert document()["components"]["securitySchemes"]["apiKey"] == way_in
    assert all(operation["security"] == [{"apiKey": []}] for operation in operations().values())


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/nothing", "/users/a/b/c/d", "/transactions/1/undo", "/transactions/abc", "/Users", "//users"),
        *("/campaigns/1", "/codes/a/b", "/reward_types/1", "/rewards", "/rewards/a/b", "/nfts/1", "/nfts/abc/personalisation"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_an_unknown_path_is_a_problem(partner, method, path):
    response = stranger(partner.key).call(method, path, {} if method in {"POST", "PUT", "PATCH"} else None)

    assert_refused(response, 404, "not_found")


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/nothing"])
def test_an_unknown_path_outside_of_the_api_is_a_problem_too(partner, path):
    response = partner.client.get(path)

    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("path", sorted({path for _, path in operations()}))
@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_a_path_does_not_take_is_a_problem_that_tells_which_it_takes(partner, method, path):
    taken = {known for known, at in operations() if at == path}
    if method in taken or (method == "HEAD" and "GET" in taken):
        return
    concrete = path.removeprefix("/api/admin").format(**PLACES)

    response = partner.client.generic(method, f"/api/admin{concrete}", headers={"X-API-KEY": partner.key})

    assert response.status_code == 405
    assert taken <= set(response["Allow"].split(", ")) <= taken | {"HEAD"}
    if method != "HEAD":
        assert_refused(response, 405, "method_not_allowed")


def test_a_method_is_refused_to_strangers_as_any_request(db):
    assert_refused(stranger(None).call("DELETE", "/users"), 401, "missing_api_key")


def test_a_query_of_thousands_of_parameters_is_refused(partner):
    query = "&".join(["limit=1"] * 2_000)

    assert_refused(partner.get(f"/users?{query}"), 400, "invalid_request")


def test_a_problem_tells_people_and_programs_apart(partner):
    response = partner.post("/users", {"user": {"email": "a@example.org", "shoe": 1}}, **{"X-Request-ID": "mine"})

    assert response.json() == {
        "type": "urn:loyalty:problem:invalid_request",
        "title": "Bad Request",
        "status": 400,
        "detail": "user.shoe: this field is unknown",
        "code": "invalid_request",
        "errors": [{"field": "user.shoe", "code": "unknown_field", "detail": "this field is unknown"}],
        "request_id": "mine",
    }


@pytest.mark.parametrize(
    ("path", "holder", "known", "unknown"),
    [
        ("/users", "user", {"email": "a@example.org"}, ["amount", "reference_id", "type"]),
        ("/users/nobody/memberships", "membership", {"membership_number": "1"}, ["amount", "reference_id", "type"]),
        ("/codes", "code", {"campaign_id": 1}, ["amount", "type"]),
        ("/transactions", "transaction", {"type": "credit_nft", "user_auth_id": "a", "token_id": 1}, ["amount"]),
        ("/nfts", "userNFT", {"user_nft_id": 1, "status": "approved"}, ["amount", "reference_id", "type"]),
        ("/nfts/1/personalisation", "personalisation", {"data": {}}, ["amount", "reference_id", "type"]),
    ],
)
def test_an_unknown_field_is_told_so_whatever_its_name(partner, path, holder, known, unknown):
    for name in unknown:
        response = partner.post(path, {holder: known | {name: 1}})

        assert_refused(response, 400, "invalid_request", f"{holder}.{name}")
        assert response.json()["errors"][0]["code"] == "unknown_field"


@pytest.mark.parametrize("name", ["amount", "reference_id"])
def test_a_bad_value_within_what_is_the_partner_s_own_is_no_bad_amount_or_reference(partner, name):
    response = partner.post("/users", {"user": {"email": "a@example.org", "metadata": {name: "\x00"}}})

    assert_refused(response, 400, "invalid_request", f"user.metadata.{name}")


def test_a_key_in_a_refusal_is_never_told(brand):
    caller = Partner.of(brand, [])

    assert caller.key.split("_")[3] not in caller.get("/users").content.decode()

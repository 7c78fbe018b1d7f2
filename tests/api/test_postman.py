"""Postman collections: every operation of a dialect, in an order in which the variables of each request are known."""

import json
import re

import pytest
from django.test import Client

from loyalty.api.documents import document
from loyalty.urls import COLLECTIONS

NAMED_BY_SEEDS = {"qiibee_loyalty_api_base_url", "qiibee_loyalty_api_key", "auth_id", "token_id", "campaign_id"}


@pytest.fixture(params=COLLECTIONS)
def name(request):
    return request.param


@pytest.fixture
def told(db, name):
    answer = Client(REMOTE_ADDR="192.0.2.77").get(f"/api/docs/{name}.postman_collection.json", headers={"Host": "testserver"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    return answer.json()


def requests_of(told):
    return [item for folder in told["item"] for item in folder["item"]]


def scripts(item, when):
    return "\n".join(line for event in item["event"] if event["listen"] == when for line in event["script"]["exec"])


def test_a_collection_has_every_operation_of_its_dialect(name):
    dialect = COLLECTIONS[name]

    stepped = {step.operation for steps in dialect.folders.values() for step in steps}

    paths = {path: item for path, item in document()["paths"].items() if path.startswith(f"{dialect.prefix}/")}
    assert stepped == {told["operationId"] for item in paths.values() for told in item.values()}


def test_every_variable_of_a_request_is_known_when_it_is_sent(told):
    known = {variable["key"] for variable in told["variable"]}
    unknown = []

    for item in requests_of(told):
        known |= set(re.findall(r'pm\.collectionVariables\.set\("(\w+)"', scripts(item, "prerequest")))
        asked = set(re.findall(r"\{\{([$\w]+)\}\}", json.dumps(item["request"])))
        unknown += [(item["name"], variable) for variable in asked - known if not variable.startswith("$")]
        known |= set(re.findall(r'pm\.collectionVariables\.set\("(\w+)"', scripts(item, "test")))

    assert unknown == []


def test_bodies_are_json_and_answers_are_judged(told):
    for item in requests_of(told):
        if "body" in item["request"]:
            json.loads(item["request"]["body"]["raw"])
        assert "is answered with 2" in scripts(item, "test")
        assert "is no refusal" in scripts(item, "test")


def test_the_collection_is_for_the_house_that_was_asked(told, name):
    dialect = COLLECTIONS[name]

    values = {variable["key"]: variable["value"] for variable in told["variable"]}

    assert values.pop(dialect.base) == f"http://testserver{dialect.prefix}"
    assert set(values.values()) == {""}


def test_the_partner_api_has_the_variables_that_its_users_know():
    dialect = COLLECTIONS["partner"]

    assert {dialect.base, *dialect.variables} == NAMED_BY_SEEDS


def test_a_way_in_is_the_document_s(told, name):
    schemes = {"partner": {"apikey"}, "retail": {"bearer", "noauth"}, "app": {"bearer", "noauth"}}

    assert {item["request"]["auth"]["type"] for item in requests_of(told)} == schemes[name]


def test_the_collections_are_open_within_the_limit_of_an_address(db):
    client = Client(REMOTE_ADDR="192.0.2.78")

    answers = [client.get("/api/docs/app.postman_collection.json") for _ in range(2)]

    assert [answer["RateLimit-Limit"] for answer in answers] == ["50", "50"]
    assert int(answers[1]["RateLimit-Remaining"]) < 50


def test_another_name_is_no_collection(db):
    answer = Client(REMOTE_ADDR="192.0.2.79").get("/api/docs/other.postman_collection.json")

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"

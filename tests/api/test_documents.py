"""The documents are open, within the limit of an address."""

import pytest
from django.test import Client


@pytest.mark.parametrize("path", ["/api/schema/", "/api/schema/?format=json", "/api/docs/"])
def test_the_documents_are_open_and_tell_the_limit(db, path):
    answer = Client(REMOTE_ADDR="192.0.2.71").get(path)

    assert answer.status_code == 200
    assert answer["RateLimit-Limit"] == "50"


@pytest.mark.parametrize(("path", "address"), [("/api/schema/?format=json", "192.0.2.72"), ("/api/docs/", "192.0.2.73")])
def test_one_address_cannot_wear_the_documents_out(db, path, address):
    client = Client(REMOTE_ADDR=address)

    answers = [client.get(path) for _ in range(120)]

    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].json()["code"] == "rate_limited"
    assert int(refused[0]["Retry-After"]) >= 1

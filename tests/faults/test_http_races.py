"""Many at once over HTTP: money is never spent twice, a key acts once."""

import threading
from collections import Counter

import httpx
import pytest

from tests.faults.server import Caller, Platform, at_once

CLIENTS, DEBITS, FUNDS, AMOUNT = 64, 15, 6_400, 10
IN_PARALLEL = 32
TRIES = 100


def code_of(answer: httpx.Response) -> str:
    return answer.json().get("code", "")


def until_settled(send) -> httpx.Response:
    """Send again while another request with the key still runs."""
    for _ in range(TRIES):
        answer = send()
        if answer.status_code != 409:
            return answer
        assert code_of(answer) == "request_in_progress", answer.text
        assert answer.headers["Retry-After"] == "1"
        threading.Event().wait(0.02)
    raise AssertionError("still running")


def test_exactly_what_the_wallet_holds_is_spent_by_64_clients(platform: Platform, caller: Caller) -> None:
    auth_id = caller.add_user()
    caller.credit(auth_id, FUNDS)

    def spend(_: int) -> list[httpx.Response]:
        with platform.client(timeout=60) as client:
            return [client.debit(auth_id, AMOUNT) for _ in range(DEBITS)]

    answers = [answer for each in at_once(spend, range(CLIENTS)) for answer in each]

    accepted = FUNDS // AMOUNT
    outcomes = Counter((answer.status_code, code_of(answer)) for answer in answers)
    assert outcomes == {(202, ""): accepted, (400, "insufficient_balance"): CLIENTS * DEBITS - accepted}
    assert caller.balance(auth_id) == 0
    platform.prove()


def race_one_key(platform: Platform, caller: Caller, *, round_: int) -> None:
    auth_id = caller.add_user()
    key = f"{auth_id} {round_}"

    def send(_: int) -> httpx.Response:
        with platform.client() as client:
            return until_settled(lambda: client.credit(auth_id, 7, key=key))

    answers = at_once(send, range(IN_PARALLEL))

    assert {answer.status_code for answer in answers} == {202}, Counter(answer.text for answer in answers)
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert caller.balance(auth_id) == 7
    assert len(caller.transaction_ids(auth_id)) == 1


def test_one_key_32_times_at_once_acts_once_and_answers_the_same(platform: Platform, caller: Caller) -> None:
    for round_ in range(5):
        race_one_key(platform, caller, round_=round_)


@pytest.mark.long
def test_one_key_32_times_at_once_acts_once_in_200_rounds(platform: Platform, caller: Caller) -> None:
    for round_ in range(200):
        race_one_key(platform, caller, round_=round_)
    platform.prove()


def test_mixed_bodies_under_one_key_act_once_and_the_others_are_refused(platform: Platform, caller: Caller) -> None:
    auth_id = caller.add_user()
    amounts = [11, 22, 33, 44] * 8

    def send(amount: int) -> tuple[int, httpx.Response]:
        with platform.client() as client:
            return amount, until_settled(lambda: client.credit(auth_id, amount, key=f"mixed {auth_id}"))

    answers = at_once(send, amounts)

    won = caller.balance(auth_id)
    assert won in amounts
    for amount, answer in answers:
        expected = (202, "") if amount == won else (422, "idempotency_key_reused")
        assert (answer.status_code, code_of(answer)) == expected, answer.text
    assert len(caller.transaction_ids(auth_id)) == 1


def test_a_refusal_under_one_key_is_the_same_for_all_who_sent_it_at_once(platform: Platform, caller: Caller) -> None:
    auth_id = caller.add_user()

    def send(_: int) -> httpx.Response:
        with platform.client() as client:
            return until_settled(lambda: client.debit(auth_id, 5, key=f"refused {auth_id}"))

    answers = at_once(send, range(IN_PARALLEL))

    assert {(answer.status_code, code_of(answer)) for answer in answers} == {(400, "insufficient_balance")}
    assert len({answer.content for answer in answers}) == 1
    caller.credit(auth_id, 5)
    assert code_of(caller.debit(auth_id, 5, key=f"refused {auth_id}")) == "insufficient_balance"


def test_one_reference_32_times_at_once_acts_once_and_names_the_first(platform: Platform, caller: Caller) -> None:
    auth_id = caller.add_user()

    def send(_: int) -> httpx.Response:
        with platform.client() as client:
            return client.credit(auth_id, 3, reference_id=f"order of {auth_id}")

    answers = at_once(send, range(IN_PARALLEL))

    (first,) = [answer.json()["data"]["id"] for answer in answers if answer.status_code == 202]
    refused = [answer.json() for answer in answers if answer.status_code != 202]
    assert {(answer["status"], answer["code"]) for answer in refused} == {(409, "reference_already_used")}
    assert all(f"transaction {first}" in answer["detail"] for answer in refused)
    assert caller.balance(auth_id) == 3

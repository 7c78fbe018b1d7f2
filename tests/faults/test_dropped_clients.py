"""A client that hangs up before its answer, and asks again by key, is served once."""

import json
import random
import socket
import time

import pytest

from tests.faults.server import Caller, Platform, at_once

SEED = 20_261_122


def send_and_hang_up(platform: Platform, caller: Caller, auth_id: str, key: str, *, wait_seconds: float) -> None:
    """Send a whole request, and close the connection without reading the answer."""
    order = {"type": "credit_points", "user_auth_id": auth_id, "amount": 3, "token_id": caller.token_id}
    body = json.dumps({"transaction": order}).encode()
    head = (
        "POST /api/admin/transactions HTTP/1.1\r\nHost: loyalty\r\nContent-Type: application/json\r\n"
        f"X-API-KEY: {caller.headers['X-API-KEY']}\r\nIdempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", platform.port), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        time.sleep(wait_seconds)


def drop_and_retry(platform: Platform, caller: Caller, *, times: int) -> None:
    auth_ids = [caller.add_user() for _ in range(4)]
    chance = random.Random(SEED)
    orders = [(chance.choice(auth_ids), f"drop {number} {auth_ids[0]}", chance.uniform(0, 0.02)) for number in range(times)]

    def drop_then_ask(share: int) -> list[int]:
        statuses = []
        with platform.client() as client:
            for auth_id, key, wait_seconds in orders[share::8]:
                send_and_hang_up(platform, client, auth_id, key, wait_seconds=wait_seconds)
                while (answer := client.credit(auth_id, 3, key=key)).status_code == 409:
                    assert answer.json()["code"] == "request_in_progress"
                statuses.append(answer.status_code)
        return statuses

    statuses = [status for share in at_once(drop_then_ask, range(8)) for status in share]

    assert statuses == [202] * times
    assert sum(caller.balance(auth_id) for auth_id in auth_ids) == 3 * times
    assert sum(len(caller.transaction_ids(auth_id)) for auth_id in auth_ids) == times


def test_a_client_that_hung_up_and_asks_again_is_served_once(platform: Platform, caller: Caller) -> None:
    drop_and_retry(platform, caller, times=120)


@pytest.mark.long
def test_a_client_that_hung_up_a_thousand_times_is_served_a_thousand_times(platform: Platform, caller: Caller) -> None:
    drop_and_retry(platform, caller, times=1_000)
    platform.prove()


def test_half_a_request_does_nothing(platform: Platform, caller: Caller) -> None:
    """The connection breaks before the body is whole."""
    auth_id = caller.add_user()
    body = json.dumps({"transaction": {"type": "credit_points", "user_auth_id": auth_id, "amount": 3, "token_id": 1}})

    with socket.create_connection(("127.0.0.1", platform.port), timeout=10) as connection:
        head = f"POST /api/admin/transactions HTTP/1.1\r\nHost: loyalty\r\nX-API-KEY: {caller.headers['X-API-KEY']}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall((head + body[:-10]).encode())
        time.sleep(0.2)

    time.sleep(0.3)
    assert caller.transaction_ids(auth_id) == []
    assert platform.readiness() == 200

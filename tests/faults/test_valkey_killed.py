"""Valkey dies: requests go on, for only limits and wake-ups live there; afterwards all is as before."""

import httpx

from tests.faults.server import Caller, Platform, wait_for


def test_requests_go_on_without_valkey(platform: Platform, caller: Caller) -> None:
    auth_id = caller.add_user()

    platform.kill_valkey()
    writes = [caller.credit(auth_id, 1, key=f"{auth_id} {number}", send_email=True) for number in range(50)]
    reads = [caller.get(path) for path in ("/users", "/transactions", f"/users/{auth_id}/balances") for _ in range(10)]
    ready = httpx.get(f"{platform.base_url}/readyz", timeout=15, trust_env=False)

    assert {answer.status_code for answer in writes} == {202}
    assert {answer.status_code for answer in reads} == {200}
    assert caller.balance(auth_id) == 50
    assert (ready.status_code, ready.json()["database"], ready.json()["broker"]) == (503, "ok", "away")


def test_a_request_without_valkey_is_not_slow(platform: Platform, caller: Caller) -> None:
    platform.kill_valkey()

    answers = [caller.get("/users") for _ in range(30)]

    assert max(answer.elapsed.total_seconds() for answer in answers) < 1.5


def test_limits_hold_again_once_valkey_is_back(platform: Platform, caller: Caller) -> None:
    platform.kill_valkey()
    assert caller.get("/users").status_code == 200

    platform.embedded.ensure()

    def limits_count() -> bool:
        answer = caller.get("/users")
        assert answer.status_code == 200
        return int(answer.headers["RateLimit-Remaining"]) < int(answer.headers["RateLimit-Limit"])

    wait_for(limits_count, seconds=10)
    assert platform.readiness() == 200

"""Many at once redeem codes and buy rewards over HTTP, while servers die: each code pays once, each reward goes once."""

import random
import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.faults.load import GIVE_UP_SECONDS, PASSING
from tests.faults.server import Caller, Platform, at_once, wait_for
from tests.faults.test_bulk_codes import VALUE, Bulk, add_campaign
from tests.faults.test_http_races import code_of, until_settled

pytestmark = pytest.mark.slow

TRIES_PER_MEMBER = 10  # wrong ones an hour
NEAR_THE_HOUR_SECONDS = 20
WORTH = 10


def issue(caller: Caller, campaign: int, value: int = WORTH) -> httpx.Response:
    return caller.post("/codes", json={"code": {"campaign_id": campaign, "value": value}})


def new_code(caller: Caller, campaign: int, value: int = WORTH) -> str:
    answer = issue(caller, campaign, value)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]["code"]


def redeem(caller: Caller, auth_id: str, code: str, *, key: str | None = None) -> httpx.Response:
    order = {"type": "code_to_points", "user_auth_id": auth_id, "code": code}
    return caller.post("/transactions", json={"transaction": order}, headers={"Idempotency-Key": key} if key else {})


def outcomes_of(answers: list[httpx.Response]) -> Counter[tuple[int, str]]:
    return Counter((answer.status_code, code_of(answer)) for answer in answers)


def wait_for_the_next_hour_if_near() -> None:
    """Tries are counted by the hour: a test that counts them must not see two."""
    into = datetime.now(UTC).timestamp() % 3600
    if into > 3600 - NEAR_THE_HOUR_SECONDS:
        time.sleep(3601 - into)


def test_a_code_that_32_members_redeem_at_once_pays_one_of_them(platform: Platform, caller: Caller) -> None:
    members = [caller.add_user() for _ in range(32)]
    code = new_code(caller, add_campaign(platform))

    def send(auth_id: str) -> httpx.Response:
        with platform.client() as client:
            return redeem(client, auth_id, code)

    answers = at_once(send, members)

    assert outcomes_of(answers) == {(202, ""): 1, (400, "invalid_code"): 31}
    paid = [auth_id for auth_id, answer in zip(members, answers, strict=True) if answer.status_code == 202]
    assert {auth_id: caller.balance(auth_id) for auth_id in members} == dict.fromkeys(members, 0) | {paid[0]: WORTH}
    platform.prove()


def test_one_key_32_times_at_once_redeems_a_code_once_and_answers_the_same(platform: Platform, caller: Caller) -> None:
    auth_id, campaign = caller.add_user(), add_campaign(platform)

    for round_ in range(4):
        code = new_code(caller, campaign)

        def send(_: int, code: str = code) -> httpx.Response:
            with platform.client() as client:
                return until_settled(lambda: redeem(client, auth_id, code, key=f"key {code}"))

        answers = at_once(send, range(32))

        assert outcomes_of(answers) == {(202, ""): 32}
        assert len({answer.content for answer in answers}) == 1
        assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
        assert caller.balance(auth_id) == WORTH * (round_ + 1)
    assert len(caller.transaction_ids(auth_id)) == 4


def add_pool(platform: Platform, folder: Path, codes: list[str]) -> int:
    """A reward type of the first demo brand that costs 10 points, with these rewards."""
    brand = platform.demo["brands"][0]
    ((reward_type,),) = platform.sql(
        "INSERT INTO rewards_rewardtype"
        " (brand_id, token_id, name, sku, description, price, stock, fulfilment, active, website, images, sends_email)"
        " VALUES (%s, %s, %s, '', '', %s, 0, 'pool', true, '', '{}', false) RETURNING id",
        *(int(brand["id"]), brand["tokens"]["points"], f"Reward {secrets.token_hex(6)}", WORTH),
    )
    file = folder / "pool.csv"
    file.write_text("\n".join(["code", *codes]))
    platform.must_manage("upload_pool", str(reward_type), str(file))
    return reward_type


def test_the_last_three_rewards_go_to_three_of_16_clients(platform: Platform, caller: Caller, tmp_path: Path) -> None:
    pool = {f"LAST-{secrets.token_hex(4)}" for _ in range(3)}
    reward_type = add_pool(platform, tmp_path, sorted(pool))
    members = [caller.add_user() for _ in range(16)]
    for auth_id in members:
        assert caller.credit(auth_id, 2 * WORTH).status_code == 202

    def buy(auth_id: str) -> httpx.Response:
        with platform.client() as client:
            return client.move("points_to_rewards", auth_id, WORTH, reward_type_id=reward_type)

    answers = at_once(buy, members)

    assert outcomes_of(answers) == {(202, ""): 3, (400, "out_of_stock"): 13}
    assert {answer.json()["data"]["code"] for answer in answers if answer.status_code == 202} == pool
    assert Counter(caller.balance(auth_id) for auth_id in members) == {WORTH: 3, 2 * WORTH: 13}
    assert platform.sql("SELECT stock, handed_out FROM rewards_rewardtype WHERE id = %s", reward_type) == [(3, 3)]
    platform.prove()


def test_a_budget_of_a_thousand_points_gives_64_clients_a_hundred_codes(platform: Platform, caller: Caller) -> None:
    campaign = add_campaign(platform, budget_points=100 * WORTH)

    def draw(_: int) -> list[httpx.Response]:
        with platform.client(timeout=60) as client:
            return [issue(client, campaign) for _ in range(3)]

    answers = [answer for each in at_once(draw, range(64)) for answer in each]

    assert outcomes_of(answers) == {(201, ""): 100, (400, "campaign_out_of_budget"): 92}
    assert len({answer.json()["data"]["code"] for answer in answers if answer.status_code == 201}) == 100
    codes = "SELECT count(*), sum(value) FROM rewards_code WHERE campaign_id = %s"
    counts = "SELECT issued_codes, issued_points FROM rewards_campaign WHERE id = %s"
    assert platform.sql(codes, campaign) == platform.sql(counts, campaign) == [(100, 1_000)]


def test_without_valkey_guessing_is_braked_and_right_codes_are_redeemed(platform: Platform, caller: Caller) -> None:
    guesser, honest, campaign = caller.add_user(), caller.add_user(), add_campaign(platform)
    codes = [new_code(caller, campaign) for _ in range(2 * TRIES_PER_MEMBER)]
    wait_for_the_next_hour_if_near()

    platform.kill_valkey()
    guesses = [redeem(caller, guesser, f"NO{number:010}") for number in range(TRIES_PER_MEMBER + 2)]
    held = redeem(caller, guesser, codes[0])
    redeemed = [redeem(caller, honest, code) for code in codes]

    assert [(answer.status_code, code_of(answer)) for answer in guesses] == [
        *[(400, "invalid_code")] * TRIES_PER_MEMBER,
        *[(429, "too_many_code_tries")] * 2,
    ]
    assert (held.status_code, code_of(held)) == (429, "too_many_code_tries")
    assert 0 < int(held.headers["Retry-After"]) <= 3600
    assert outcomes_of(redeemed) == {(202, ""): len(codes)}
    assert (caller.balance(guesser), caller.balance(honest)) == (0, WORTH * len(codes))


def test_guesses_at_once_are_braked_as_those_one_by_one(platform: Platform, caller: Caller) -> None:
    auth_id = caller.add_user()
    wait_for_the_next_hour_if_near()

    def guess(number: int) -> httpx.Response:
        with platform.client() as client:
            return redeem(client, auth_id, f"NO{number:010}")

    answers = at_once(guess, range(32))

    assert outcomes_of(answers) == {(400, "invalid_code"): TRIES_PER_MEMBER, (429, "too_many_code_tries"): 22}


@dataclass
class Redeemers:
    """Pairs of members, each with codes of their own and a few that both want; nobody gives up before yes or no."""

    platform: Platform
    wanted: dict[str, list[str]] = field(default_factory=dict)  # member: codes
    contested: set[str] = field(default_factory=set)
    told: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)  # code and member: the final answer
    disturbed: int = 0

    def add_pair(self, caller: Caller, codes: list[str], *, contested: int) -> None:
        both, rest = codes[:contested], codes[contested:]
        for own in (rest[::2], rest[1::2]):
            self.wanted[caller.add_user()] = random.sample([*own, *both], len(own) + contested)
        self.contested |= set(both)

    def work(self, member: str) -> None:
        with self.platform.client(timeout=20) as client:
            for code in self.wanted[member]:
                self.told[code, member] = self._insist(client, member, code)

    def _insist(self, client: Caller, member: str, code: str) -> tuple[int, str]:
        deadline, last = time.monotonic() + GIVE_UP_SECONDS, ""
        while time.monotonic() < deadline:
            try:
                answer = redeem(client, member, code, key=f"{member} {code}")
            except httpx.TransportError as error:
                last = repr(error)
            else:
                if answer.status_code not in PASSING:
                    return answer.status_code, code_of(answer)
                last = answer.text
            self.disturbed += 1
            time.sleep(0.05)
        return 0, f"not told in {GIVE_UP_SECONDS} s but {last}"

    def check(self, caller: Caller) -> None:
        """Each code went to one who wanted it, and is in their wallet once."""
        won = dict.fromkeys(self.wanted, 0)
        for code in {code for code, _ in self.told}:
            outcomes = {member: outcome for (of, member), outcome in self.told.items() if of == code}
            losers = [(400, "invalid_code")] * (code in self.contested)
            assert sorted(outcomes.values()) == [(202, ""), *losers], outcomes
            won[next(member for member, outcome in outcomes.items() if outcome == (202, ""))] += 1
        assert {member: caller.balance(member) for member in won} == {member: VALUE * n for member, n in won.items()}
        assert {member: len(caller.transaction_ids(member)) for member in won} == won


def redeem_under_kills(platform: Platform, caller: Caller, *, pairs: int, each: int, kills: int) -> None:
    bulk, crowd = Bulk(platform, pairs * each), Redeemers(platform)
    assert bulk.run()[0] == 0
    codes = [code for (code,) in platform.sql("SELECT code FROM rewards_code WHERE batch_id = %s", bulk.batch)]
    for pair in range(pairs):
        crowd.add_pair(caller, codes[pair * each : (pair + 1) * each], contested=3)
    threads = [threading.Thread(target=crowd.work, args=[member]) for member in crowd.wanted]
    all_ = sum(map(len, crowd.wanted.values()))

    platform.sql("CHECKPOINT")  # so that recovering is not about what other tests wrote
    for thread in threads:
        thread.start()
    for kill in range(kills):
        wait_for(lambda: len(crowd.told) > all_ * (kill + 1) // (kills + 2), every=0.01)  # noqa: B023
        platform.kill_database()
        platform.embedded.ensure()
    for thread in threads:
        thread.join()

    assert crowd.disturbed >= kills, "no kill was felt: this proved nothing"
    crowd.check(caller)
    redeemed = "SELECT count(*), count(redeemed_at), count(DISTINCT member_id) FROM rewards_code WHERE batch_id = %s"
    assert platform.sql(redeemed, bulk.batch) == [(len(codes), len(codes), 2 * pairs)]
    platform.prove()


def test_codes_are_redeemed_once_while_postgresql_is_killed(platform: Platform, caller: Caller) -> None:
    redeem_under_kills(platform, caller, pairs=8, each=61, kills=2)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_codes_are_redeemed_once_in_many_kills(platform: Platform, caller: Caller) -> None:
    for _ in range(5):
        redeem_under_kills(platform, caller, pairs=16, each=203, kills=3)

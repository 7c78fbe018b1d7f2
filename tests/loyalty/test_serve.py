"""`manage.py serve`: one command brings everything up, Ctrl-C takes everything down."""

import email
import email.policy
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from loyalty.embedded import Embedded
from tests.faults.server import ROOT, environment, free_port, wait_for
from tests.loyalty.conftest import Serve, in_folder

MAIL_SECONDS = 60
KEYS_OF_A_BRAND = {
    *("id", "name", "api_key", "read_only_api_key", "staff", "tokens", "campaigns", "reward_types"),
    *("retail", "segments", "promotions", "actions", "app"),
}


def manage(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment(folder), capture_output=True, text=True, timeout=120, check=False)


def refused(serve: Serve) -> tuple[int, str]:
    """The exit code and the last line of a serve that does not start."""
    code = serve.process.wait(60)
    return code, serve.log().strip().splitlines()[-1]


def api(serve: Serve, *, brand: int = 0, key: str = "api_key") -> dict[str, str]:
    return {"X-API-KEY": serve.demo["brands"][brand][key]}


def order(serve: Serve, brand: int, type_: str, auth_id: str, **fields: object) -> httpx.Response:
    body = {"transaction": {"type": type_, "user_auth_id": auth_id} | fields}
    return serve.post("/api/admin/transactions", body, **api(serve, brand=brand))


def issue(serve: Serve, brand: int, campaign_id: int, **fields: object) -> httpx.Response:
    return serve.post("/api/admin/codes", {"code": {"campaign_id": campaign_id} | fields}, **api(serve, brand=brand))


def buy(serve: Serve, brand: int, auth_id: str, name: str, price: int) -> httpx.Response:
    """One of the demo's rewards, by the name that demo.json gives it."""
    demo = serve.demo["brands"][brand]
    terms = {"amount": price, "token_id": demo["tokens"]["points"], "reward_type_id": demo["reward_types"][name]}
    return order(serve, brand, "points_to_rewards", auth_id, **terms)


def rich_user(serve: Serve, brand: int) -> str:
    """The auth_id of a new user with 1,000 points."""
    auth_id, _ = add_user(serve, brand)
    token_id = serve.demo["brands"][brand]["tokens"]["points"]
    assert order(serve, brand, "credit_points", auth_id, amount=1_000, token_id=token_id).status_code == 202
    return auth_id


def add_user(serve: Serve, brand: int = 0) -> tuple[str, str]:
    """A new user's auth_id and address."""
    auth_id = f"u{secrets.token_hex(6)}"
    address = f"{auth_id}@example.org"
    answer = serve.post("/api/admin/users", {"user": {"email": address, "auth_id": auth_id}}, **api(serve, brand=brand))
    assert answer.status_code == 201, answer.text
    return auth_id, address


def test_the_probes_answer(served: Serve) -> None:
    answers = {path: served.get(path) for path in ("/healthz", "/readyz", "/metrics")}

    assert {path: answer.status_code for path, answer in answers.items()} == {"/healthz": 200, "/readyz": 200, "/metrics": 200}
    assert answers["/readyz"].json() == {"status": "ok", "database": "ok", "broker": "ok"}
    assert "loyalty_http_requests_total{" in answers["/metrics"].text


def test_it_says_where_it_serves_and_what_the_demo_holds(served: Serve) -> None:
    told = served.log()

    assert served.base_url in told
    assert "Ctrl-C" in told
    for brand in served.demo["brands"]:
        assert brand["name"] in told
        assert brand["api_key"] in told


def test_demo_json_has_the_documented_keys_and_is_for_its_owner_only(served: Serve) -> None:
    demo = served.demo

    assert set(demo) == {"base_url", "admin", "brands"}
    assert demo["base_url"] == served.base_url
    assert demo["admin"] | {"password": ""} == {"url": f"{served.base_url}/admin/", "username": "admin", "password": ""}
    assert [brand["name"] for brand in demo["brands"]] == ["Aurora Coffee", "Borealis Books"]
    for brand in demo["brands"]:
        assert set(brand) == KEYS_OF_A_BRAND
        assert set(brand["tokens"]) == {"points", "expiring", "collectible", "miles"}
        assert set(brand["tokens"]["miles"]) == {"etihad", "miles_and_more", "alaska"}
        assert set(brand["campaigns"]) == {"points", "nft", "miles", "ended"}
        assert set(brand["reward_types"]) == {"coupon", "scarce", "expired"}
        assert set(brand["retail"]) == {"client_id", "client_secret"}
        assert (set(brand["segments"]), set(brand["promotions"])) == ({"vip"}, {"double_coffee", "vip_bonus"})
        assert set(brand["actions"]) == {"daily", "once", "conditional"}
        assert set(brand["app"]) == {"APMPartnerID", "partnerSecret", "appId", "appSecret"}
        assert brand["api_key"].startswith("lp_test_")
    assert (served.folder / "demo.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("brand", [0, 1])
def test_the_keys_of_the_demo_work(served: Serve, brand: int) -> None:
    tokens = served.demo["brands"][brand]["tokens"]
    body = {"user": {"email": "ada@example.org", "auth_id": f"u{secrets.token_hex(6)}"}}

    made = served.post("/api/admin/users", body, **api(served, brand=brand))
    read = served.get("/api/admin/users", **api(served, brand=brand, key="read_only_api_key"))
    written = served.post("/api/admin/users", body, **api(served, brand=brand, key="read_only_api_key"))

    assert (made.status_code, read.status_code, written.status_code) == (201, 200, 403)
    auth_id = body["user"]["auth_id"]
    assert order(served, brand, "credit_points", auth_id, amount=5, token_id=tokens["points"]).status_code == 202
    assert order(served, brand, "credit_points", auth_id, amount=5, token_id=tokens["expiring"]).status_code == 202
    assert order(served, brand, "credit_nft", auth_id, token_id=tokens["collectible"]).status_code == 202


def test_the_admin_of_the_demo_signs_in_and_sees_both_brands(served: Serve) -> None:
    admin = served.demo["admin"]
    with httpx.Client(base_url=served.base_url, trust_env=False, timeout=15, follow_redirects=True) as browser:
        form = {"username": admin["username"], "password": admin["password"], "next": "/admin/users/brand/"}
        form["csrfmiddlewaretoken"] = re.search('csrfmiddlewaretoken" value="([^"]+)', browser.get("/admin/").text)[1]

        page = browser.post("/admin/login/", data=form, headers={"Referer": served.base_url})

    assert page.status_code == 200
    assert {brand["name"] for brand in served.demo["brands"]} <= set(re.findall("<a [^>]*>([^<]+)</a>", page.text))


@pytest.mark.parametrize("brand", [0, 1])
def test_codes_of_the_demo_s_campaigns_pay_what_they_say(served: Serve, brand: int) -> None:
    campaigns, (auth_id, _) = served.demo["brands"][brand]["campaigns"], add_user(served, brand)

    points, beans = issue(served, brand, campaigns["points"], value=30), issue(served, brand, campaigns["nft"])
    miles, ended = issue(served, brand, campaigns["miles"], value=10), issue(served, brand, campaigns["ended"], value=10)

    assert [answer.status_code for answer in (points, beans, miles)] == [201] * 3
    assert (ended.status_code, ended.json()["code"]) == (400, "campaign_not_running")
    for answer, type_, amount in ((points, "code_to_points", "30"), (beans, "code_to_nft", "1")):
        redeemed = order(served, brand, type_, auth_id, code=answer.json()["data"]["code"])
        assert (redeemed.status_code, redeemed.json()["data"]["points_credited"]) == (202, amount)
    listed = {row["id"]: row["state"] for row in served.get("/api/admin/campaigns", **api(served, brand=brand)).json()["data"]}
    assert listed == {campaigns[name]: "ended" if name == "ended" else "running" for name in campaigns}


@pytest.mark.parametrize("brand", [0, 1])
def test_the_demo_s_coupon_costs_100_and_is_plentiful_and_its_expired_reward_is_refused(served: Serve, brand: int) -> None:
    auth_id = rich_user(served, brand)

    coupons = [buy(served, brand, auth_id, "coupon", 100) for _ in range(4)]
    expired = buy(served, brand, auth_id, "expired", 10)

    assert [answer.status_code for answer in coupons] == [202] * 4
    assert len({answer.json()["data"]["code"] for answer in coupons}) == 4
    assert (expired.status_code, expired.json()["code"]) == (400, "reward_type_not_available")
    assert buy(served, brand, auth_id, "coupon", 99).json()["code"] == "invalid_amount"


def test_three_of_the_demo_s_scarce_reward_go_to_three_members_and_the_demo_made_again_adds_none(served: Serve) -> None:
    paths = ("/api/admin/reward_types", "/api/admin/campaigns")
    for brand in (0, 1):
        members = [rich_user(served, brand) for _ in range(4)]
        answers = [buy(served, brand, member, "scarce", 10) for member in (members[0], *members)]
        assert [answer.json().get("code") for answer in answers] == [None, "reward_limit_reached", None, None, "out_of_stock"]
    before = [served.get(path, **api(served)).json() for path in paths]

    assert manage(served.folder, "demo_data", "--base-url", served.base_url).returncode == 0

    assert [served.get(path, **api(served)).json() for path in paths] == before
    assert {buy(served, brand, rich_user(served, brand), "scarce", 10).json()["code"] for brand in (0, 1)} == {"out_of_stock"}


def test_the_documents_are_served(served: Serve) -> None:
    page, schema = served.get("/api/docs/"), served.get("/api/schema/")

    assert (page.status_code, schema.status_code) == (200, 200)
    assert "swagger" in page.text.lower()
    assert "https://" not in page.text.split("<body", 1)[0], "the documents need no other server"


def test_a_credit_with_a_notice_becomes_a_mail_within_seconds(served: Serve) -> None:
    """So beat and worker run."""
    auth_id, address = add_user(served)
    token_id = served.demo["brands"][0]["tokens"]["points"]

    order(served, 0, "credit_points", auth_id, amount=123, token_id=token_id, send_email=True).raise_for_status()

    def mail() -> email.message.EmailMessage | None:
        for path in (served.folder / "mail").glob("[!.]*.eml"):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if message["To"] == address:
                return message
        return None

    message = wait_for(mail, seconds=MAIL_SECONDS)
    assert "123" in message.get_body(("plain",)).get_content()
    assert "Aurora Points" in message.get_body(("html",)).get_content()


def test_a_second_serve_on_the_same_folder_says_so_and_leaves_the_first_alone(served: Serve) -> None:
    second = Serve(served.folder, "--demo")

    code, told = refused(second)

    assert code != 0
    assert "already serving" in told
    assert str(served.folder) in told
    assert served.get("/readyz").status_code == 200


def test_the_demo_made_again_changes_nothing(served: Serve) -> None:
    before = served.demo

    done = manage(served.folder, "demo_data", "--base-url", served.base_url)

    assert done.returncode == 0, done.stderr
    assert served.demo == before
    assert served.get("/api/admin/users", **api(served)).status_code == 200


def test_a_command_beside_a_serve_does_not_stop_its_servers(served: Serve) -> None:
    assert manage(served.folder, "verify_ledger").returncode == 0

    assert served.get("/readyz").status_code == 200


def test_a_taken_port_is_refused_before_anything_is_started(var: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        port = taken.getsockname()[1]

        code, told = refused(Serve(var, port=port))

    assert code != 0
    assert f"127.0.0.1:{port}" in told
    assert "in use" in told
    wait_for(lambda: not in_folder(var), seconds=10)


def must_be_down(folder: Path, family: list[psutil.Process]) -> None:
    """No process is left, and the servers are stopped cleanly."""
    gone, left = psutil.wait_procs(family, timeout=5)
    assert left == [], gone
    wait_for(lambda: not in_folder(folder), seconds=5)
    assert not (folder / "pg" / "postmaster.pid").exists()
    assert not (folder / "serve.pids").exists()
    assert not Embedded(folder)._valkey_answers()


@pytest.mark.slow
def test_ctrl_c_and_a_termination_stop_everything_and_the_next_serve_goes_on(var: Path) -> None:
    first = Serve(var, "--demo").wait_until_ready()
    demo, family = first.demo, first.family()
    assert len(family) > 4

    assert first.interrupt(whole_terminal=True) == 0, first.log()

    must_be_down(var, family)
    second = Serve(var, "--demo", port=first.port).wait_until_ready()
    assert second.demo == demo
    assert second.get("/api/admin/users", **api(second)).status_code == 200
    family = second.family()
    second.process.terminate()
    assert second.process.wait(30) == 0, second.log()
    must_be_down(var, family)


@pytest.mark.slow
def test_after_a_kill_9_the_next_serve_stops_the_leftovers_and_recovers(var: Path) -> None:
    first = Serve(var, "--demo").wait_until_ready()
    auth_id, _ = add_user(first)
    wait_for(lambda: (var / "serve.pids").exists() and len((var / "serve.pids").read_text().splitlines()) == 4, seconds=10)
    children = first.family()[1:]

    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    second = Serve(var, "--demo", port=first.port).wait_until_ready()

    assert second.demo == first.demo
    assert second.get(f"/api/admin/users/{auth_id}", **api(second)).status_code == 200
    ours = {process.pid for process in second.family()}
    assert [child for child in children if child.is_running() and child.pid not in ours] == []
    family = second.family()
    assert second.interrupt() == 0, second.log()
    must_be_down(var, family)

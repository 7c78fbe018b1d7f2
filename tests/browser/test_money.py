"""Points by hand as people do it: a service agent gives some, asks for many, and finance approves."""

import re
import secrets

import httpx
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


def make_member(desk, base_url: str, brand: dict) -> str:
    """A member of the demo with points that lapse; answers their id in the back office."""
    headers, auth_id = {"X-API-KEY": brand["api_key"]}, secrets.token_hex(6)
    terms = {"base_url": f"{base_url}/api/admin", "headers": headers, "timeout": 30, "trust_env": False}
    earned = {"type": "credit_points", "user_auth_id": auth_id, "amount": "100", "token_id": brand["tokens"]["expiring"]}
    with httpx.Client(**terms) as api:
        user = api.post("/users", json={"user": {"email": f"{auth_id}@example.org", "auth_id": auth_id}}).raise_for_status()
        api.post("/transactions", json={"transaction": earned}).raise_for_status()
    page = desk.open(f"/admin/users/member/?q={user.json()['data']['id']}")
    found = re.search(r"/member/(\d+)/", page.content())
    assert found is not None
    return found[1]


def give(desk, member: str, points: int) -> None:
    page = desk.open(f"/admin/users/approval/member/{member}/credit/")
    page.fill("input[name=amount]", str(points))
    page.fill("input[name=reason]", "The parcel was lost")
    page.click("#money-form button[type=submit]")


def test_an_agent_asks_and_finance_approves(sit_down, demo):
    agent = sit_down("service-agent")
    member = make_member(agent, demo.base_url, demo.demo["brands"][0])
    wrong = []
    for path in ("credit", "debit", "extend"):
        agent.open(f"/admin/users/approval/member/{member}/{path}/")
        wrong += agent.judge()

    give(agent, member, 25)
    expect(agent.page.locator("#money-hash")).to_have_text(re.compile("^0x[0-9a-f]{64}$"))
    wrong += agent.judge()
    give(agent, member, 50_000)
    expect(agent.page.locator("#money-withdraw")).to_be_visible()
    wrong += agent.judge()

    finance = sit_down("finance")
    finance.open(agent.page.url)
    wrong += finance.judge()
    finance.page.click("#money-approve button")
    expect(finance.page.locator(".money-strong").first).to_contain_text("+50000")
    wrong += finance.judge()
    finance.open("/admin/users/approval/")
    wrong += finance.judge()

    assert wrong == []

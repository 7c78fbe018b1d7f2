"""A service agent answers "why did I get no points?": finds the member, reads the page, merges the duplicate."""

import secrets

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


def order(demo, type_: str, auth_id: str, **fields):
    """A transaction of the first brand, asked for by its system."""
    key = {"X-API-KEY": demo.demo["brands"][0]["api_key"]}
    return demo.post("/api/admin/transactions", {"transaction": {"type": type_, "user_auth_id": auth_id} | fields}, **key)


def register(demo, **profile) -> str:
    """A member with points, a reward and a refusal; answers their auth_id."""
    brand, auth_id = demo.demo["brands"][0], f"browser-{secrets.token_hex(4)}"
    user = {"auth_id": auth_id, "email": f"{auth_id}@example.org"} | profile
    demo.post("/api/admin/users", {"user": user}, **{"X-API-KEY": brand["api_key"]})
    points, expiring = brand["tokens"]["points"], brand["tokens"]["expiring"]
    order(demo, "credit_points", auth_id, amount=1_250, token_id=points, reference_id=f"Order {auth_id}")
    order(demo, "credit_points", auth_id, amount=40, token_id=expiring)
    reward = {"amount": 100, "token_id": points, "reward_type_id": brand["reward_types"]["coupon"]}
    order(demo, "points_to_rewards", auth_id, **reward)
    order(demo, "debit_points", auth_id, amount=9_000_000, token_id=points, reference_id="Till 7")
    order(demo, "credit_nft", auth_id, token_id=brand["tokens"]["collectible"])
    miles = {"amount": 10, "token_id": points, "exchange_provider_implementation_name": "etihad"}
    order(demo, "points_to_external_rewards", auth_id, membership_number_override="100200300400", **miles)
    return auth_id


def test_a_service_agent_finds_a_member_and_reads_why(demo, sit_down, tmp_path):
    auth_id = register(demo, first_name="Ann", second_name="Example")
    desk = sit_down("service-agent")

    desk.open(f"/admin/users/member/?q={auth_id}")
    desk.page.locator("#result_list a").first.click()

    expect(desk.page.get_by_text("Refused: Points debited").first).to_be_visible()
    expect(desk.page.get_by_text("Insufficient balance").first).to_be_visible()
    expect(desk.page.get_by_text("40 lapse on").first).to_be_visible()
    assert desk.judge() == []
    desk.picture(tmp_path / "member.png")
    for tab in ("Points", "Rewards", "Refusals"):
        desk.page.get_by_role("navigation", name="Show").get_by_role("link", name=tab, exact=True).click()
        assert desk.judge() == []


def test_a_service_agent_merges_a_duplicate(demo, sit_down):
    keep, duplicate = register(demo), register(demo)
    desk = sit_down("service-agent")
    desk.open(f"/admin/users/member/?q={keep}")
    desk.page.locator("#result_list a").first.click()

    desk.page.get_by_role("link", name="Merge a duplicate").click()
    desk.page.get_by_label("The duplicate").fill(duplicate)
    desk.page.get_by_role("button", name="Look both up").click()
    wrong = desk.judge()
    name = desk.page.get_by_role("heading", name="Duplicate:").inner_text().split(": ")[1]
    desk.page.get_by_label("Type the duplicate's id to merge").fill(name)
    desk.page.get_by_role("button", name="Merge", exact=True).click()

    expect(desk.page.get_by_text("The duplicate was merged.")).to_be_visible()
    expect(desk.page.get_by_text("Duplicate merged").first).to_be_visible()
    assert [*wrong, *desk.judge()] == []

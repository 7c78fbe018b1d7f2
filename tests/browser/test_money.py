"""Points by hand as people do it: a service agent gives some, asks for many, and finance approves."""

import re

from playwright.sync_api import expect


def first_member(desk) -> str:
    """The id of a member of the demo."""
    page = desk.open("/admin/users/member/")
    link = page.locator("#result_list a[href*='/users/member/'][href*='/change/']").first.get_attribute("href")
    assert link is not None
    found = re.search(r"/member/(\d+)/", link)
    assert found is not None
    return found[1]


def give(desk, member: str, points: int) -> None:
    page = desk.open(f"/admin/users/approval/member/{member}/credit/")
    page.fill("input[name=amount]", str(points))
    page.fill("input[name=reason]", "The parcel was lost")
    page.click("#money-form button[type=submit]")


def test_an_agent_asks_and_finance_approves(sit_down):
    agent = sit_down("service-agent")
    member = first_member(agent)
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

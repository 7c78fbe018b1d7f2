"""A day's work of each role, from log-in to result, in a real browser; the pictures of the README are made on the way."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.desk import Desk
from tests.browser.life import Life

KEPT = Path(__file__).parent / "pictures"


@pytest.fixture
def life(demo) -> Life:
    return Life(demo)


@pytest.fixture
def picture(tmp_path):
    """Take a picture; with KEEP_PICTURES=1 it is the one that the README shows."""

    def take(desk: Desk, name: str) -> None:
        folder = KEPT if os.environ.get("KEEP_PICTURES") else tmp_path
        folder.mkdir(exist_ok=True)
        desk.picture(folder / f"{name}.png")
        assert (folder / f"{name}.png").stat().st_size > 5_000

    return take


def test_a_brand_manager_comes_in_sees_what_waits_and_decides_it_by_keyboard(sit_down, life, picture):
    ann, bob = life.register("Ann"), life.register("Bob")
    for name, engraving in ((ann, "For Ann, who never leaves"), (bob, "Bob & Sons")):
        life.earn(name, 640)
        life.buy(name)
        life.wish(name, engraving)
    life.exchange(ann, 50)
    manager = sit_down("brand-manager")
    wrong = manager.judge()
    picture(manager, "home")

    manager.page.get_by_role("link", name="Personalisations to decide").click()
    wrong += manager.judge()
    page = manager.open("/admin/rewards/collectible/queue/")
    expect(page.locator("#content-main")).to_contain_text("For Ann, who never leaves")
    picture(manager, "personalisations")
    wrong += manager.judge()
    page.keyboard.press("a")
    expect(page.locator("#content-main")).to_contain_text("No e-mail is sent for an approval.")
    wrong += manager.judge()
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_contain_text("1 personalisation decided.")
    expect(page.locator("#content-main")).to_contain_text("Bob & Sons")
    page.keyboard.press("r")
    page.keyboard.type("Too long for the bean")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#content-main")).to_contain_text("Too long for the bean")
    wrong += manager.judge()

    assert wrong == []


def test_a_service_agent_finds_a_member_and_sees_why(sit_down, life, picture):
    cleo = life.register("Cleo")
    life.earn(cleo, 500)
    life.buy(cleo)
    life.exchange(cleo, 93)
    agent = sit_down("service-agent")

    page = agent.open(f"/admin/users/member/?q={cleo}")
    wrong = agent.judge()
    page.locator("#result_list a[href*='/change/']").first.click()
    expect(page.locator("body")).to_contain_text("Free coffee and cake")
    wrong += agent.judge()
    picture(agent, "member")

    assert wrong == []


@pytest.mark.slow
def test_a_campaign_manager_starts_a_campaign_and_downloads_its_codes(sit_down, demo, life, picture):
    password = life.brand["staff"]["password"]
    manager = sit_down("campaign-manager")
    page = manager.open("/admin/rewards/campaign/add/")
    wrong = manager.judge()
    page.fill("input[name=name]", f"Autumn {life.register('x')}")
    page.select_option("select[name=token]", value=str(life.points))
    page.fill("input[name=budget_codes]", "1000")
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    campaign = page.url
    wrong += manager.judge()

    page.get_by_role("link", name=re.compile("codes", re.IGNORECASE)).filter(
        has_text=re.compile("Order|Make|Generate")
    ).first.click()
    page.fill("input[name=count]", "300")
    page.fill("input[name=value]", "25")
    wrong += manager.judge()
    page.locator("#content-main form button[type=submit], #content-main form input[type=submit]").first.click()
    expect(page.locator("body")).to_contain_text("300", timeout=60_000)
    expect(page.get_by_role("button", name="Download the codes")).to_be_visible(timeout=60_000)
    wrong += manager.judge()
    with page.expect_download(timeout=30_000) as download:
        page.get_by_role("button", name="Download the codes").click()
        if page.locator("input[name=confirm-password]").count():
            page.fill("input[name=confirm-password]", password)
            page.keyboard.press("Enter")
    lines = Path(download.value.path()).read_text().splitlines()
    manager.open(campaign)
    wrong += manager.judge()
    picture(manager, "campaign")

    assert len(lines) == 301
    assert wrong == []


@pytest.mark.slow
def test_finance_looks_after_exchanges_and_an_account_proves_itself(sit_down, life, picture):
    dora = life.register("Dora")
    life.earn(dora, 900)
    for points in (50, 92, 93):
        life.exchange(dora, points)
    finance = sit_down("finance")

    page = finance.open("/admin/exchange/exchangeorder/")
    wrong = finance.judge()
    picture(finance, "exchange")
    page = finance.open("/admin/exchange/exchangeorder/?state=all")  # what is over by now, too
    page.locator("#result_list a[href*='/change/']").first.click()
    wrong += finance.judge()
    page = finance.open("/admin/ledger/account/")
    page.locator("#result_list a[href*='/change/']").first.click()
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator("#proof [data-check]").last).to_contain_text("Holds", timeout=30_000)
    wrong += finance.judge()

    assert wrong == []


def test_an_auditor_reads_and_is_offered_nothing_to_do(sit_down):
    auditor = sit_down("auditor")
    page = auditor.open("/admin/users/auditentry/")
    wrong = auditor.judge()

    for path in ("/admin/rewards/campaign/", "/admin/users/member/", "/admin/users/approval/"):
        page = auditor.open(path)
        assert page.locator("a[href$='/add/']").count() == 0

    assert wrong == []

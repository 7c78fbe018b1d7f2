"""A segment by rule is put together in a real browser: rows come, show what their kind takes, and are counted."""

import secrets

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


def test_a_rule_is_put_together_and_counted(sit_down):
    desk = sit_down("campaign-manager")
    page = desk.open("/admin/users/segment/by-rule/")
    name = f"Sleepers {secrets.token_hex(4)}"
    first, second = page.locator(".rule-row").nth(0), page.locator(".rule-row").nth(1)
    wrong = desk.judge()
    assert not first.get_by_label("Value").is_visible()

    page.get_by_label("Name").fill(name)
    first.get_by_label("Condition").select_option("points_earned")
    first.get_by_label("Points", exact=True).fill("100000000")
    first.get_by_label("Compared").select_option("at_most")
    second.get_by_label("Condition").select_option("inactive_for")
    second.get_by_label("Days").fill("30")
    page.get_by_role("button", name="One more row").click()
    third = page.locator(".rule-row").nth(2)
    third.get_by_label("Condition").select_option("tag")
    third.get_by_label("Value").fill("vip")
    third.get_by_label("belongs to the row above").check()
    assert not third.get_by_label("Days").is_visible()
    wrong += desk.judge()
    page.get_by_role("button", name="Count").click()

    said = page.locator("#rule-sentence").inner_text()
    assert "(they neither earned nor spent points for 30 days or they hold the tag “vip”)" in said
    assert "now" in page.locator("#rule-count").inner_text()
    wrong += desk.judge()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("body")).to_contain_text(name)
    assert wrong + desk.judge() == []


@pytest.mark.parametrize("verb", ["add_members", "import", "members", "rename"])
def test_the_pages_of_a_segment_are_fit_for_use(sit_down, verb):
    desk = sit_down("brand-manager")
    page = desk.open("/admin/users/segment/add/")
    page.get_by_label("Name").fill(f"Press {secrets.token_hex(4)}")
    page.get_by_role("button", name="Make a segment by hand").click()
    wrong = desk.judge()

    links = page.eval_on_selector_all("nav a", "all => all.map(one => one.getAttribute('href'))")
    desk.open(next(link for link in links if link and link.rstrip("/").endswith(verb)))
    wrong += desk.judge()

    assert wrong == []

"""A promotion is drafted, tried and published in a real browser: a basket is judged while it is typed."""

import secrets

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


def test_a_promotion_is_drafted_tried_and_published(sit_down):
    desk = sit_down("campaign-manager")
    page = desk.open("/admin/rewards/promotion/add/")
    name = f"Tea week {secrets.token_hex(4)}"
    wrong = desk.judge()

    page.get_by_label("Name").fill(name)
    page.locator("select[name=token]").select_option(index=1)
    page.get_by_label("Kind of gain").select_option("per_item")
    assert page.locator("#id_points").is_visible()
    assert not page.locator("#id_factor").is_visible()
    page.locator("#id_points").fill("7")
    page.get_by_label("Categories").fill("tea")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_role("heading", name="Try a basket")).to_be_visible()
    wrong += desk.judge()

    page.get_by_label("Product of line 1").fill("earl-grey")
    page.get_by_label("Category of line 1").fill("tea")
    page.get_by_label("Quantity of line 1").fill("2")
    page.get_by_label("Amount of line 1").fill("9.80")
    expect(page.locator("#try-total")).to_contain_text("14 points from promotions")
    wrong += desk.judge()

    address = page.url
    for verb in ("try", "past", "publish"):
        desk.open(address.replace("/change/", f"/{verb}/"))
        wrong += desk.judge()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("It is published.", exact=True)).to_be_visible()
    wrong += desk.judge()

    for verb in ("copy", "end"):
        desk.open(address.replace("/change/", f"/{verb}/"))
        wrong += desk.judge()
    page.get_by_role("button", name="End for good").click()
    assert wrong + desk.judge() == []


def test_the_programmes_pages_are_fit_for_use(sit_down):
    desk = sit_down("brand-manager")
    page = desk.open("/admin/rewards/programme/add/")
    wrong = desk.judge()

    desk.open(page.url.replace("/change/", "/set_base_rate/"))

    assert wrong + desk.judge() == []

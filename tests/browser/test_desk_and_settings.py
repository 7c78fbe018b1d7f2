"""Settings and the exchange desk in a real browser: a key is made, a template previewed; each page of a row is fit for use."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

PAGES = ["users/apikey", "exchange/partnership", "exchange/provider", "users/emailtemplate", "users/webhookendpoint"]
VERBS = ["rotate", "revoke", "change_terms", "cancel", "pause", "statements"]


def test_a_key_is_made_and_its_secret_is_shown_once(sit_down):
    desk = sit_down("brand-manager")
    page = desk.open("/admin/users/apikey/add/")
    wrong = desk.judge()

    page.get_by_label("Label").fill("Shop")
    page.get_by_label("Read transactions").check()
    page.get_by_role("button", name="Make a key").dblclick()
    secret = page.locator("#secret").inner_text()
    wrong += desk.judge()
    page.get_by_role("link", name="I have kept it").click()

    assert secret.startswith("lp_")
    expect(page.locator("body")).to_contain_text("Shop")
    assert secret not in page.content()
    assert wrong == []


def test_a_template_is_previewed_while_it_is_written(sit_down):
    desk = sit_down("brand-manager")
    page = desk.open("/admin/users/emailtemplate/add/")
    wrong = desk.judge()  # before the frame is filled, for a frame without scripts never tells that it is idle

    page.get_by_label("Kind").select_option("code")
    page.locator("#id_subject").fill("Your code {{ code }}")
    page.locator("#id_text").fill("{{ nobody }}")
    page.locator("#id_html").fill("<h1>{{ code }}</h1>")
    page.locator("#preview-faults").filter(has_text="there is no variable nobody").wait_for()
    page.locator("#id_text").fill("From {{ brand }}")
    page.locator("#preview-text").filter(has_text="From Aurora Coffee").wait_for()

    assert page.locator("#preview-subject").inner_text() == "Your code 719026461"
    assert page.frame_locator("#preview-html").locator("h1").inner_text() == "719026461"
    assert wrong + desk.faults == []


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_of_a_row_and_of_its_verbs_are_fit_for_use(sit_down, name):
    desk = sit_down("brand-manager")
    page = desk.open(f"/admin/{name}/")
    rows = page.eval_on_selector_all("a[href*='/change/']", "all => all.map(one => one.getAttribute('href'))")
    wrong: list[str] = []

    for path in [row.partition("?")[0] for row in rows[:1]]:
        desk.open(path)
        wrong += desk.judge()
        offered = page.eval_on_selector_all("nav a", "all => all.map(one => one.getAttribute('href'))")
        for verb in [link for link in offered if link and link.strip("/").rpartition("/")[2] in VERBS]:
            desk.open(verb)
            wrong += desk.judge()

    assert wrong == []

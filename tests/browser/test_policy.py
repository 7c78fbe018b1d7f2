"""The content security policy: no script but our files runs, and the pages work under it."""

import httpx
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


def test_the_policy_lets_no_inline_script_and_no_eval_run(demo):
    headers = httpx.get(f"{demo.base_url}/admin/login/", trust_env=False).headers

    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["script-src"] == "'self'"
    assert (policy["object-src"], policy["base-uri"], policy["frame-ancestors"]) == ("'none'",) * 3
    assert (policy["default-src"], policy["form-action"]) == ("'self'",) * 2
    assert (headers["referrer-policy"], headers["x-content-type-options"]) == ("same-origin", "nosniff")


def test_a_script_that_got_into_a_page_does_not_run(sit_down):
    page = sit_down("admin").page

    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "document.title = 'taken over'";
            document.body.append(script);
            document.body.insertAdjacentHTML("beforeend", "<img src='data:,' onerror='document.title = 1'>");
        }"""
    )
    page.wait_for_timeout(200)

    assert page.title() not in {"taken over", "1"}


def test_what_moves_on_a_page_moves_under_the_policy(sit_down):
    desk = sit_down("admin")
    page = desk.open("/admin/users/member/")

    sidebar = page.locator("#nav-sidebar-apps")
    expect(sidebar).to_be_visible()
    toggle = page.locator("span.material-symbols-outlined", has_text="dock_to_right").first
    toggle.click()
    expect(sidebar).to_be_hidden()
    page.reload()
    expect(sidebar).to_be_hidden()
    toggle.click()
    expect(sidebar).to_be_visible()

    page.keyboard.press("Control+e")
    before = page.evaluate("document.documentElement.classList.contains('dark')")
    page.keyboard.press("Control+e")
    assert page.evaluate("document.documentElement.classList.contains('dark')") is not before
    assert desk.faults == []


def test_forms_with_tables_and_lists_work_under_the_policy(sit_down):
    desk = sit_down("admin")
    for path in ("rewards/rewardtype/add/", "rewards/campaign/add/", "users/brand/1/change/", "users/staff/add/"):
        desk.open(f"/admin/{path}")
        desk.page.wait_for_load_state("networkidle")
        assert desk.page.locator("form[id$='_form']").get_attribute("action") in {f"/admin/{path}", f"/admin/{path}#general"}

    assert desk.faults == []


def test_the_documentation_of_the_api_opens_under_the_policy(demo, browser):
    page, faults = browser.new_page(), []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))

    page.goto(f"{demo.base_url}/api/docs/")

    expect(page.locator(".opblock").first).to_be_visible(timeout=30_000)
    assert faults == []
    page.close()

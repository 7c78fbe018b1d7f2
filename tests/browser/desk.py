"""A browser in front of the back office: someone signs in, looks and works; each page is judged as people meet it."""

import shutil
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update"]
NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
LEVEL_AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}


class Desk:
    """One person's browser."""

    def __init__(self, browser: Browser, base_url: str) -> None:
        self.context = browser.new_context(base_url=base_url, viewport=WIDE, locale="en")
        self.context.set_default_timeout(15_000)
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.faults.append(f"{self.page.url}: {error}"))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"{self.page.url}: {message.text}")

    def sign_in(self, username: str, password: str) -> "Desk":
        expect.set_options(timeout=15_000)
        self.page.goto("/admin/")
        self.page.fill("input[name=username]", username)
        self.page.fill("input[name=password]", password)
        self.page.click("button[type=submit]")
        expect(self.page.locator("h1").first).to_be_visible()
        return self

    def open(self, path: str) -> Page:
        response = self.page.goto(path)
        assert response is not None
        assert response.ok, f"{path}: {response.status}"
        return self.page

    def judge(self) -> list[str]:
        """What is wrong with the page that is open: errors on the console, wider than a telephone, hard to use for some."""
        found, self.faults = self.faults, []
        self.page.wait_for_load_state("networkidle")
        violations = Axe().run(self.page, options=LEVEL_AA).response["violations"]
        for violation in violations:
            places = "; ".join(node["html"][:200] for node in violation["nodes"][:3])
            found.append(f"{self.page.url}: {violation['id']}: {places}")
        self.page.set_viewport_size(NARROW)
        width = self.page.evaluate("document.documentElement.scrollWidth")
        if width > NARROW["width"]:
            found.append(f"{self.page.url}: {width} px wide on a screen of {NARROW['width']}")
        self.page.set_viewport_size(WIDE)
        return found

    def picture(self, path: Path) -> None:
        self.page.screenshot(path=path)

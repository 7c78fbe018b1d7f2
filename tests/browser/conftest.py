"""A served demo, and browsers in front of it."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.desk import CHROMIUM, OPTIONS, Desk
from tests.faults.server import end
from tests.loyalty.conftest import Serve, clean_folder


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Iterator[Serve]:
    """`serve --demo`, with the back office in it."""
    with clean_folder(tmp_path_factory.mktemp("browser") / "var") as folder:
        serve = Serve(folder, "--demo").wait_until_ready(seconds=200)
        yield serve
        serve.process.poll()
        end(serve.family())
        serve.process.wait()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, ended with its module: while it lives an event loop runs, in which Django refuses to query."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def sit_down(demo: Serve, browser: Browser) -> Iterator[Callable[[str], Desk]]:
    """Sign someone of the first brand in, by role; `admin` is of the house."""
    open_desks = []

    def sit(role: str) -> Desk:
        staff = demo.demo["brands"][0]["staff"]
        name, password = f"aurora-{role}", staff["password"]
        if role == "admin":
            name, password = demo.demo["admin"]["username"], demo.demo["admin"]["password"]
        desk = Desk(browser, demo.base_url).sign_in(name, password)
        open_desks.append(desk)
        return desk

    yield sit
    for desk in open_desks:
        desk.context.close()

"""Every page that a role can reach is fit for use: no error on the console, no scrolling sideways, WCAG 2.1 AA."""

import pytest

from loyalty.admin.roles import ROLES

pytestmark = pytest.mark.slow

EVERYBODY = ["admin", *(role.replace(" ", "-").lower() for role in ROLES)]
SHORT = {"admin"}  # who sees every page


@pytest.mark.parametrize("role", [pytest.param(role, marks=() if role in SHORT else pytest.mark.long) for role in EVERYBODY])
def test_every_page_of_the_sidebar_is_fit_for_use(sit_down, role):
    desk = sit_down(role)
    links = desk.page.eval_on_selector_all("a[href^='/admin/']", "all => all.map(one => one.getAttribute('href'))")
    paths = sorted({link for link in links if link.count("/") == 4})
    assert paths
    wrong = desk.judge()

    for path in paths:
        desk.open(path)
        wrong += desk.judge()

    assert wrong == []

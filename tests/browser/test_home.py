"""The home page in a browser: charts are drawn, each says the same as a table, and a period is chosen by hand."""

import subprocess
import sys

import httpx
import pytest
from playwright.sync_api import expect

from tests.faults.server import ROOT, environment

TALLY = "from ledger.services.tallying import tally_transactions as tally; [tally() for _ in range(3)]"
SUMS = "one => Chart.getChart(one).data.datasets.map(set => set.data.reduce((a, b) => a + b, 0))"
DRAWN = f"all => all.map(one => [one.ariaLabel, ({SUMS})(one)])"


def earn_and_spend(demo) -> None:
    """Move points over the API, and have the sums counted now instead of within two minutes."""
    brand = demo.demo["brands"][0]
    with httpx.Client(base_url=f"{demo.base_url}/api/admin", headers={"X-API-KEY": brand["api_key"]}) as api:
        api.post("/users", json={"user": {"email": "hana@example.org", "auth_id": "hana"}}).raise_for_status()
        for kind, amount in (("credit_points", 120), ("debit_points", 50)):
            order = {"type": kind, "user_auth_id": "hana", "amount": amount, "token_id": brand["tokens"]["points"]}
            api.post("/transactions", json={"transaction": order}).raise_for_status()
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", TALLY]
    for _ in range(2):
        subprocess.run(command, cwd=ROOT, env=environment(demo.folder), check=True, capture_output=True)


@pytest.mark.slow
def test_charts_are_drawn_and_told_as_tables_for_a_period_of_ones_choice(demo, sit_down):
    earn_and_spend(demo)
    desk = sit_down("brand-manager")

    page = desk.open("/admin/")
    drawn = dict(page.eval_on_selector_all("canvas.chart", DRAWN))
    flows = next(sums for label, sums in drawn.items() if "Aurora Points by day" in label)
    page.get_by_text("As a table").first.click()
    told = page.locator("details[open] table").inner_text()
    page.get_by_role("link", name="7 days").click()
    chosen = page.locator(".home-periods a[aria-current]").inner_text()
    page.get_by_label("From").fill("2026-01-01")
    page.get_by_label("to", exact=True).fill("2026-01-31")
    page.get_by_role("button", name="Show").click()

    assert flows[0] >= 120
    assert flows[1] >= 50
    assert "Earned" in told
    assert chosen == "7 days"
    expect(page.get_by_text("Nothing in this period.").first).to_be_visible()
    assert desk.judge() == []

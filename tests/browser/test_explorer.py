"""The ledger's explorer and the queue of personalisations as people meet them: looked at, worked through with keys."""

import secrets

import httpx
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


@pytest.fixture
def wishes(demo) -> list[str]:
    """Two members of the demo's first brand with some points and a collectible each, who ask for an engraving."""
    brand = demo.demo["brands"][0]
    headers = {"X-API-KEY": brand["api_key"]}
    asked = []
    with httpx.Client(base_url=f"{demo.base_url}/api/admin", headers=headers, trust_env=False, timeout=15) as partner:
        for _ in range(2):
            auth_id = f"guest-{secrets.token_hex(4)}"
            asked.append(f"For {auth_id}")
            partner.post("/users", json={"user": {"auth_id": auth_id, "email": f"{auth_id}@example.org"}})
            terms = {"user_auth_id": auth_id, "token_id": brand["tokens"]["expiring"], "amount": 50}
            for type_ in ("credit_points", "credit_points", "debit_points"):
                partner.post("/transactions", json={"transaction": terms | {"type": type_}})
            gift = {"type": "credit_nft", "user_auth_id": auth_id, "token_id": brand["tokens"]["collectible"]}
            assert partner.post("/transactions", json={"transaction": gift}).is_success
            (item,) = partner.get("/nfts", params={"user_auth_id": auth_id}).json()["data"]
            wish = {"personalisation": {"data": {"engraving": asked[-1]}}}
            answer = partner.post(f"/nfts/{item['user_nft_id']}/personalisation", json=wish)
            assert answer.is_success, answer.text
    return asked


def test_an_account_is_proved_before_ones_eyes(sit_down, wishes):
    desk = sit_down("auditor")
    page = desk.open("/admin/ledger/account/")
    page.locator("#result_list tbody a").first.click()
    wrong = desk.judge()

    page.get_by_role("button", name="Verify now").click()

    expect(page.locator("#proof [data-status]")).to_contain_text("Holds")
    expect(page.locator("#proof [data-check=chain]")).to_contain_text("Holds")
    assert wrong + desk.judge() == []


def test_a_transaction_leads_to_its_neighbours(sit_down, wishes):
    desk = sit_down("finance")
    page = desk.open("/admin/ledger/transaction/?type=debit_points")
    wrong = desk.judge()
    page.locator("#result_list tbody a").first.click()

    expect(page.locator("#content-main")).to_contain_text("Stored and recomputed are the same")
    assert wrong + desk.judge() == []


def test_wishes_are_decided_with_the_keyboard_alone(sit_down, wishes):
    desk = sit_down("service-agent")
    page = desk.open("/admin/rewards/collectible/queue/")
    wrong = desk.judge()
    shown = page.locator("section .explorer-wish-text").first
    first = shown.inner_text()  # the oldest, whoever's it is: the demo is shared

    page.keyboard.press("j")
    expect(shown).not_to_have_text(first)
    second = shown.inner_text()
    page.keyboard.press("k")
    expect(shown).to_have_text(first)

    page.keyboard.press("r")
    page.keyboard.type("ajk: too long")
    expect(page.locator("#reason")).to_have_value("ajk: too long")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#content-main")).to_contain_text("The e-mail that the owner gets")
    wrong += desk.judge()
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_contain_text("1 personalisation decided.")

    expect(shown).to_have_text(second)
    page.keyboard.press("a")
    expect(page.locator("#content-main")).to_contain_text("No e-mail is sent for an approval")
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_contain_text("1 personalisation decided.")
    expect(page.locator("#content-main")).not_to_contain_text(second)
    assert wrong == []

"""One member, three APIs: what one of them moves, all of them show, at every step."""

from dataclasses import dataclass

import pytest

from tests.api.app.conftest import told
from tests.api.programme import make_reward_type
from tests.api.retail.baskets import basket, line, make_programme
from tests.clients import AppClient, Device, Partner, RetailClient
from tests.rewards.acting import make_action


@dataclass
class Ann:
    """A member, as a partner's system, a till, her own telephone and the app's back end know her."""

    partner: Partner
    till: RetailClient
    app: AppClient
    phone: Device

    def shown(self) -> list[int]:
        """Her points, as each of them is told."""
        (balance,) = self.partner.get("/users/ann/balances").json()["data"]
        newest = self.till.get("/members/ann/transactions?limit=1").json()["data"]
        return [
            int(balance["balance"]),
            newest[0]["balance_after"] if newest else 0,
            told(self.app.serve("user/info", {"partnerClientId": "ann"}))["user"]["points"],
            told(self.phone.call("partner/initialcheckstore"))["user"]["points"],
        ]


@pytest.fixture
def points(brand):
    return make_programme(brand)


@pytest.fixture
def ann(brand, points, partner) -> Ann:
    app = AppClient.of(brand)
    return Ann(partner, RetailClient.of(brand), app, app.connect("ann"))


def test_all_show_the_same_balance_at_every_step(ann, brand, points):
    gift, action = make_reward_type(brand, points, price=40), make_action(points)
    seen = []

    def after(answer) -> dict:
        assert answer.status_code in (200, 201, 202), answer.content
        (shown,) = set(ann.shown())
        seen.append(shown)
        return answer.json()

    credit = after(ann.partner.credit("ann", 100, points.pk))["data"]
    after(ann.till.post("/earnings", basket("ann", line(1, "8.00"), line(2, "3.00"), transaction_id="till-1")))
    after(ann.phone.call("generosity/store", {"tagId": action.tag}))
    after(ann.app.serve("generosity/multistore", {"tagId": action.tag, "users": ["ann"]}))
    after(ann.phone.call("gift/checkavailability", {"giftId": gift.pk, "requestId": "phone-1"}))
    order = after(ann.till.post("/vouchers", {"member_id": "ann", "gift_id": gift.pk, "transaction_id": "till-2"}))
    after(ann.till.post("/earnings/till-1/reversal", {"reversal_id": "r", "lines": [{"line": 2, "quantity": 1}]}))
    after(ann.till.call("PATCH", f"/orders/{order['order_id']}", {"status": "cancellation"}))
    after(ann.partner.debit("ann", 20, points.pk))
    after(ann.partner.post(f"/transactions/{credit['id']}/reversal", {"reversal": {"amount": 30}}))

    assert seen == [100, 111, 116, 121, 81, 41, 38, 78, 58, 28]

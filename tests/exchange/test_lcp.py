"""The signed HTTPS partner: members checked first where that is agreed, and no call outlives its time-out."""

import time

import pytest

from exchange.adapters.base import AnswerKind, Credit
from exchange.adapters.lcp.client import LcpAdapter
from exchange.models import ExchangeOrder, Provider
from exchange.sandbox.server import CREDENTIAL_ID, SECRET
from ledger.models import Account
from tests.exchange.conftest import POINTS
from tests.exchange.world import drive, exchange
from tests.users.hooks import drip_headers, hang, receiving
from users.models import Member


@pytest.mark.parametrize("slow", [drip_headers, hang])
@pytest.mark.parametrize("validates", [False, True])
def test_no_call_outlives_its_time_out_however_its_answer_drips(slow, validates):
    with receiving() as receiver:
        receiver.always = slow
        adapter = LcpAdapter(
            address=f"http://127.0.0.1:{receiver.port}",
            credential_id=CREDENTIAL_ID,
            secret=SECRET,
            timeout_seconds=0.6,
            most_calls=1,
            validates_members=validates,
        )
        begun = time.monotonic()
        credit = Credit(reference=ExchangeOrder().reference, membership_number="1", amount=1, points=1)
        answer = adapter.credit(credit)
        took = time.monotonic() - begun
        adapter.close()

    assert answer.kind is (AnswerKind.NOT_SENT if validates else AnswerKind.NO_ANSWER)
    assert took < 2.5


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize(("name", "state"), [("Unknown", "refused"), ("Doe", "settled")])
def test_a_member_whom_the_partner_does_not_know_is_refused_before_the_credit(rich, token, airline, name, state):
    Provider.objects.filter(brand=rich.brand).update(terms={"validate_members": True})
    Member.objects.filter(pk=rich.pk).update(second_name=name)
    exchange(rich, token, 100)
    drive()

    order = ExchangeOrder.objects.get(member=rich)
    assert (order.state, Account.objects.get(member=rich).balance) == (state, POINTS if state == "refused" else POINTS - 100)
    if state == "refused":
        assert order.refusal_code == "UNKNOWN_MEMBER"
        assert airline[1].ledger.rows("etihad") == []

"""What partners tell unasked: only from them, once, whenever it comes."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from exchange.adapters.base import Answer, AnswerKind
from exchange.adapters.lcp.signing import Signed
from exchange.models import ExchangeAttempt, ExchangeOrder, Provider
from exchange.sandbox.server import CREDENTIAL_ID, SECRET
from exchange.services.driving import Call, _lease
from exchange.services.settling import record_answer
from ledger.models import Account, Token, Transaction
from ledger.services.points import PointsOrder, credit_points
from tests.exchange.world import LONG_AGO, exchange, make_partnership, make_provider
from users.models import Member

POINTS = 10_000


@pytest.fixture
def order(member: Member, token: Token) -> ExchangeOrder:
    """One that a worker has leased, and whose reply is not there yet."""
    gift = PointsOrder(brand_id=member.brand_id, auth_id=str(member.auth_id), token_id=token.pk, amount=POINTS, actor="test")
    credit_points(order=gift, at=timezone.now() - timedelta(days=1))
    make_partnership(make_provider(member.brand), token)
    return exchange(member, token, 100)


@pytest.fixture
def call(order: ExchangeOrder) -> Call:
    ExchangeOrder.objects.filter(pk=order.pk).update(due_at=LONG_AGO)  # before whatever other tests have left
    (call,) = _lease(1, {}, at=timezone.now())
    return call


def tell(order: ExchangeOrder, *, path: str = "", secret: str = SECRET, age: int = 0, **changed: Any) -> Any:
    told = {"callback": str(order.reference), "status": "success", "amount": order.received, "transactionId": "T1"} | changed
    body = json.dumps(told).encode()
    path = path or f"/api/exchange/notices/{order.provider_id}"
    signed = Signed(method="POST", path=path, host="testserver", port=80, content_type="application/json", body=body)
    header = signed.authorization(CREDENTIAL_ID, secret, timestamp=str(int(time.time()) - age), nonce="n")
    return Client().post(path, body, content_type="application/json", headers={"Authorization": header})


def state(order: ExchangeOrder) -> str:
    return ExchangeOrder.objects.get(pk=order.pk).state


def balance(order: ExchangeOrder) -> int:
    return Account.objects.get(member_id=order.member_id).balance


def test_a_notice_before_the_reply_settles_and_the_reply_changes_nothing(order, call):
    assert tell(order).json() == {"status": "received"}
    assert state(order) == "settled"
    before = Transaction.objects.count()

    record_answer(attempt_id=call.attempt_id, answer=Answer(kind=AnswerKind.CREDITED), at=timezone.now())

    assert (state(order), Transaction.objects.count(), balance(order)) == ("settled", before, POINTS - 100)


def test_the_same_notice_twice_changes_nothing_the_second_time(order, call):
    for _ in range(2):
        assert tell(order, status="failure", statusMessage="INELIGIBLE").status_code == 200
    assert (state(order), balance(order)) == ("refused", POINTS)
    assert Transaction.objects.filter(brand=order.brand, type="reversal").count() == 1


def test_a_success_after_a_refusal_takes_the_points_again(order, call):
    tell(order, status="failure", statusMessage="INELIGIBLE")
    tell(order)

    assert (state(order), balance(order)) == ("settled", POINTS - 100)


def test_a_notice_that_decides_nothing_is_only_heard(order, call):
    for told in ({"status": "pending"}, {"status": "systemError"}, {"status": ["success"]}, {"amount": 1}):
        assert tell(order, **told).status_code == 200
    assert state(order) == "submitted"
    assert ExchangeAttempt.objects.filter(order=order, act="notice").count() == 0


@pytest.mark.parametrize("wrong", [{"secret": "c29tZSBvdGhlciBzZWNyZXQ"}, {"age": 31}, {"age": -32}])
def test_who_cannot_sign_now_is_not_heard(order, call, wrong):
    assert tell(order, **wrong).status_code == 401
    assert state(order) == "submitted"


def test_a_partner_speaks_of_its_own_orders_only(order, call, other_brand):
    other = make_provider(other_brand)
    assert tell(order, path=f"/api/exchange/notices/{other.pk}").status_code == 404
    assert tell(order, path="/api/exchange/notices/999999999").status_code == 401
    assert tell(order, callback="7").json() == {"errors": [{"code": "NO_MATCH", "field": "callback"}]}
    assert state(order) == "submitted"


def test_without_a_secret_nobody_is_believed(order, call):
    Provider.objects.filter(pk=order.provider_id).update(secret=None)
    assert tell(order, secret="").status_code == 401

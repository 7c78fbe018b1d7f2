"""A brand with a ledger of its own is told by a signed webhook; its status is the answer, and a message's id makes it once."""

import json

import pytest

from exchange.adapters.base import AnswerKind
from exchange.adapters.webhook.adapter import meaning_of
from exchange.models import AdapterKind, ExchangeOrder, Provider
from exchange.services.credentials import set_secret
from ledger.models import Account
from tests.exchange.conftest import POINTS
from tests.exchange.world import NUMBER, drive, exchange, make_partnership, make_provider
from tests.users.hooks import Receiver, hang, receiving
from users.models import Member
from users.rules.webhooks import secret_text

SECRET = secret_text(b"0123456789abcdef01234567")


@pytest.fixture
def receiver(settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def telling(brand, token, receiver) -> Provider:
    made = make_provider(brand)
    Provider.objects.filter(pk=made.pk).update(adapter=AdapterKind.WEBHOOK, address=receiver.url, timeout_seconds=1)
    made.refresh_from_db()
    set_secret(provider=made, secret=SECRET)
    make_partnership(made, token)
    return made


def state(member: Member) -> str:
    return ExchangeOrder.objects.get(member=member).state


@pytest.mark.usefixtures("telling")
def test_the_brand_is_told_what_to_credit_and_can_check_who_says_so(rich, token, receiver: Receiver):
    order = exchange(rich, token, 100)
    drive()

    (heard,) = receiver.heard
    assert (state(rich), heard.id, heard.verify(SECRET)) == ("settled", str(order.reference), True)
    told = json.loads(heard.body)
    assert told == {
        "amount": 1000,
        "auth_id": NUMBER,
        "timestamp": order.created_at.isoformat(),
        "token_name": "Miles",
        "token_symbol": "MI",
        "transaction_type": "points_to_external_rewards",
        "tx_hash": f"0x{bytes(order.transaction.hash).hex()}",
    }


@pytest.mark.usefixtures("telling")
@pytest.mark.parametrize("first", [500, hang, b"HTTP/1.1 200 OK\r\nConte", 302])
def test_without_a_clear_answer_the_same_message_is_sent_until_there_is_one(rich, token, receiver: Receiver, first):
    receiver.answers = [first, 503]
    exchange(rich, token, 100)
    drive()
    assert state(rich) == "unknown"

    drive(rounds=2)

    assert state(rich) == "settled"
    assert len({heard.id for heard in receiver.heard}) == 1
    assert len({heard.body for heard in receiver.heard}) == 1
    assert len(receiver.heard) == 3


@pytest.mark.usefixtures("telling")
@pytest.mark.parametrize("status", [400, 422])
def test_a_refusal_gives_the_points_back(rich, token, receiver: Receiver, status):
    receiver.always = status
    exchange(rich, token, 100)
    drive()

    assert state(rich) == "refused"
    assert Account.objects.get(member=rich).balance == POINTS


def test_an_address_in_the_house_is_never_reached(rich, token, telling, receiver: Receiver, settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = []
    exchange(rich, token, 100)
    drive()

    assert (state(rich), receiver.heard) == ("accepted", [])


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, AnswerKind.CREDITED),
        (204, AnswerKind.CREDITED),
        (301, AnswerKind.NO_ANSWER),
        (401, AnswerKind.NOT_SENT),
        (404, AnswerKind.NOT_SENT),
        (409, AnswerKind.NO_ANSWER),
        (429, AnswerKind.NOT_SENT),
        (503, AnswerKind.NO_ANSWER),
    ],
)
def test_what_a_status_means(status, kind):
    assert meaning_of(status).kind is kind

"""A member is erased while postings for them run: in the end nothing personal is left and nothing is open."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from ledger.models import Account
from ledger.services.proof import prove
from loyalty.api.models import IdempotentRequest
from tests.clients import Partner
from tests.conftest import NOON, make_member, make_token
from tests.ledger.orders import move
from users.models import Email
from users.services.members import erase_member


def erase(member) -> None:
    erase_member(brand_id=member.brand_id, auth_id=member.auth_id, at=NOON)
    connection.close()


def must_be_gone(member) -> None:
    assert not Account.objects.filter(member=member, closed_at__isnull=True).exists()
    assert not Email.objects.filter(member=member).exists()
    assert not IdempotentRequest.objects.filter(member=member, body__isnull=False).exists()
    assert prove(brand_id=member.brand_id).holds


@pytest.mark.parametrize("has_account", [True, False])
def test_an_erasure_waits_for_the_posting_and_takes_what_it_left(own_brand, has_account):
    member, token = make_member(own_brand), make_token(own_brand)
    if has_account:
        move(member, token, 1)
    partner, posted, go_on = Partner.of(own_brand), threading.Event(), threading.Event()

    def post_slowly() -> int:
        with transaction.atomic():
            answer = partner.credit(member.auth_id, 5, token.pk, key="slow", send_email=True)
            posted.set()
            go_on.wait(30)
        connection.close()
        return answer.status_code

    with ThreadPoolExecutor(2) as threads:
        posting = threads.submit(post_slowly)
        posted.wait(30)
        erasing = threads.submit(erase, member)
        threading.Timer(0.5, go_on.set).start()
        erasing.result(30)

        assert posting.result(30) == 202
    must_be_gone(member)


def test_postings_and_an_erasure_at_the_same_instant_end_right(own_brand):
    token = make_token(own_brand)
    for turn in range(12):
        member, partner = make_member(own_brand), Partner.of(own_brand)

        def credit(number: int, member=member, partner=partner, turn=turn) -> int:
            answer = partner.credit(member.auth_id, 5, token.pk, key=f"{turn}-{number}", send_email=True)
            connection.close()
            return answer.status_code

        with ThreadPoolExecutor(4) as threads:
            credits_ = [threads.submit(credit, number) for number in range(3)]
            threads.submit(erase, member).result(30)
            statuses = {future.result(30) for future in credits_}

        assert statuses <= {202, 400}
        must_be_gone(member)

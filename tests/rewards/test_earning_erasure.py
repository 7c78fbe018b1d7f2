"""Nothing of what someone bought is kept behind the back of their erasure, not even of a basket that earned nothing."""

import threading

import pytest
from django.db import connections
from django.utils import timezone

from rewards.models import Earning
from rewards.rules.baskets import AskedLine
from rewards.services.earning import EarnOrder, earn
from rewards.services.evaluating import BasketOrder
from tests.api.retail.baskets import make_programme
from tests.conftest import make_member
from users.services.members import erase_member


@pytest.mark.parametrize("amount", ["0.10", "5.00"])
def test_who_is_erased_while_they_earn_is_erased_afterwards(own_brand, amount):
    make_programme(own_brand)
    member = make_member(own_brand)
    line = AskedLine(1, "bread", None, 1, amount, None, amount)
    basket = BasketOrder(brand_id=own_brand.pk, member=member.auth_id, currency="EUR", lines=[line])

    def erase() -> None:
        erase_member(brand_id=own_brand.pk, auth_id=member.auth_id, at=timezone.now())
        connections.close_all()

    erasing = threading.Thread(target=erase)

    def render(_) -> str:
        erasing.start()
        erasing.join(timeout=0.5)
        return "{}"

    order = EarnOrder(basket=basket, transaction_id="t1", content=b"{}", actor="client:1")
    earn(order=order, at=timezone.now(), render=render)
    erasing.join()

    kept = Earning.objects.get(brand=own_brand)
    assert (kept.basket, kept.answer) == (None, None)

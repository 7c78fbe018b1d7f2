"""Nothing of what someone bought is kept behind the back of their erasure, not even of a basket that earned nothing."""

import threading

import pytest
from django.db import connections
from django.utils import timezone

from ledger.models import Account, Note
from rewards.models import Earning, EarningReversal
from rewards.rules.baskets import AskedLine
from rewards.services import earning, importing
from rewards.services.earning import EarnOrder, earn
from rewards.services.evaluating import BasketOrder
from rewards.services.taking_back import TakeBackOrder, take_back
from tests.api.retail.baskets import DOUBLE_COFFEE, make_programme, publish
from tests.conftest import make_member
from users.errors import UserNotFound
from users.services.members import erase_member
from users.services.merging import merge_members


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


def bring_in(brand, names: list[str]) -> tuple[importing.Tally, list[str]]:
    """A line for each; answers whose were rejected, too."""
    columns = {"occurred_at": timezone.now().isoformat(), "amount": "5.00", "category": "coffee"}
    lines = [
        importing.FileLine(number, columns | {"transaction_id": f"t{number}", "member_id": name})
        for number, name in enumerate(names)
    ]
    rejected: list[str] = []
    tally = importing.Tally()
    importing.import_earnings(
        brand_id=brand.pk,
        lines=lines,
        actor="system",
        at=timezone.now(),
        tally=tally,
        reject=lambda line, _: rejected.append(line.columns["member_id"]),
    )
    return tally, rejected


@pytest.mark.parametrize("budget", [None, 1_000])
def test_nobody_who_is_erased_or_merged_while_a_file_is_read_gets_an_account(own_brand, budget, monkeypatch):
    """The member goes between the look at their name and the posting."""
    make_programme(own_brand)
    publish(own_brand, DOUBLE_COFFEE, budget=budget)
    gone, merged, kept = (make_member(own_brand) for _ in range(3))
    names = [member.auth_id for member in (gone, merged, kept)]
    look = importing._members

    def members(brand_id, contents):
        found = look(brand_id, contents)
        erasing = threading.Thread(target=let_go)
        erasing.start()
        erasing.join()
        return found

    def let_go() -> None:
        at = timezone.now()
        erase_member(brand_id=own_brand.pk, auth_id=gone.auth_id, at=at)
        merge_members(brand_id=own_brand.pk, keep_id=kept.pk, duplicate_id=merged.pk, actor="staff:1", at=at)
        connections.close_all()

    monkeypatch.setattr(importing, "_members", members)
    tally, rejected = bring_in(own_brand, names)

    assert (tally.earned, sorted(rejected)) == (1, sorted(names[:2]))
    assert not Account.objects.filter(brand=own_brand, member__in=[gone, merged]).exists()
    assert not Earning.objects.filter(brand=own_brand, member__in=[gone, merged]).exists()


def test_who_is_erased_and_made_anew_while_they_earn_gets_nothing_of_the_other_s(own_brand, monkeypatch):
    """The basket is judged for the one, and would be posted to the other of the same name."""
    make_programme(own_brand)
    member = make_member(own_brand)
    line = AskedLine(1, "bread", None, 1, "5.00", None, "5.00")
    basket = BasketOrder(brand_id=own_brand.pk, member=member.auth_id, currency="EUR", lines=[line])
    order = EarnOrder(basket=basket, transaction_id="t1", content=b"{}", actor="client:1")
    judge = earning.judge

    def judged(*args, **terms):
        outcome = judge(*args, **terms)
        thread = threading.Thread(target=anew)
        thread.start()
        thread.join()
        return outcome

    def anew() -> None:
        name = member.auth_id
        erase_member(brand_id=own_brand.pk, auth_id=name, at=timezone.now())
        make_member(own_brand, auth_id=name)
        connections.close_all()

    monkeypatch.setattr(earning, "judge", judged)
    with pytest.raises(UserNotFound):
        earn(order=order, at=timezone.now(), render=lambda _: "{}")

    assert not Earning.objects.filter(brand=own_brand).exists()
    assert not Account.objects.filter(brand=own_brand).exists()


def test_what_is_taken_back_of_a_merged_duplicate_while_the_kept_one_is_erased_is_erased_too(own_brand):
    make_programme(own_brand)
    keep, duplicate = make_member(own_brand), make_member(own_brand)
    line = AskedLine(1, "bread", None, 1, "5.00", None, "5.00")
    basket = BasketOrder(brand_id=own_brand.pk, member=duplicate.auth_id, currency="EUR", lines=[line])
    order = EarnOrder(basket=basket, transaction_id="t1", content=b"{}", actor="client:1")
    earn(order=order, at=timezone.now(), render=lambda _: "{}")
    merge_members(brand_id=own_brand.pk, keep_id=keep.pk, duplicate_id=duplicate.pk, actor="staff:1", at=timezone.now())

    def erase() -> None:
        erase_member(brand_id=own_brand.pk, auth_id=keep.auth_id, at=timezone.now())
        connections.close_all()

    erasing = threading.Thread(target=erase)

    def render(_) -> str:
        erasing.start()
        erasing.join(timeout=0.5)
        return "{}"

    back = TakeBackOrder(
        brand_id=own_brand.pk, transaction_id="t1", reversal_id="r1", content=b"{}", actor="client:1", reason="Ann was here"
    )
    take_back(order=back, at=timezone.now(), render=render)
    erasing.join()

    kept = EarningReversal.objects.get(brand=own_brand)
    assert (kept.answer, kept.lines) == (None, {})
    assert not Note.objects.filter(brand=own_brand).exists()

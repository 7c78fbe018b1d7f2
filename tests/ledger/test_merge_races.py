"""A duplicate is merged while points move for both: nothing is lost, nothing is stranded, everything proves."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Sum

from ledger.models import Account, Transaction
from ledger.services.proof import prove
from loyalty.errors import LoyaltyError
from tests.clients import Partner
from tests.conftest import NOON, make_expiring_token, make_member, make_token
from tests.ledger.orders import account_of, move, undo
from users.errors import AlreadyMerged
from users.services.members import erase_member
from users.services.merging import merge_members


def merge(keep, duplicate) -> Any:
    try:
        return merge_members(brand_id=keep.brand_id, keep_id=keep.pk, duplicate_id=duplicate.pk, actor="staff:1", at=NOON)
    except LoyaltyError as refusal:
        return refusal
    finally:
        connection.close()


def closing(act) -> Any:
    try:
        return act()
    except LoyaltyError as refusal:
        return refusal
    finally:
        connection.close()


def at_once(*acts) -> list[Any]:
    barrier = threading.Barrier(len(acts))

    def run(act) -> Any:
        barrier.wait(30)
        return closing(act)

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def must_hold(brand, token, keep, *duplicates) -> None:
    """All that was ever given is with the kept member; nothing is open on a duplicate."""
    rows = Transaction.objects.filter(brand=brand, account__token=token, account__member__in=[keep, *duplicates])
    total = rows.aggregate(total=Sum("amount", default=0))["total"]
    assert account_of(keep, token).balance == total
    assert not Account.objects.filter(member__in=duplicates, closed_at__isnull=True).exists()
    assert not Account.objects.filter(member__in=duplicates).exclude(balance=0).exists()
    assert prove(brand_id=brand.pk).differences == []


@pytest.mark.parametrize("has_account", [True, False])
def test_a_merge_waits_for_the_posting_and_takes_what_it_left(own_brand, has_account):
    keep, duplicate, token = make_member(own_brand), make_member(own_brand), make_token(own_brand)
    move(keep, token, 1)
    if has_account:
        move(duplicate, token, 1)
    partner, posted, go_on = Partner.of(own_brand), threading.Event(), threading.Event()

    def post_slowly() -> int:
        with transaction.atomic():
            answer = partner.credit(duplicate.auth_id, 5, token.pk, key="slow", send_email=True)
            posted.set()
            go_on.wait(30)
        connection.close()
        return answer.status_code

    with ThreadPoolExecutor(2) as threads:
        posting = threads.submit(post_slowly)
        posted.wait(30)
        merging = threads.submit(merge, keep, duplicate)
        threading.Timer(0.5, go_on.set).start()
        merging.result(30)

        assert posting.result(30) == 202
    assert account_of(keep, token).balance == (7 if has_account else 6)
    must_hold(own_brand, token, keep, duplicate)


def test_postings_for_both_and_a_merge_at_the_same_instant_end_right(own_brand):
    token = make_expiring_token(own_brand)
    for _ in range(10):
        keep, duplicate, partner = make_member(own_brand), make_member(own_brand), Partner.of(own_brand)
        move(keep, token, 1)

        def credit(member, partner=partner) -> int:
            return partner.credit(member.auth_id, 5, token.pk).status_code

        def debit(member, partner=partner) -> int:
            return partner.debit(member.auth_id, 3, token.pk).status_code

        merged, *statuses = at_once(
            lambda keep=keep, duplicate=duplicate: merge(keep, duplicate),
            *(lambda member=member: credit(member) for member in (duplicate, duplicate, keep)),
            *(lambda member=member: debit(member) for member in (duplicate, keep)),
        )

        assert not isinstance(merged, LoyaltyError)
        assert set(statuses) <= {202, 400}
        must_hold(own_brand, token, keep, duplicate)


def test_a_duplicate_is_merged_once_whoever_else_tries_at_that_instant(own_brand):
    token = make_token(own_brand)
    keeps, duplicate = [make_member(own_brand) for _ in range(4)], make_member(own_brand)
    for member in (*keeps, duplicate):
        move(member, token, 10)

    outcomes = at_once(*(lambda keep=keep: merge(keep, duplicate) for keep in keeps))

    won = [keep for keep, outcome in zip(keeps, outcomes, strict=True) if not isinstance(outcome, LoyaltyError)]
    assert {type(outcome) for outcome in outcomes if isinstance(outcome, LoyaltyError)} == {AlreadyMerged}
    assert [account_of(keep, token).balance for keep in won] == [20]
    must_hold(own_brand, token, won[0], duplicate)


def test_two_that_are_merged_into_each_other_at_once_leave_one(own_brand):
    token = make_token(own_brand)
    for _ in range(5):
        one, other = make_member(own_brand), make_member(own_brand)
        move(one, token, 10)
        move(other, token, 20)

        outcomes = at_once(lambda one=one, other=other: merge(one, other), lambda one=one, other=other: merge(other, one))

        (won,) = [outcome for outcome in outcomes if not isinstance(outcome, LoyaltyError)]
        must_hold(own_brand, token, won.keep, won.duplicate)


def test_reversals_of_the_duplicate_s_rows_go_on_while_the_kept_one_is_busy(own_brand):
    token = make_expiring_token(own_brand)
    keep, duplicate = make_member(own_brand), make_member(own_brand)
    move(keep, token, 100)
    move(duplicate, token, 100)
    spent = [move(duplicate, token, -5) for _ in range(4)]
    given = [move(duplicate, token, 5) for _ in range(4)]
    merge(keep, duplicate)

    outcomes = at_once(
        *(lambda row=row: undo(row, brand_id=own_brand.pk) for row in (*spent, *given)),
        *(lambda: move(keep, token, -1) for _ in range(4)),
    )

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert account_of(keep, token).balance == 200 - 4
    must_hold(own_brand, token, keep, duplicate)


def test_a_merge_and_an_erasure_at_once_leave_nothing_personal_or_one_member(own_brand):
    token = make_token(own_brand)
    for _ in range(6):
        keep, duplicate = make_member(own_brand), make_member(own_brand)
        move(keep, token, 10)
        move(duplicate, token, 20)
        name = keep.auth_id

        merged, erased = at_once(
            lambda keep=keep, duplicate=duplicate: merge(keep, duplicate),
            lambda name=name: erase_member(brand_id=own_brand.pk, auth_id=name, at=NOON),
        )

        keep.refresh_from_db()
        duplicate.refresh_from_db()
        assert not isinstance(erased, LoyaltyError)
        assert keep.erased_at is not None
        assert (duplicate.erased_at is None) is isinstance(merged, LoyaltyError)
        assert prove(brand_id=own_brand.pk).differences == []

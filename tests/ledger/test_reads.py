"""Statements, history and tallies: reads that always add up."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.db import connection, transaction

from ledger.models import Tally
from ledger.selectors import History, Place, balance_at, page_of, statement_of, total_of
from ledger.services.tallying import tally_transactions
from tests.conftest import NOON, make_brand, make_member, make_token
from tests.ledger.orders import DAY, account_of, move


def test_a_statement_adds_up(member, token):
    for day, amount in enumerate((100, -30, 5)):
        move(member, token, amount, at=NOON + day * DAY)

    statement = statement_of(account_of(member, token), from_time=NOON + DAY, to_time=NOON + 3 * DAY)

    assert statement.opening_balance == 100
    assert [row.amount for row in statement.transactions] == [-30, 5]
    assert statement.closing_balance == 75


def test_a_statement_without_movements_holds_what_was_there(member, token):
    move(member, token, 100)

    statement = statement_of(account_of(member, token), from_time=NOON + DAY, to_time=NOON + 2 * DAY)

    assert (statement.opening_balance, statement.closing_balance) == (100, 100)


def test_the_balance_of_any_instant_can_be_told(member, token):
    for day, amount in enumerate((100, -30)):
        move(member, token, amount, at=NOON + day * DAY)

    account = account_of(member, token)
    assert [balance_at(account, at=NOON + day * DAY) for day in range(3)] == [0, 100, 70]


def test_the_total_of_a_token_is_the_sum_of_its_accounts(brand, token):
    for points in (5, 7):
        move(make_member(brand), token, points)

    assert total_of(token) == 12


def test_a_members_history_is_merged_over_tokens_newest_first(brand, member):
    first, second = make_token(brand), make_token(brand)
    posted = [move(member, token, 1).id for token in (first, second, first, second, first)]

    page = page_of(History(brand_id=brand.pk, auth_id=member.auth_id), limit=3)
    rest = page_of(History(brand_id=brand.pk, auth_id=member.auth_id), limit=3, before=Place(page[-1].recorded_at, page[-1].pk))

    assert [row.pk for row in page + rest] == posted[::-1]


def test_the_total_is_the_same_before_and_after_tallying(own_brand):
    member, token = make_member(own_brand), make_token(own_brand)
    for amount in (5, -1, -1):
        move(member, token, amount)
    history = History(brand_id=own_brand.pk)

    before = history.total()
    tally_transactions()
    tally_transactions()
    move(member, token, 1)

    assert sum(Tally.objects.filter(brand=own_brand).values_list("count", flat=True)) == 3
    assert (before, history.total()) == (3, 4)
    assert History(brand_id=own_brand.pk, types=("debit_points",)).total() == 2
    assert History(brand_id=own_brand.pk, token_id=token.pk).total() == 4
    assert History(brand_id=own_brand.pk, auth_id=member.auth_id).total() == 4


def test_nothing_is_tallied_over_the_head_of_a_transaction_that_still_runs(own_brand):
    token, early, late = make_token(own_brand), make_member(own_brand), make_member(own_brand)
    posted, go_on = threading.Event(), threading.Event()

    def post_slowly() -> None:
        with transaction.atomic():
            move(early, token, 1)
            posted.set()
            go_on.wait(30)
        connection.close()

    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(post_slowly)
        posted.wait(30)
        move(late, token, 1)
        for _ in range(3):
            tally_transactions()
        seen_meanwhile = History(brand_id=own_brand.pk).total()
        go_on.set()
        slow.result()
    for _ in range(3):
        tally_transactions()

    assert seen_meanwhile == 1
    assert History(brand_id=own_brand.pk).total() == 2


def test_time_never_runs_backwards_on_an_account(brand, member, token):
    for milliseconds in (3, 1, 2, 2):
        move(member, token, 1, at=NOON + timedelta(milliseconds=milliseconds))
    history = History(brand_id=brand.pk, auth_id=member.auth_id)

    first = page_of(history, limit=2)
    second = page_of(history, limit=2, before=Place(first[-1].recorded_at, first[-1].pk))

    assert [row.sequence for row in first + second] == [4, 3, 2, 1]
    account = account_of(member, token)
    cut = NOON + timedelta(milliseconds=3, microseconds=1)
    before = statement_of(account, from_time=NOON, to_time=cut)
    after = statement_of(account, from_time=cut, to_time=NOON + DAY)
    assert (before.opening_balance, before.closing_balance, after.opening_balance, after.closing_balance) == (0, 1, 1, 4)
    assert len(before.transactions + after.transactions) == 4


def test_another_brands_rows_are_never_listed(member, token):
    move(member, token, 1)

    assert page_of(History(brand_id=make_brand().pk), limit=10) == []

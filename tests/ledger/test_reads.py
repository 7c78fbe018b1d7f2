"""Statements, history and tallies: reads that always add up."""

from datetime import timedelta

from django.utils import timezone

from ledger.models import Tally, TallyMark
from ledger.selectors import History, Place, balance_at, page_of, statement_of, total_of
from ledger.services.tallying import SETTLED_AFTER, tally_transactions
from tests.conftest import NOON, make_brand, make_member, make_token
from tests.ledger.orders import DAY, account_of, move

LATER = timezone.now() + timedelta(hours=1)


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
    rest = page_of(History(brand_id=brand.pk, auth_id=member.auth_id), limit=3, before=Place(NOON, page[-1].pk))

    assert [row.pk for row in page + rest] == posted[::-1]


def test_the_total_is_the_same_before_and_after_tallying(own_brand):
    member, token = make_member(own_brand), make_token(own_brand)
    for amount in (5, -1, -1):
        move(member, token, amount)
    history = History(brand_id=own_brand.pk)

    before = history.total()
    while tally_transactions(at=timezone.now() + 2 * SETTLED_AFTER):
        pass
    move(member, token, 1)

    assert (before, history.total()) == (3, 4)
    assert History(brand_id=own_brand.pk, types=("debit_points",)).total() == 2
    assert History(brand_id=own_brand.pk, token_id=token.pk).total() == 4
    assert History(brand_id=own_brand.pk, auth_id=member.auth_id).total() == 4


def test_rows_that_are_too_young_are_not_tallied(own_brand):
    member, token = make_member(own_brand), make_token(own_brand)
    move(member, token, 5, at=timezone.now())

    tally_transactions(at=timezone.now())

    assert not Tally.objects.filter(brand=own_brand).exists()
    assert TallyMark.objects.get(brand=own_brand).transaction_id == 0


def test_another_brands_rows_are_never_listed(member, token):
    move(member, token, 1)

    assert page_of(History(brand_id=make_brand().pk), limit=10) == []

"""The explorer's search: what is asked for is found, whole and in order, whichever index carries it."""

from datetime import timedelta
from itertools import product

import pytest
from django.db import connection

from ledger.models import Transaction
from ledger.selectors.search import Search, first_since
from tests.conftest import NOON, make_brand, make_member, make_token
from tests.ledger.orders import account_of, move, undo

MINUTE = timedelta(minutes=1)


@pytest.fixture
def busy(brand):
    """A brand with two members, two tokens and forty movements, a minute apart, two of each instant."""
    members, tokens = [make_member(brand) for _ in range(2)], [make_token(brand) for _ in range(2)]
    for number in range(40):
        member, token = members[number % 2], tokens[number // 3 % 2]
        terms = {"actor": ("key:1", "key:2", "staff:5")[number % 3], "at": NOON + number // 2 * MINUTE}
        amount = 100 if number < 20 or number % 4 else -1
        move(member, token, amount, reference_id=f"order {number}", **terms)
    return brand, members, tokens


def found(search: Search, size: int = 7) -> list[Transaction]:
    rows = [row for chunk in search.walk(size=size) for row in chunk]
    assert len({row.pk for row in rows}) == len(rows)
    return rows


def expected(brand, keep) -> list[Transaction]:
    rows = Transaction.objects.filter(brand=brand).select_related("account__member")
    return sorted((row for row in rows if keep(row)), key=lambda row: (row.recorded_at, row.pk), reverse=True)


def test_every_mix_of_filters_finds_what_it_says(busy, monkeypatch):
    """Each filter, given or not, with every other, through small looks: against the plain reading of all rows."""
    brand, members, tokens = busy
    span = (NOON + 3 * MINUTE, NOON + 15 * MINUTE)
    for scan, choices in product((10_000, 6), product([True, False], repeat=6)):
        monkeypatch.setattr("loyalty.keyset.SCAN", scan)
        by_member, by_token, by_type, by_sign, by_actor, by_time = choices
        search = Search(
            brand_id=brand.pk,
            auth_id=members[0].auth_id if by_member else "",
            token_id=tokens[1].pk if by_token else None,
            type="debit_points" if by_type else "",
            sign=-1 if by_sign else 0,
            actor="staff:5" if by_actor else "",
            from_time=span[0] if by_time else None,
            to_time=span[1] if by_time else None,
        )

        rows = found(search)

        assert rows == expected(
            brand,
            lambda row, choices=choices: (
                (not choices[0] or row.account.member_id == members[0].pk)
                and (not choices[1] or row.account.token_id == tokens[1].pk)
                and (not choices[2] or row.type == "debit_points")
                and (not choices[3] or row.amount < 0)
                and (not choices[4] or row.actor == "staff:5")
                and (not choices[5] or span[0] <= row.recorded_at < span[1])
            ),
        )


@pytest.mark.parametrize("scan", [10_000, 6])
def test_the_way_back_shows_what_the_way_forth_showed(busy, monkeypatch, scan):
    monkeypatch.setattr("loyalty.keyset.SCAN", scan)
    brand, members, _ = busy
    for terms in ({}, {"auth_id": members[0].auth_id}, {"auth_id": members[0].auth_id, "sign": 1}, {"type": "credit_points"}):
        search = Search(brand_id=brand.pk, **terms)
        windows = [search.window(size=5)]
        while windows[-1].older is not None:
            windows.append(search.window(size=5, older=windows[-1].older))

        seen, window = list(windows[-1].rows), windows[-1]
        while window.newer is not None:
            window = search.window(size=5, newer=window.newer)
            seen = [row for row in window.rows if row not in seen] + seen

        assert seen == [row for window in windows for row in window.rows]


def test_a_reference_and_a_hash_find_their_row_in_their_brand_alone(busy):
    brand, members, _ = busy
    row = Transaction.objects.get(brand=brand, reference_id="order 7")
    other = make_brand()

    for terms in ({"reference_id": "order 7"}, {"hash": bytes(row.hash)}, {"reference_id": "order 7", "hash": bytes(row.hash)}):
        assert found(Search(brand_id=brand.pk, **terms)) == [row]
        assert found(Search(brand_id=other.pk, **terms)) == []
        assert row in found(Search(brand_id=None, **terms))
    assert found(Search(brand_id=brand.pk, reference_id="order 7", auth_id=members[0].auth_id, sign=-1)) == []


def test_an_account_is_found_by_its_id_behind_its_wall(busy):
    brand, members, tokens = busy
    account = account_of(members[1], tokens[0])

    assert {row.account_id for row in found(Search(brand_id=brand.pk, account_id=account.pk))} == {account.pk}
    assert found(Search(brand_id=make_brand().pk, account_id=account.pk)) == []


def test_another_brands_member_token_and_rows_are_not_found(busy):
    brand, members, tokens = busy
    other = make_brand()
    move(make_member(other, auth_id=members[0].auth_id), make_token(other), 5)

    assert {row.brand_id for row in found(Search(brand_id=other.pk, auth_id=members[0].auth_id))} == {other.pk}
    assert found(Search(brand_id=other.pk, token_id=tokens[0].pk)) == []
    assert {row.brand_id for row in found(Search(brand_id=brand.pk))} == {brand.pk}
    assert {brand.pk, other.pk} <= {row.brand_id for row in found(Search(brand_id=None, auth_id=members[0].auth_id))}


def test_who_has_no_account_has_no_transactions(brand):
    search = Search(brand_id=brand.pk, auth_id="nobody")

    assert (found(search), search.estimate()) == ([], 0)


def test_the_first_row_since_an_instant_is_found_by_halving(busy):
    _, members, tokens = busy
    accounts = {account_of(member, token).pk for member in members for token in tokens}
    for at in (NOON - MINUTE, NOON, NOON + 7 * MINUTE, NOON + 7.5 * MINUTE, NOON + 99 * MINUTE):
        firsts = first_since(sorted(accounts), at)

        for account_id, number in firsts.items():
            rows = Transaction.objects.filter(account_id=account_id, recorded_at__gte=at).order_by("sequence")
            last = Transaction.objects.filter(account_id=account_id).order_by("-sequence").first().sequence
            assert number == (rows[0].sequence if rows else last + 1)
        assert firsts.keys() == accounts


def test_an_estimate_is_right_where_it_is_known(busy):
    brand, members, tokens = busy
    own = Transaction.objects.filter(account=account_of(members[0], tokens[0])).count()

    assert Search(brand_id=brand.pk, auth_id=members[0].auth_id).estimate() == 20
    assert Search(brand_id=brand.pk, auth_id=members[0].auth_id, token_id=tokens[0].pk).estimate() == own


PLANS = {
    "transaction_newest": {},
    "transaction_newest ": {"token_id": 1, "from_time": NOON},
    "transaction_of_type": {"type": "credit_points", "from_time": NOON},
    "transaction_of_staff": {"actor": "staff:5"},
}
EXACT = {"transaction_reference_once": {"reference_id": "order 1"}, "transaction_hash": {"hash": bytes(32)}}


@pytest.mark.parametrize("index", PLANS)
def test_an_index_carries_each_search(busy, index, django_assert_max_num_queries):
    brand, _, _ = busy
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
    search = Search(brand_id=brand.pk, **PLANS[index])
    within = search._within() if search._is_searched else search.rows()

    plan = search.key.beyond(within, (NOON, 1)).order_by(*search.key.ordering())[:50].explain()

    assert f"using {index.strip()} " in plan, plan
    assert "Sort" not in plan
    with django_assert_max_num_queries(2):
        search.window(size=50)


@pytest.mark.parametrize("index", EXACT)
def test_an_index_finds_the_one_row(busy, index):
    brand, _, _ = busy
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE ledger_transaction")
        cursor.execute("SET LOCAL enable_seqscan = off")

    plan = Search(brand_id=brand.pk, **EXACT[index]).rows().values("pk").explain()

    assert f" {index} " in plan, plan


def test_a_members_rows_take_few_queries_wherever_they_stand(busy, django_assert_max_num_queries):
    brand, members, _ = busy
    search = Search(brand_id=brand.pk, auth_id=members[0].auth_id, sign=1, from_time=NOON, to_time=NOON + 99 * MINUTE)
    first = search.window(size=5)

    with django_assert_max_num_queries(6):
        search.window(size=5, older=first.older)


def test_a_reversal_is_found_by_its_type(busy, brand, member):
    token = make_token(brand)
    posted = move(member, token, 10)
    undone = undo(posted, brand_id=brand.pk)

    assert [row.pk for row in found(Search(brand_id=brand.pk, type="reversal"))] == [undone.id]

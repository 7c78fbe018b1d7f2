"""A duplicate is merged: its points go to the member that is kept, with their days of expiry, by rows that prove."""

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Sum

from ledger.errors import BalanceLimit, InsufficientBalance
from ledger.models import Account, Lot, Note, Transaction
from ledger.models.accounts import BALANCE_LIMIT
from ledger.selectors import flows_of
from ledger.services.proof import prove
from ledger.services.tallying import LEDGER
from tests.conftest import NOON, make_brand, make_expiring_token, make_member, make_token
from tests.ledger.orders import DAY, account_of, move, undo
from tests.ledger.rolling import counted_to_now
from users.errors import AlreadyMerged, MergeRefused, UserNotFound
from users.models import Brand, Email, Member, Membership
from users.selectors import MemberList
from users.services.members import erase_member
from users.services.memberships import save_membership
from users.services.merging import merge_members

LATER = NOON + DAY


def merge(keep: Member, duplicate: Member, *, at=LATER):
    terms = {"keep_id": keep.pk, "duplicate_id": duplicate.pk, "actor": "staff:1", "at": at}
    merging = merge_members(brand_id=keep.brand_id, **terms)
    keep.refresh_from_db()
    duplicate.refresh_from_db()
    return merging


def expiries(member: Member, token) -> dict:
    """What is left in open lots, by the instant at which it lapses."""
    rows = Lot.objects.filter(account=account_of(member, token), remaining__gt=0).order_by("expires_at")
    return dict(rows.values_list("expires_at").annotate(Sum("remaining")))


def must_prove(member: Member) -> None:
    assert prove(brand_id=member.brand_id).differences == []


@pytest.fixture
def brand(own_brand: Brand) -> Brand:
    """Committed, as a proof needs a transaction of its own."""
    return own_brand


@pytest.fixture
def duplicate(brand) -> Member:
    return make_member(brand)


def test_balances_move_by_linked_rows_and_the_duplicate_s_account_closes(member, duplicate, token):
    move(member, token, 10)
    move(duplicate, token, 32)

    merging = merge(member, duplicate)

    kept, emptied = account_of(member, token), account_of(duplicate, token)
    assert (kept.balance, emptied.balance, emptied.closed_at) == (42, 0, LATER)
    taken, given = (Transaction.objects.filter(account=account).latest("sequence") for account in (emptied, kept))
    assert [(row.type, row.counterpart, row.amount, row.actor) for row in (taken, given)] == [
        ("merge", "transfer_clearing", -32, "staff:1"),
        ("merge", "transfer_clearing", 32, "staff:1"),
    ]
    why = {"merge": str(merging.reference), "from_account": emptied.pk, "to_account": kept.pk}
    assert (taken.explanation, given.explanation) == (why, why | {"transaction": taken.pk})
    must_prove(member)


def test_points_keep_the_day_on_which_they_lapse(brand, member, duplicate):
    token = make_expiring_token(brand, days=10)
    move(member, token, 5, at=NOON)
    for days, points in ((1, 20), (2, 30), (2, 1)):
        move(duplicate, token, points, at=NOON + days * DAY)
    move(duplicate, token, -4, at=NOON + 3 * DAY)
    move(duplicate, token, 7, at=NOON + 3 * DAY, expires_at=None)

    merge(member, duplicate, at=NOON + 4 * DAY)

    assert expiries(member, token) == {NOON + 10 * DAY: 5, NOON + 11 * DAY: 16, NOON + 12 * DAY: 31}
    assert account_of(member, token).balance == 5 + 16 + 31 + 7
    must_prove(member)


def test_what_has_lapsed_does_not_come_back_to_life(brand, member, duplicate):
    token = make_expiring_token(brand, days=1)
    move(duplicate, token, 20)

    merge(member, duplicate, at=NOON + 2 * DAY)

    assert account_of(member, token).balance == 0
    must_prove(member)


def test_a_debt_moves_too_and_is_refused_where_it_cannot_be_borne(member, duplicate, token):
    move(duplicate, token, 10)
    Account.objects.filter(member=duplicate).update(floor=-50)
    move(duplicate, token, -40)

    with pytest.raises(InsufficientBalance), transaction.atomic():
        merge(member, duplicate)
    move(member, token, 100)
    merge(member, duplicate)

    assert (account_of(member, token).balance, account_of(duplicate, token).balance) == (70, 0)
    must_prove(member)


def test_too_many_points_for_one_account_are_refused_and_nothing_has_moved(member, duplicate, token):
    move(member, token, BALANCE_LIMIT - 1)
    move(duplicate, token, 1)

    with pytest.raises(BalanceLimit), transaction.atomic():
        merge(member, duplicate)

    duplicate.refresh_from_db()
    assert duplicate.auth_id is not None
    assert account_of(duplicate, token).balance == 1


def test_the_duplicate_is_found_by_no_name_and_its_name_is_free(brand, member, duplicate, partner, token):
    name = duplicate.auth_id
    merge(member, duplicate)

    assert (duplicate.merged_into, duplicate.merged_at, duplicate.merged_auth_id) == (member, LATER, name)
    assert partner.get(f"/users/{name}").status_code == 404
    assert partner.credit(name, 1, token.pk).json()["code"] == "user_not_found"
    assert duplicate not in MemberList(brand_id=brand.pk).page(limit=10, offset=0)
    assert partner.post("/users", {"user": {"auth_id": name, "email": "new@example.org"}}).status_code == 201
    assert partner.credit(name, 1, token.pk).status_code == 202


def test_a_merge_happens_once(member, duplicate, brand):
    merge(member, duplicate)

    with pytest.raises(AlreadyMerged):
        merge(member, duplicate)
    with pytest.raises(MergeRefused, match="was merged into another itself"):
        merge(duplicate, make_member(brand))
    with pytest.raises(MergeRefused, match="into itself"):
        merge(member, member)


def test_nobody_is_merged_across_the_wall_or_after_erasure(member, duplicate, brand):
    stranger = make_member(make_brand())
    with pytest.raises(UserNotFound):
        merge(member, stranger)
    erase_member(brand_id=brand.pk, auth_id=duplicate.auth_id, at=NOON)
    with pytest.raises(UserNotFound):
        merge(member, duplicate)


def test_what_the_kept_profile_lacks_is_taken_over_and_nothing_else(brand):
    keep = make_member(brand, first_name="Ann", language=None)
    duplicate = make_member(brand, first_name="Anna", language="de", metadata={"shoe": 41})

    merge(keep, duplicate)

    assert (keep.first_name, keep.language, keep.metadata) == ("Ann", "de", {"shoe": 41})
    assert (duplicate.first_name, duplicate.language) == ("Anna", "de")


def test_memberships_move_where_the_kept_one_has_none(brand, member, duplicate):
    for one, target, number in [
        (member, "etihad", "100200300400"),
        (duplicate, "etihad", "500600700800"),
        (duplicate, "alaska", "12345678"),
        (duplicate, str(brand.pk), duplicate.auth_id),
    ]:
        save_membership(brand_id=brand.pk, auth_id=one.auth_id, target_name=target, raw_number=number, at=NOON)

    merge(member, duplicate)

    held = {(row.member_id, row.number) for row in Membership.objects.filter(brand=brand)}
    assert held == {(member.pk, "100200300400"), (member.pk, "12345678"), (duplicate.pk, "500600700800")}


def test_who_named_the_duplicate_from_another_brand_means_the_kept_one(member, duplicate, brand):
    other = make_brand()
    friend = make_member(other)
    row = Membership.objects.create(brand=other, member=friend, partner_brand=brand, number=duplicate.auth_id)

    merge(member, duplicate)

    row.refresh_from_db()
    assert row.number == member.auth_id


def test_of_merges_in_a_row_all_duplicates_point_to_the_last_that_is_kept(brand, member, duplicate, token):
    last = make_member(brand)
    move(duplicate, token, 3)
    merge(member, duplicate)
    merge(last, member, at=LATER + DAY)

    duplicate.refresh_from_db()
    assert (duplicate.merged_into, member.merged_into) == (last, last)
    assert account_of(last, token).balance == 3
    must_prove(member)


def test_a_debit_of_the_duplicate_that_is_undone_comes_back_to_the_kept_one(brand, member, duplicate):
    token = make_expiring_token(brand, days=10)
    move(duplicate, token, 50)
    spent = move(duplicate, token, -20)
    merge(member, duplicate)

    undone = undo(spent, 15, at=LATER, brand_id=brand.pk, reason="a cup was cold")

    row = Transaction.objects.get(pk=undone.id)
    assert (row.account.member, row.reverses_id, row.amount) == (duplicate, spent.id, 15)
    assert (account_of(member, token).balance, account_of(duplicate, token).balance) == (45, 0)
    assert expiries(member, token) == {NOON + 10 * DAY: 45}
    assert account_of(duplicate, token).closed_at == LATER
    must_prove(member)


def test_a_credit_of_the_duplicate_that_is_undone_is_taken_from_the_kept_one(brand, member, duplicate):
    token = make_expiring_token(brand, days=10)
    move(member, token, 5, at=NOON - DAY)
    given = move(duplicate, token, 50)
    merge(member, duplicate)

    undo(given, 30, at=LATER, brand_id=brand.pk)

    assert expiries(member, token) == {NOON + 9 * DAY: 5, NOON + 10 * DAY: 20}
    assert account_of(duplicate, token).balance == 0
    must_prove(member)


def test_a_credit_of_the_duplicate_that_the_kept_one_has_spent_is_not_undone(brand, member, duplicate, token):
    given = move(duplicate, token, 50)
    merge(member, duplicate)
    move(member, token, -1, at=LATER)

    with pytest.raises(InsufficientBalance), transaction.atomic():
        undo(given, at=LATER, brand_id=brand.pk)

    assert account_of(duplicate, token).closed_at == LATER
    must_prove(member)


def test_what_cannot_go_on_to_the_kept_one_is_not_undone_in_part(brand, member, duplicate, token):
    """The refusal may be caught inside an open transaction, which is committed then."""
    spent = move(duplicate, token, 20), move(duplicate, token, -20)
    merge(member, duplicate)
    move(member, token, BALANCE_LIMIT - 1, at=LATER)

    with pytest.raises(BalanceLimit):
        undo(spent[1], at=LATER, brand_id=brand.pk)

    assert account_of(duplicate, token).closed_at == LATER
    assert not Transaction.objects.filter(reverses=spent[1].id).exists()
    must_prove(member)


def test_erasing_the_kept_one_erases_its_duplicates(brand, member, duplicate, token):
    credit = move(duplicate, token, 50)
    undo(credit, 1, brand_id=brand.pk, reason="because of Anna")
    Email.objects.create(brand=brand, member=duplicate, kind="credit_notice", recipient=duplicate.email, language="en")
    merge(member, duplicate)

    erase_member(brand_id=brand.pk, auth_id=member.auth_id, at=LATER + DAY)

    duplicate.refresh_from_db()
    assert (duplicate.erased_at, duplicate.email, duplicate.merged_auth_id) == (LATER + DAY, None, None)
    assert not Note.objects.filter(account__member=duplicate).exists()
    assert not Email.objects.filter(member=duplicate).exists()
    assert not Account.objects.filter(member__in=[member, duplicate], closed_at__isnull=True).exists()
    must_prove(member)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"merged_at": NOON}, "member_merged_whole"),
        ({"merged_auth_id": "a"}, "member_merged_whole"),
        ({"auth_id": None}, "member_named_until_erased"),
    ],
)
def test_the_database_refuses_half_a_merge(member, changes, constraint):
    with pytest.raises(IntegrityError, match=constraint):
        Member.objects.filter(pk=member.pk).update(**changes)


def test_the_database_refuses_a_merge_into_itself_and_across_the_wall(member):
    for heir, constraint in ((member, "member_not_merged_into_itself"), (make_member(make_brand()), "member_heir_of_brand")):
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            Member.objects.filter(pk=member.pk).update(auth_id=None, merged_into=heir, merged_at=NOON)


def test_tokens_that_only_one_of_them_has_move_as_well(brand, member, duplicate, token):
    stars = make_token(brand, name="Stars")
    move(member, token, 1)
    move(duplicate, stars, 2)

    merge(member, duplicate)

    assert (account_of(member, token).balance, account_of(member, stars).balance) == (1, 2)
    must_prove(member)


def test_what_a_merge_moves_is_neither_earned_nor_burned(brand, member, duplicate, token):
    move(duplicate, token, 5)
    merge(member, duplicate)
    counted_to_now(LEDGER, brand)

    days = flows_of(brand_id=brand.pk, token_id=token.pk, first=(NOON - DAY).date(), last=(NOON + 2 * DAY).date())

    assert (sum(day.earned for day in days), sum(day.burned for day in days)) == (5, 0)

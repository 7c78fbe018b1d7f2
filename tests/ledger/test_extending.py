"""Extension: a lot lapses later, by a row of its own that the proof knows."""

import pytest
from django.db import transaction

from ledger.errors import AccountClosed, LotNotExtendable, ReferenceAlreadyUsed
from ledger.models import Account, Lot, Note, Transaction
from ledger.selectors import balances_of
from ledger.services.closing import close_accounts
from ledger.services.expiring import expire_due_accounts
from ledger.services.extending import ExtensionOrder, extend_lots
from ledger.services.posting import Posted
from ledger.services.proof import prove
from tests.conftest import NOON, make_brand, make_expiring_token, make_member
from tests.ledger.orders import DAY, account_of, lots_of, move, undo
from tests.ledger.test_append_only import insert_like
from tests.ledger.test_proof import found, superuser
from users.errors import UserNotFound

LATER = NOON + 30 * DAY


@pytest.fixture
def fading(brand):
    return make_expiring_token(brand)


def extend(member, token, *lots: int, until=LATER, at=NOON + DAY, **terms) -> Posted:
    account = account_of(member, token)
    terms = {"brand_id": member.brand_id, "account_id": account.pk, "lots": lots, "expires_at": until} | terms
    return extend_lots(order=ExtensionOrder(**terms), at=at)


def held(member, at) -> int:
    (balance,) = balances_of(member, at=at)
    return balance.points


def test_extended_points_outlive_their_day_and_lapse_on_the_new_one(member, fading):
    move(member, fading, 100)
    move(member, fading, 40)

    extend(member, fading, 1, reason="the shop was closed", actor="staff:7")

    assert [held(member, at) for at in (NOON + 9 * DAY, NOON + 10 * DAY, LATER)] == [140, 100, 0]
    expire_due_accounts(clock=lambda: NOON + 10 * DAY)
    assert account_of(member, fading).balance == 100
    assert account_of(member, fading).next_expiry_at == LATER


def test_the_row_moves_nothing_and_says_what_it_did(member, fading):
    move(member, fading, 100)

    posted = extend(member, fading, 1, reason="the shop was closed", actor="staff:7", explanation={"rule": "by_hand"})

    row = Transaction.objects.get(pk=posted.id)
    assert (row.amount, row.balance_after, row.sequence, row.lots, row.expires_at) == (0, 100, 2, [1, 0], LATER)
    assert (row.type, row.actor, row.explanation) == ("expiry_extension", "staff:7", {"rule": "by_hand"})
    assert Note.objects.get(transaction=row).text == "the shop was closed"


def test_what_a_reversal_gives_back_to_an_extended_lot_lapses_with_it(member, fading):
    move(member, fading, 100)
    debit = move(member, fading, -60)
    extend(member, fading, 1)

    undo(debit, brand_id=member.brand_id, at=NOON + 15 * DAY)

    assert lots_of(member, fading) == {1: 100}
    assert held(member, NOON + 20 * DAY) == 100


def test_several_lots_are_extended_at_once(member, fading):
    for _ in range(3):
        move(member, fading, 10)

    extend(member, fading, 1, 3)

    until = dict(Lot.objects.filter(account=account_of(member, fading)).values_list("sequence", "expires_at"))
    assert until == {1: LATER, 2: NOON + 10 * DAY, 3: LATER}
    assert account_of(member, fading).next_expiry_at == NOON + 10 * DAY


def test_what_is_spent_lapsed_unheard_of_or_later_already_is_not_extended(member, fading):
    move(member, fading, 10)
    move(member, fading, 20, at=NOON + DAY)
    move(member, fading, -10, at=NOON + DAY)

    for lots, terms in [
        ((1,), {}),
        ((2, 9), {}),
        ((), {}),
        ((2,), {"until": NOON + 11 * DAY}),
        ((2,), {"at": NOON + 11 * DAY}),
    ]:
        with pytest.raises(LotNotExtendable), transaction.atomic():
            extend(member, fading, *lots, **terms)


def test_an_extension_knows_its_brand_its_reference_and_closed_accounts(member, fading):
    move(member, fading, 10)
    extend(member, fading, 1, reference_id="once")

    with pytest.raises(ReferenceAlreadyUsed):
        extend(member, fading, 1, until=LATER + DAY, reference_id="once")
    with pytest.raises(UserNotFound):
        extend(member, fading, 1, brand_id=make_brand().pk)
    close_accounts(member=member, at=NOON + DAY)
    with pytest.raises(AccountClosed):
        extend(member, fading, 1, until=LATER + DAY)


@pytest.mark.parametrize("missing", [{"lots": "NULL"}, {"expires_at": "NULL"}, {"amount": "1"}])
def test_the_database_takes_no_extension_without_lots_and_instant(member, fading, missing):
    move(member, fading, 10)

    assert insert_like(extend(member, fading, 1), **missing) == "transaction_extension_names_lots"


@pytest.fixture
def extended(committed):
    brand = make_brand()
    token, member = make_expiring_token(brand), make_member(brand)
    move(member, token, 100)
    move(member, token, -30)
    extend(member, token, 1)
    proof = prove(brand_id=brand.pk)
    assert proof.holds, proof.differences
    return brand, account_of(member, token)


def test_a_lot_that_was_extended_without_a_row_is_found(extended):
    brand, account = extended

    Lot.objects.filter(account=account).update(expires_at=LATER + DAY)

    assert (account.pk, 1) in found(brand)


@pytest.mark.parametrize(
    "change", ["lots = ARRAY[1, -1]", "lots = ARRAY[2, 0]", "expires_at = expires_at - interval '30 days'"]
)
def test_an_extension_that_cannot_be_is_found_by_what_it_does(extended, change):
    """Its hash is told first; the lots are recomputed all the same, and differ too."""
    brand, account = extended

    with superuser() as cursor:
        cursor.execute(f"UPDATE ledger_transaction SET {change} WHERE account_id = %s AND sequence = 3", [account.pk])

    faults = [difference.fault for difference in prove(brand_id=brand.pk).differences]
    assert any("cannot" in fault for fault in faults)


def test_an_account_that_would_miss_the_new_day_is_refused_by_the_proof(extended):
    brand, account = extended

    Account.objects.filter(pk=account.pk).update(next_expiry_at=LATER + DAY)

    assert account.pk in {place for place, _ in found(brand)}


def test_the_whole_life_of_an_extended_lot_is_provable(committed):
    """Spent before and after, given back, extended twice, lapsed at last."""
    brand = make_brand()
    token, member = make_expiring_token(brand), make_member(brand)
    move(member, token, 100)
    debit = move(member, token, -60)
    extend(member, token, 1)
    move(member, token, -10, at=NOON + DAY)
    extend(member, token, 1, until=LATER + DAY)
    undo(debit, brand_id=brand.pk, at=NOON + 15 * DAY)
    move(member, token, 1, at=LATER + DAY)

    proof = prove(brand_id=brand.pk)

    assert proof.holds, proof.differences
    rows = Transaction.objects.filter(brand=brand).order_by("sequence").values_list("amount", flat=True)
    assert list(rows) == [100, -60, 0, -10, 0, 60, -90, 1]

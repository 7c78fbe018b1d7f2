"""What staff do by hand: with a reason, once, and above the brand's limit only when another approves exactly that."""

import threading
from contextlib import suppress
from datetime import datetime

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.utils import timezone

from ledger.errors import InsufficientBalance, LotNotExtendable, NotReversible, ReversalExceedsOriginal, TransactionNotFound
from ledger.models import Account, Lot, Note, Token, Transaction
from ledger.services.acts import Act, Extension, Movement, Reversal
from ledger.services.by_hand import Hand, Handled, approve_by_hand, do_by_hand
from ledger.services.proof import prove
from loyalty.errors import InvalidRequest, LoyaltyError
from tests.conftest import NOON, make_brand, make_expiring_token, make_member, make_token
from tests.faults.server import at_once, wait_for
from tests.ledger.orders import DAY, account_of, move
from tests.loyalty.desk import make_staff
from users.errors import AlreadyAsked, ApprovalDecided, ApprovalNotFound, FormAlreadySent, OwnApproval, UserNotFound
from users.models import Approval, ApprovalState, AuditEntry, Member, Staff
from users.services.approvals import refuse_approval
from users.services.members import erase_member

LIMIT = 1_000


@pytest.fixture
def agent(brand) -> Staff:
    return make_staff(username=f"agent of {brand.pk}", brand=brand)


@pytest.fixture
def second(brand) -> Staff:
    return make_staff(username=f"second of {brand.pk}", brand=brand)


def hand(staff: Staff, brand_id: int, **terms) -> Hand:
    return Hand(**({"brand_id": brand_id, "staff_id": staff.pk, "reason": "her parcel was lost", "form": "f1"} | terms))


def credit(staff: Staff, member: Member, token: Token, amount: int, *, at: datetime = NOON, **terms) -> Handled:
    return do(Movement(member_id=member.pk, token_id=token.pk, amount=amount), staff, member, at=at, **terms)


def do(act: Act, staff: Staff, member: Member, *, at: datetime = NOON, **terms) -> Handled:
    return do_by_hand(act=act, hand=hand(staff, member.brand_id, **terms), at=at)


def approve(handled: Handled, staff: Staff, *, brand_id: int, at: datetime = NOON):
    return approve_by_hand(brand_id=brand_id, approval_id=handled.approval_id or 0, staff_id=staff.pk, at=at)


def balance(member: Member, token: Token) -> int:
    return account_of(member, token).balance


def test_a_credit_within_the_limit_is_posted_with_its_reason_and_who_gave_it(member, token, agent):
    handled = credit(agent, member, token, LIMIT)

    row = Transaction.objects.get(pk=handled.transaction_id)
    assert (row.type, row.amount, row.counterpart, row.actor) == ("credit_points", LIMIT, "adjustment", f"staff:{agent.pk}")
    assert (row.explanation["rule"], row.explanation["points"]) == ("by_hand", LIMIT)
    assert Note.objects.get(transaction=row).text == "her parcel was lost"
    assert "parcel" not in str(row.explanation)
    entry = AuditEntry.objects.get(brand_id=member.brand_id, kind="action")
    assert (entry.staff_id, entry.subject_id, entry.after["transaction"]) == (agent.pk, str(member.pk), row.pk)


def test_a_debit_takes_and_is_refused_below_the_floor(member, token, agent):
    move(member, token, 100)
    credit(agent, member, token, -60)

    with pytest.raises(InsufficientBalance):
        credit(agent, member, token, -60, form="f2")
    assert balance(member, token) == 40


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201])
def test_nothing_happens_without_a_reason(member, token, agent, reason):
    with pytest.raises(InvalidRequest, match="reason"):
        credit(agent, member, token, 10, reason=reason)


@pytest.mark.parametrize("amount", [0, 2**53, -(2**53)])
def test_an_amount_is_one_that_an_account_can_hold(member, token, agent, amount):
    with pytest.raises(InvalidRequest, match="amount"):
        credit(agent, member, token, amount)


def test_a_form_that_is_sent_twice_posts_once_and_a_changed_one_not_at_all(member, token, agent, second):
    first = credit(agent, member, token, 10)

    again = credit(agent, member, token, 10)

    assert (again.transaction_id, again.repeated, balance(member, token)) == (first.transaction_id, True, 10)
    with pytest.raises(FormAlreadySent):
        credit(agent, member, token, 11)
    with pytest.raises(FormAlreadySent):
        credit(second, member, token, 10)


def test_above_the_limit_a_second_person_approves_exactly_what_was_asked(member, token, agent, second):
    asked = credit(agent, member, token, LIMIT + 1)
    assert asked.transaction_id is None
    assert not Transaction.objects.filter(account__member=member).exists()

    posted = approve(asked, second, brand_id=member.brand_id)

    row, approval = Transaction.objects.get(pk=posted.id), Approval.objects.get(pk=asked.approval_id)
    assert (row.amount, row.actor, approval.transaction_id) == (LIMIT + 1, f"staff:{agent.pk}", row.pk)
    assert row.explanation["approved_by"] == f"staff:{second.pk}"
    assert row.explanation["digest"] == bytes(approval.digest).hex()
    assert Note.objects.get(transaction=row).text == "her parcel was lost"
    with pytest.raises(ApprovalDecided):
        approve(asked, second, brand_id=member.brand_id)
    assert balance(member, token) == LIMIT + 1


def test_nobody_approves_their_own_and_nobody_another_brands(member, token, agent):
    asked, stranger = credit(agent, member, token, LIMIT + 1), make_staff(username="stranger", brand=make_brand())

    with pytest.raises(OwnApproval):
        approve(asked, agent, brand_id=member.brand_id)
    for brand_id in (member.brand_id, stranger.brand_id):
        with pytest.raises(ApprovalNotFound):
            approve(asked, stranger, brand_id=brand_id)
    assert not Transaction.objects.filter(account__member=member).exists()


def test_a_form_above_the_limit_asks_once_and_a_changed_amount_needs_a_new_approval(member, token, agent):
    asked = credit(agent, member, token, LIMIT + 1)

    assert credit(agent, member, token, LIMIT + 1) == asked._replace(repeated=True)
    for amount in (LIMIT + 2, 5):
        with pytest.raises(FormAlreadySent):
            credit(agent, member, token, amount)
    with pytest.raises(AlreadyAsked):
        credit(agent, member, token, LIMIT + 1, form="f2")
    assert credit(agent, member, token, LIMIT + 2, form="f3").approval_id != asked.approval_id


def test_the_limit_is_not_passed_in_small_steps(member, token, agent, second):
    for number in range(4):
        assert credit(agent, member, token, 250, form=f"step {number}").transaction_id

    assert credit(agent, member, token, 1, form="one more").approval_id
    assert credit(second, member, token, 250, form="somebody else's").transaction_id
    assert credit(agent, member, token, 250, form="tomorrow", at=NOON + DAY + DAY / 24).transaction_id


def test_what_another_approved_does_not_count(member, token, agent, second):
    approve(credit(agent, member, token, LIMIT + 1), second, brand_id=member.brand_id)

    assert credit(agent, member, token, LIMIT, form="f2").transaction_id


@pytest.mark.parametrize(("limit", "amount", "posts"), [(None, 10**9, True), (0, 1, False), (5, 5, True), (5, 6, False)])
def test_the_limit_is_the_brands(member, token, agent, *, limit, amount, posts):
    member.brand.staff_limit_points = limit
    member.brand.save()

    assert (credit(agent, member, token, amount).transaction_id is not None) is posts


def test_what_could_not_be_done_is_not_asked_for(member, token, agent):
    move(member, token, 10)

    with pytest.raises(InsufficientBalance):
        credit(agent, member, token, -LIMIT - 1)
    assert not Approval.objects.filter(brand=member.brand).exists()
    assert account_of(member, token).sequence == 1


def test_an_effect_that_is_refused_leaves_the_approval_open(member, token, agent, second):
    move(member, token, 2_000)
    asked = credit(agent, member, token, -2_000)
    move(member, token, -1)

    with pytest.raises(InsufficientBalance):
        approve(asked, second, brand_id=member.brand_id)

    approval = Approval.objects.get(pk=asked.approval_id)
    assert (approval.state, approval.transaction_id, balance(member, token)) == (ApprovalState.ASKED, None, 1_999)
    move(member, token, 1)
    approve(asked, second, brand_id=member.brand_id)
    assert balance(member, token) == 0


def test_a_refused_approval_is_done_by_nobody(member, token, agent, second):
    asked = credit(agent, member, token, LIMIT + 1)
    why = {"reason": "no", "at": NOON, "staff_id": second.pk}
    refuse_approval(brand_id=member.brand_id, approval_id=asked.approval_id, **why)

    with pytest.raises(ApprovalDecided):
        approve(asked, second, brand_id=member.brand_id)


def test_the_database_posts_an_approval_once_even_past_the_services(member, token, agent, second):
    asked = credit(agent, member, token, LIMIT + 1)
    posted = approve(asked, second, brand_id=member.brand_id)

    other = Approval.objects.filter(pk=credit(agent, member, token, LIMIT + 2, form="f2").approval_id)
    decided = {"state": "approved", "decided_by": second, "decided_at": NOON, "transaction_id": posted.id}
    with pytest.raises(IntegrityError, match="approval_of_transaction_once"), transaction.atomic():
        other.update(**decided)
    assert Transaction.objects.get(pk=posted.id).reference_id.startswith(f"approval:{asked.approval_id}:")


def test_a_reversal_by_hand_undoes_a_part_or_the_whole(member, token, agent, brand):
    posted = move(member, token, 500)

    do(Reversal(transaction_id=posted.id, amount=200), agent, member)

    assert balance(member, token) == 300
    row = Transaction.objects.get(account__member=member, sequence=2)
    assert (row.type, row.reverses_id, row.actor) == ("reversal", posted.id, f"staff:{agent.pk}")
    with pytest.raises(ReversalExceedsOriginal):
        do(Reversal(transaction_id=posted.id, amount=301), agent, member, form="f2")
    with pytest.raises(NotReversible):
        do(Reversal(transaction_id=row.pk, amount=1), agent, member, form="f3")
    with pytest.raises(InvalidRequest, match="amount"):
        do(Reversal(transaction_id=posted.id, amount=0), agent, member, form="f4")


def test_a_reversal_above_the_limit_needs_a_second_person(member, token, agent, second):
    posted = move(member, token, 5_000)

    approve(do(Reversal(transaction_id=posted.id, amount=5_000), agent, member), second, brand_id=member.brand_id)

    assert balance(member, token) == 0


def test_an_extension_by_hand_moves_the_day_and_counts_its_points(member, agent, second):
    token = make_expiring_token(member.brand)
    move(member, token, 700)
    move(member, token, 700)
    account, until = account_of(member, token), NOON + 90 * DAY

    do(Extension(account_id=account.pk, lots=(1,), expires_at=until), agent, member)
    asked = do(Extension(account_id=account.pk, lots=(2,), expires_at=until), agent, member, form="f2")
    approve(asked, second, brand_id=member.brand_id)

    assert set(Lot.objects.filter(account=account).values_list("expires_at", flat=True)) == {until}
    with pytest.raises(LotNotExtendable):
        do(Extension(account_id=account.pk, lots=(1,), expires_at=until), agent, member, form="f3")


def test_rows_of_another_brand_do_not_exist(member, token, agent):
    posted, other = move(member, token, 10), make_brand()
    stranger = make_staff(username="stranger", brand=other)
    elsewhere = hand(stranger, other.pk)

    for act, refusal in (
        (Movement(member_id=member.pk, token_id=make_token(other).pk, amount=1), UserNotFound),
        (Reversal(transaction_id=posted.id, amount=1), TransactionNotFound),
        (Extension(account_id=posted.account_id, lots=(1,), expires_at=NOON), UserNotFound),
    ):
        with pytest.raises(refusal):
            do_by_hand(act=act, hand=elsewhere, at=NOON)


def test_an_erased_member_gets_nothing_and_what_was_asked_lapses(member, token, agent, second):
    asked = credit(agent, member, token, LIMIT + 1)
    erase_member(brand_id=member.brand_id, auth_id=member.auth_id, at=NOON)

    with pytest.raises(ApprovalDecided):
        approve(asked, second, brand_id=member.brand_id)
    with pytest.raises(UserNotFound):
        credit(agent, member, token, 1, form="f2")


@pytest.fixture
def desk(own_brand):
    """A member with points, an agent and eight who may approve, all committed."""
    token, member = make_expiring_token(own_brand, days=100), make_member(own_brand)
    move(member, token, 10, at=timezone.now())
    staff = [make_staff(username=f"{own_brand.pk} {number}", brand=own_brand) for number in range(9)]
    return member, token, staff[0], staff[1:]


def outcome(act) -> str:
    try:
        return "done" if act() else ""
    except LoyaltyError as refusal:
        return refusal.code
    finally:
        connections.close_all()


def test_of_eight_who_approve_at_once_one_posts(desk):
    member, token, agent, others = desk
    asked = credit(agent, member, token, LIMIT + 1, at=timezone.now())

    outcomes = at_once(
        lambda staff: outcome(lambda: approve(asked, staff, brand_id=member.brand_id, at=timezone.now())), others
    )

    assert sorted(outcomes) == ["approval_decided"] * 7 + ["done"]
    assert balance(member, token) == 10 + LIMIT + 1
    assert prove(brand_id=member.brand_id).holds


def test_a_form_sent_eight_times_at_once_posts_once(desk):
    member, token, agent, _ = desk

    outcomes = at_once(lambda _: outcome(lambda: credit(agent, member, token, 100, at=timezone.now())), range(8))

    assert (outcomes, balance(member, token)) == (["done"] * 8, 110)


def test_a_form_above_the_limit_sent_eight_times_at_once_asks_once(desk):
    member, token, agent, _ = desk

    outcomes = at_once(lambda _: outcome(lambda: credit(agent, member, token, 5_000, at=timezone.now())), range(8))

    assert outcomes == ["done"] * 8
    assert Approval.objects.filter(brand_id=member.brand_id).count() == 1


def test_forms_sent_at_once_do_not_pass_the_limit_together(desk):
    member, token, agent, _ = desk

    at_once(lambda n: outcome(lambda: credit(agent, member, token, 300, form=f"{n}", at=timezone.now())), range(8))

    assert balance(member, token) == 10 + 900


def test_a_connection_that_dies_while_approving_leaves_all_as_it_was(desk):
    """It waits for the account, which another holds, when the server ends it."""
    member, token, agent, (second, third, *_) = desk
    asked = credit(agent, member, token, LIMIT + 1, at=timezone.now())

    def approve_and_die() -> None:
        with suppress(DatabaseError):
            approve(asked, second, brand_id=member.brand_id, at=timezone.now())
        connections.close_all()

    with transaction.atomic():
        Account.objects.select_for_update().get(member=member)
        waiting = threading.Thread(target=approve_and_die)
        waiting.start()
        with connection.cursor() as cursor:
            wait_for(lambda: end_who_waits(cursor), seconds=5)
        waiting.join()

    approval = Approval.objects.get(pk=asked.approval_id)
    assert (approval.state, balance(member, token)) == (ApprovalState.ASKED, 10)
    approve(asked, third, brand_id=member.brand_id, at=timezone.now())
    assert balance(member, token) == 10 + LIMIT + 1


def end_who_waits(cursor) -> bool:
    cursor.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    )
    return cursor.fetchone() is not None


def test_the_ledger_is_provable_after_each_verb(desk):
    member, token, agent, (second, *_) = desk
    account, now = account_of(member, token), timezone.now()
    first = credit(agent, member, token, 400, at=now)
    acts = [
        Movement(member_id=member.pk, token_id=token.pk, amount=-100),
        Reversal(transaction_id=first.transaction_id, amount=50),
        Extension(account_id=account.pk, lots=(2,), expires_at=now + 300 * DAY),
        Movement(member_id=member.pk, token_id=token.pk, amount=5_000),
        Extension(account_id=account.pk, lots=(2,), expires_at=now + 400 * DAY),
    ]

    for number, act in enumerate(acts):
        handled = do(act, agent, member, form=f"act {number}", at=now)
        if handled.approval_id:
            approve(handled, second, brand_id=member.brand_id, at=now)
        proof = prove(brand_id=member.brand_id)
        assert proof.holds, (act, proof.differences)

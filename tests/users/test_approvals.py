"""Approvals: exactly what was asked, by another, once; the database refuses everything else."""

from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.utils import timezone

from loyalty.errors import InvalidRequest, LoyaltyError
from tests.conftest import NOON, make_brand, make_member
from tests.faults.server import at_once
from tests.ledger.test_proof import superuser
from tests.loyalty.desk import make_staff
from users.errors import (
    AlreadyAsked,
    ApprovalDecided,
    ApprovalNotFound,
    FormAlreadySent,
    NotAsker,
    OwnApproval,
    UserNotFound,
)
from users.models import Approval, ApprovalKind, ApprovalState, AuditEntry, Brand, Member, Staff
from users.services.approvals import (
    LIFETIME,
    ApprovalBrokenError,
    Question,
    ask_approval,
    claim_approval,
    grant_approval,
    lapse_due_approvals,
    refuse_approval,
    withdraw_approval,
)
from users.services.members import erase_member

CONTENT = {"token_id": 7, "amount": 5_000}


@pytest.fixture
def asker(brand) -> Staff:
    return make_staff(username=f"asker of {brand.pk}", brand=brand)


@pytest.fixture
def second(brand) -> Staff:
    return make_staff(username=f"second of {brand.pk}", brand=brand)


def ask(asker: Staff, member: Member, *, at: datetime = NOON, **terms) -> Approval:
    known = {
        "brand_id": member.brand_id,
        "kind": ApprovalKind.SETTLEMENT,
        "member_id": member.pk,
        "subject": "exchange:1",
        "points": 5_000,
        "content": CONTENT,
        "reason": "she wrote to us",
        "staff_id": asker.pk,
        "form": "form 1",
    }
    return ask_approval(question=Question(**(known | terms)), at=at)


def approve(approval: Approval, staff: Staff, *, at: datetime = NOON, **terms) -> Approval:
    known = {"brand_id": approval.brand_id, "approval_id": approval.pk, "staff_id": staff.pk, "at": at} | terms
    with transaction.atomic():
        claimed = claim_approval(**known)
        grant_approval(claimed, staff_id=staff.pk, at=at)
    return claimed


def refuse(approval: Approval, staff: Staff, **terms) -> Approval:
    known = {"brand_id": approval.brand_id, "approval_id": approval.pk, "staff_id": staff.pk, "at": NOON, "reason": "too much"}
    return refuse_approval(**(known | terms))


def withdraw(approval: Approval, staff: Staff, **terms) -> Approval:
    known = {"brand_id": approval.brand_id, "approval_id": approval.pk, "staff_id": staff.pk, "at": NOON}
    return withdraw_approval(**(known | terms))


def test_another_approves_exactly_what_was_asked(member, asker, second):
    approval = ask(asker, member)

    claimed = approve(approval, second)

    approval.refresh_from_db()
    assert (approval.state, approval.decided_by, approval.decided_at) == (ApprovalState.APPROVED, second, NOON)
    assert claimed.asked["content"] == CONTENT
    entries = AuditEntry.objects.filter(subject_model="users.approval", subject_id=str(approval.pk)).order_by("pk")
    assert [(entry.staff_id, entry.after["state"]) for entry in entries] == [(asker.pk, "asked"), (second.pk, "approved")]


def test_nobody_approves_or_refuses_their_own(member, asker):
    approval = ask(asker, member)

    for decide in (approve, refuse):
        with pytest.raises(OwnApproval):
            decide(approval, asker)
    withdraw(approval, asker)

    approval.refresh_from_db()
    assert (approval.state, approval.decided_by) == (ApprovalState.WITHDRAWN, asker)


def test_only_who_asked_withdraws(member, asker, second):
    with pytest.raises(NotAsker):
        withdraw(ask(asker, member), second)


def test_a_refusal_says_why(member, asker, second):
    approval = ask(asker, member)
    for reason in ("", "  ", "x" * 201):
        with pytest.raises(InvalidRequest, match="reason"):
            refuse(approval, second, reason=reason)

    refuse(approval, second)

    approval.refresh_from_db()
    assert (approval.state, approval.decision_reason) == (ApprovalState.REFUSED, "too much")


@pytest.mark.parametrize("first", [approve, refuse, withdraw])
def test_the_first_decision_stands(member, asker, second, first):
    approval = ask(asker, member)
    first(approval, asker if first is withdraw else second)

    for decide, staff in ((approve, second), (refuse, second), (withdraw, asker)):
        with pytest.raises(ApprovalDecided):
            decide(approval, staff)


def test_staff_of_another_brand_see_nothing_and_ask_nothing(member, asker):
    stranger = make_staff(username="stranger", brand=make_brand())
    approval = ask(asker, member)

    for decide in (approve, refuse, withdraw):
        with pytest.raises(ApprovalNotFound):
            decide(approval, stranger)
        with pytest.raises(ApprovalNotFound):
            decide(approval, stranger, brand_id=stranger.brand_id)
    with pytest.raises(ApprovalNotFound):
        ask(stranger, member, form="form 2", subject="exchange:2")


def test_staff_of_the_house_and_none_that_left_decide_for_any_brand(member, asker):
    approval = ask(asker, member)
    gone = make_staff(username="gone", is_active=False)

    with pytest.raises(ApprovalNotFound):
        approve(approval, gone)
    approve(approval, make_staff(username="house"))


def test_a_form_sent_twice_asks_once_and_changed_not_at_all(member, asker, second):
    first = ask(asker, member)

    assert ask(asker, member).pk == first.pk
    with pytest.raises(FormAlreadySent):
        ask(asker, member, content=CONTENT | {"amount": 6_000})
    with pytest.raises(FormAlreadySent):
        ask(second, member)


def test_the_same_thing_waits_once(member, asker, second):
    approval = ask(asker, member)
    with pytest.raises(AlreadyAsked):
        ask(second, member, form="form 2")
    refuse(approval, second)

    assert ask(second, member, form="form 3").state == ApprovalState.ASKED


def test_what_nobody_decided_about_in_time_expires(member, asker, second):
    approval, other = ask(asker, member), ask(asker, member, form="form 2", subject="exchange:2", at=NOON + LIFETIME)

    with pytest.raises(ApprovalDecided, match="in time"):
        approve(approval, second, at=NOON + LIFETIME)
    lapse_due_approvals(at=NOON + LIFETIME)

    approval.refresh_from_db()
    other.refresh_from_db()
    assert (approval.state, other.state) == (ApprovalState.EXPIRED, ApprovalState.ASKED)


def test_one_that_expired_makes_room_for_another(member, asker):
    approval = ask(asker, member)

    ask(asker, member, form="form 2", at=NOON + LIFETIME)

    approval.refresh_from_db()
    assert approval.state == ApprovalState.EXPIRED


def test_erasing_a_member_closes_what_waits_and_forgets_why(member, asker, second):
    decided, waiting = ask(asker, member), ask(asker, member, form="form 2", subject="exchange:2")
    refuse(decided, second, reason="Ann is a fraud")

    erase_member(brand_id=member.brand_id, auth_id=member.auth_id, at=NOON)

    for approval, state in ((decided, ApprovalState.REFUSED), (waiting, ApprovalState.EXPIRED)):
        approval.refresh_from_db()
        assert (approval.state, approval.reason, approval.decision_reason, approval.reason_salt) == (state, "", "", None)
    with pytest.raises(UserNotFound):
        ask(asker, member, form="form 3")


def test_a_row_that_was_tampered_with_is_not_carried_out(member, asker, second):
    approval = ask(asker, member)
    with superuser() as cursor:
        cursor.execute("""UPDATE users_approval SET asked = jsonb_set(asked, '{content,amount}', '6000')""")

    with pytest.raises(ApprovalBrokenError):
        approve(approval, second)


# What the database itself refuses, whoever asks.


def refused(approval: Approval, **changes) -> str:
    """Change the row past the services, and say which constraint or trigger refuses it."""
    with pytest.raises(DatabaseError) as error, transaction.atomic():
        Approval.objects.filter(pk=approval.pk).update(**changes)
    return error.value.__cause__.diag.constraint_name or str(error.value)


def decided(state: str, staff: Staff | None, **terms) -> dict:
    return {"state": state, "decided_by": staff, "decided_at": NOON} | terms


def test_the_database_lets_nobody_decide_about_their_own(member, asker, second):
    approval, second_person = ask(asker, member), "approval_by_a_second_person"

    assert refused(approval, **decided("approved", asker)) == second_person
    assert refused(approval, **decided("approved", None)) == second_person
    assert refused(approval, **decided("refused", asker)) == second_person
    assert refused(approval, **decided("withdrawn", second)) == second_person
    assert refused(approval, **decided("expired", second)) == second_person
    assert refused(approval, **decided("asked", second)) == second_person
    assert refused(approval, **decided("approved", second, decided_at=None)) == second_person
    assert refused(approval, **decided("approved", second, decided_at=NOON + LIFETIME)) == second_person
    assert refused(approval, **decided("refused", second, transaction_id=1)) == second_person


def test_the_database_wants_the_transaction_of_what_is_posted(member, asker, second):
    approval = ask(asker, member, kind=ApprovalKind.CREDIT)

    assert refused(approval, **decided("approved", second)) == "approval_names_its_transaction"


def test_a_transaction_comes_of_one_approval(member, asker, second):
    for number in (1, 2):
        approval = ask(asker, member, form=f"form {number}", subject=f"exchange:{number}")
        with suppress(IntegrityError), transaction.atomic():
            Approval.objects.filter(pk=approval.pk).update(**decided("approved", second, transaction_id=99))

    assert Approval.objects.filter(brand=member.brand, transaction_id=99).count() == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("kind", "credit"),
        ("subject", "else"),
        ("points", 1),
        ("asked", {"content": {"amount": 1}}),
        ("digest", bytes(32)),
        ("reference", "else"),
        ("asked_at", NOON + timedelta(days=1)),
        ("until", NOON + timedelta(days=99)),
        ("member", None),
    ],
)
def test_what_was_asked_never_changes(member, asker, column, value):
    assert "Cannot update" in refused(ask(asker, member), **{column: value})


def test_who_asked_never_changes(member, asker, second):
    assert "Cannot update" in refused(ask(asker, member), asked_by=second)


@pytest.mark.parametrize("state", ["approved", "refused", "withdrawn", "expired"])
def test_a_decision_is_final(member, asker, second, state):
    approval = ask(asker, member)
    by = {"withdrawn": asker, "expired": None}.get(state, second)
    Approval.objects.filter(pk=approval.pk).update(**decided(state, by))
    third = make_staff(username="third", brand=member.brand)

    for other in {"asked", "approved", "refused", "withdrawn", "expired"} - {state}:
        assert "Invalid transition" in refused(approval, state=other)
    assert "Cannot update" in refused(approval, decided_by=third)
    assert "Cannot update" in refused(approval, decided_at=NOON + timedelta(hours=1))
    assert "Cannot update" in refused(approval, transaction_id=5)


def test_reasons_are_emptied_and_never_rewritten(member, asker, second):
    approval = ask(asker, member)

    assert "Cannot update" in refused(approval, reason="else")
    assert "Cannot update" in refused(approval, reason_salt=bytes(32))
    assert refused(approval, reason="", reason_salt=None) == "approval_waits_with_a_reason"
    refuse(approval, second)
    assert "Cannot update" in refused(approval, decision_reason="else")
    assert refused(approval, reason="") == "approval_reason_is_told"
    Approval.objects.filter(pk=approval.pk).update(reason="", reason_salt=None, decision_reason="")


def test_the_rows_stay(member, asker):
    approval = ask(asker, member)

    for statement in (f"DELETE FROM users_approval WHERE id = {approval.pk}", "TRUNCATE users_approval"):
        with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; {statement}")


def insert(approval: Approval, **changes) -> str:
    """Insert a copy with changes past the services, and say what refuses it."""
    copy = Approval.objects.get(pk=approval.pk)
    copy.pk = None
    for name, value in ({"reference": "copy", "subject": "copy"} | changes).items():
        setattr(copy, name, value)
    with pytest.raises(DatabaseError) as error, transaction.atomic():
        copy.save(force_insert=True)
    return error.value.__cause__.diag.constraint_name or str(error.value)


def test_the_database_refuses_rows_that_cannot_be(member, asker, second):
    approval = ask(asker, member)

    assert "Cannot insert" in insert(approval, **decided("approved", second))
    assert insert(approval, subject=approval.subject) == "approval_waits_once"
    assert insert(approval, reference=approval.reference) == "approval_of_form_once"
    assert insert(approval, digest=b"short") == "approval_digest_length"
    assert insert(approval, until=NOON) == "approval_has_time"
    assert insert(approval, reason="") == "approval_reason_is_told"
    assert insert(approval, member=make_member(make_brand())) == "approval_member_of_brand"


def test_staff_of_another_brand_stand_in_no_row(member, asker):
    approval, stranger = ask(asker, member), make_staff(username="stranger", brand=make_brand())

    assert insert(approval, asked_by=stranger) == "approval_staff_of_brand"
    assert refused(approval, **decided("refused", stranger)) == "approval_staff_of_brand"


def test_of_many_who_decide_at_once_one_is_heard(own_brand: Brand):
    """Eight approve, eight refuse, the asker withdraws: seventeen connections, one decision."""
    member, asker = make_member(own_brand), make_staff(username=f"asker {own_brand.pk}", brand=own_brand)
    others = [make_staff(username=f"{own_brand.pk} {number}", brand=own_brand) for number in range(16)]
    approval = ask(asker, member, at=timezone.now())

    def decide(staff: Staff) -> str:
        try:
            verb = withdraw if staff == asker else approve if others.index(staff) % 2 else refuse
            return verb(approval, staff, at=timezone.now()).state
        except LoyaltyError as refusal:
            return refusal.code
        finally:
            connections.close_all()

    outcomes = at_once(decide, [asker, *others])

    approval.refresh_from_db()
    assert outcomes.count("approval_decided") == 16
    assert approval.state in outcomes

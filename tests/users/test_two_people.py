"""Two accounts are two people only where the same person cannot sit at both."""

import threading

import pytest
from django.db import DatabaseError, connection, connections, transaction

from tests.conftest import NOON, make_member
from tests.loyalty.desk import make_staff
from tests.users.test_approvals import approve, ask, refuse
from users.errors import NotSecondPerson
from users.models import Approval, ApprovalState, Brand, Staff
from users.services.approvals import claim_approval, grant_approval
from users.services.staff import add_staff, renew_invitation


@pytest.fixture
def asker(brand) -> Staff:
    return make_staff(username="asker", brand=brand)


@pytest.fixture
def second(brand) -> Staff:
    return make_staff(username="second", brand=brand)


def let_in(by: Staff, name: str) -> Staff:
    return add_staff(brand=by.brand, by=by, username=name, email="new@example.org", roles=[], at=NOON)


def test_nobody_decides_who_may_be_the_asker_at_another_account(member, asker, second):
    puppet, deputy = let_in(asker, "puppet"), let_in(second, "deputy")
    for number, (asks, decides) in enumerate(
        [
            (asker, puppet),  # the manager made themselves a second account
            (puppet, asker),  # and the other way round
            (let_in(asker, "other"), puppet),  # or two of them
            (second, let_in(deputy, "further")),  # or through one more
        ]
    ):
        approval = ask(asks, member, subject=f"exchange:{number}", form=f"form {number}")
        for decide in (approve, refuse):
            with pytest.raises(NotSecondPerson):
                decide(approval, decides)

        approval.refresh_from_db()
        assert approval.state == ApprovalState.ASKED


def test_who_was_let_in_by_another_or_by_the_house_decides(member, asker, second):
    house = make_staff(username="house", is_superuser=True)
    mine = let_in(asker, "mine")
    renew_invitation(staff=mine, by=house, at=NOON)

    for number, staff in enumerate([let_in(second, "theirs"), mine]):
        approve(ask(asker, member, subject=f"exchange:{number}", form=f"form {number}"), staff)

    assert Approval.objects.filter(brand=member.brand, state=ApprovalState.APPROVED).count() == 2


def test_who_invites_the_approver_anew_waits_for_a_decision_under_way(own_brand: Brand):
    asker, second = (make_staff(username=f"{name} {own_brand.pk}", brand=own_brand) for name in ("asker", "second"))
    approval, waited = ask(asker, make_member(own_brand)), []

    def take_over() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '200ms'")
                renew_invitation(staff=second, by=asker, at=NOON)
        except DatabaseError:
            waited.append(True)
        finally:
            connections.close_all()

    with transaction.atomic():
        claimed = claim_approval(brand_id=own_brand.pk, approval_id=approval.pk, staff_id=second.pk, at=NOON)
        thread = threading.Thread(target=take_over)
        thread.start()
        thread.join()
        grant_approval(claimed, staff_id=second.pk, at=NOON)

    assert waited == [True]

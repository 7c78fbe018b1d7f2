"""The log of members' changes is written by the database, for however many rows a statement writes."""

import pytest
from django.db import connection

from tests.conftest import NOON, make_member
from users.models import Member, MemberChange

ROW_BY_ROW = """
SELECT tgname FROM pg_trigger WHERE tgrelid = 'users_member'::regclass AND NOT tgisinternal
AND tgtype & 1 = 1 AND tgtype & 2 = 0 AND tgconstraint = 0
"""


@pytest.mark.django_db
def test_each_member_that_a_statement_writes_is_logged_once(brand):
    members = Member.objects.bulk_create(
        [Member(brand=brand, auth_id=f"member {n}", public_id=f"{n:011}") for n in range(100)], batch_size=100
    )
    first, *rest = members
    Member.objects.filter(brand=brand).exclude(pk=first.pk).update(language="fr")
    Member.objects.filter(brand=brand).update(language="fr")
    Member.objects.filter(pk=rest[0].pk).update(auth_id=None, erased_at=NOON, language=None)

    logged = list(MemberChange.objects.filter(brand=brand).order_by("id").values_list("member_id", "name"))

    assert sorted(logged[:100]) == [(one.pk, None) for one in members]
    assert sorted(logged[100:199]) == [(one.pk, None) for one in rest]
    assert logged[199:] == [(first.pk, None), (rest[0].pk, "member 1")]


def test_what_a_change_does_not_touch_is_not_logged(brand):
    member = make_member(brand)
    before = MemberChange.objects.filter(brand=brand).count()

    Member.objects.filter(pk=member.pk).update(metadata={"seat": 4})

    assert MemberChange.objects.filter(brand=brand).count() == before


@pytest.mark.django_db
def test_no_trigger_of_members_is_called_row_by_row_afterwards():
    """Each such call ends a subtransaction, which takes the longer the more rows a statement writes: hours for a million."""
    with connection.cursor() as cursor:
        cursor.execute(ROW_BY_ROW)
        assert cursor.fetchall() == []

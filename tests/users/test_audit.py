"""The audit's entries: what they say, what they never say, and that they stay."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from tests.conftest import NOON, make_brand, make_member
from tests.loyalty.desk import make_staff
from users.models import AuditEntry, AuditKind, Brand
from users.models.guards import AppendOnlyError
from users.services.audit import caller_address, note

COLUMNS = [field.column for field in AuditEntry._meta.concrete_fields]


@pytest.fixture
def staff(brand):
    return make_staff(brand=brand)


@pytest.fixture
def entry(brand, staff) -> AuditEntry:
    note(brand_id=brand.pk, staff_id=staff.pk, kind=AuditKind.LOG_IN, at=NOON)
    return AuditEntry.objects.get(brand=brand)


def refused(statement: str, parameters=()) -> str:
    with pytest.raises(DatabaseError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
    return str(error.value)


@pytest.mark.parametrize("column", COLUMNS)
def test_no_column_of_an_entry_can_be_changed(entry, column):
    message = refused(f"UPDATE users_auditentry SET {column} = {column} WHERE id = %s", [entry.pk])

    assert "Cannot update" in message


def test_no_entry_can_be_deleted(entry):
    assert "Cannot delete" in refused("DELETE FROM users_auditentry WHERE id = %s", [entry.pk])


def test_the_entries_cannot_be_truncated(entry):
    assert "Cannot truncate" in refused("SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE users_auditentry CASCADE")


def test_the_orm_refuses_to_save_and_to_delete(entry):
    with pytest.raises(AppendOnlyError):
        entry.save()
    with pytest.raises(AppendOnlyError):
        entry.delete()


def test_who_is_in_the_audit_cannot_be_deleted(entry, staff):
    with pytest.raises(IntegrityError):
        staff.delete()


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"kind": "else"}, "audit_kind_known"),
        ({"subject_id": "1"}, "audit_subject_whole"),
        ({"subject_model": "users.member"}, "audit_subject_whole"),
    ],
)
def test_an_entry_that_breaks_a_rule_is_refused(brand, changes, constraint):
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        AuditEntry.objects.create(**({"brand": brand, "kind": AuditKind.ADD, "at": NOON} | changes))

    assert error.value.__cause__.diag.constraint_name == constraint


def test_an_entry_says_who_what_whence_and_why(brand, staff):
    token = caller_address.set("192.0.2.7")
    change = {"before": {"currency": "EUR"}, "after": {"currency": "CHF"}}
    note(brand_id=brand.pk, staff_id=staff.pk, kind=AuditKind.CHANGE, subject=brand, **change, reason="They moved", at=NOON)
    caller_address.reset(token)

    entry = AuditEntry.objects.get(brand=brand)
    assert (entry.staff, entry.staff_name, entry.kind, entry.at) == (staff, "ada", "change", NOON)
    assert (entry.subject_model, entry.subject_id, entry.subject_text) == ("users.brand", str(brand.pk), brand.name)
    assert (entry.before, entry.after) == (change["before"], change["after"])
    assert (entry.reason, entry.address) == ("They moved", "192.0.2.7")


def test_the_name_is_the_one_at_the_time(entry, staff):
    staff.username = "grace"
    staff.save()

    assert AuditEntry.objects.get(pk=entry.pk).staff_name == "ada"


def test_an_entry_of_the_house_has_no_brand_and_one_of_nobody_no_staff(db):
    note(brand_id=None, staff_id=None, kind=AuditKind.LOG_IN_FAILED, at=NOON, address="2001:db8::1")

    entry = AuditEntry.objects.get(brand=None, at=NOON)
    assert (entry.staff, entry.staff_name, entry.address) == (None, "", "2001:db8::1")


def test_what_was_never_committed_is_not_told(own_brand):
    with transaction.atomic():
        note(brand_id=own_brand.pk, staff_id=None, kind=AuditKind.CHANGE, subject=own_brand, at=timezone.now())
        transaction.set_rollback(True)

    assert not AuditEntry.objects.filter(brand=own_brand).exists()


def test_nothing_personal_or_secret_is_kept(brand: Brand):
    member = make_member(brand, email="ann@example.org", first_name="Ann")
    values = {
        "email": "ann@example.org",
        "first_name": "Ann",
        "second_name": "",
        "metadata": {"shoe": 39},
        "password": "hunter22",
        "previous_secret": b"s",
        "image": b"s",
        "filters": [{"q": "ann@example.org", "state": "sent"}],
        "points": 5,
        "erased_at": NOON,
    }

    note(
        brand_id=brand.pk,
        staff_id=None,
        kind=AuditKind.CHANGE,
        subject=member,
        after=values,
        reason="ann@example.org asks",
        at=NOON,
    )

    entry = AuditEntry.objects.get(brand=brand)
    assert entry.after == {
        "email": "(personal)",
        "first_name": "(personal)",
        "second_name": "",
        "metadata": "(personal)",
        "password": "(secret)",
        "previous_secret": "(secret)",
        "image": "(secret)",
        "filters": [{"q": "(personal)", "state": "sent"}],
        "points": 5,
        "erased_at": "2026-06-01T12:00:00Z",
    }
    assert entry.reason == "(personal) asks"


def test_a_code_is_secret_where_it_is_worth_something_alone():
    from users.rules.audit import presentable

    assert presentable({"code": "SPECIAL20"}, model="rewards.reward") == {"code": "(secret)"}
    assert presentable({"code": "treats"}, model="rewards.category") == {"code": "treats"}


def test_each_search_has_an_index(entry, staff):
    mine = AuditEntry.objects.filter(brand=entry.brand).order_by("-at", "-id")
    plans = {}
    kinds = [kind for kind in AuditKind if kind != AuditKind.LOG_IN]
    for brand in (entry.brand, make_brand()):
        rows = (AuditEntry(brand=brand, kind=kinds[number % len(kinds)], at=NOON) for number in range(3_000))
        AuditEntry.objects.bulk_create(rows)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ANALYZE users_auditentry")
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
        for name, rows in {
            "audit_newest": mine,
            "audit_of_staff": mine.filter(staff=staff),
            "audit_of_kind": mine.filter(kind=AuditKind.LOG_IN),
            "audit_of_subject": mine.filter(subject_model="users.brand", subject_id="1"),
            "audit_newest_of_all": AuditEntry.objects.order_by("-at", "-id"),
        }.items():
            plans[name] = rows[:50].explain()

    assert {name for name, plan in plans.items() if f"using {name} " not in plan or "Sort" in plan} == set()

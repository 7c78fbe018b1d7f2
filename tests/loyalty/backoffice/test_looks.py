"""What is personal in a row is masked for whom lacks the permission; that others saw it is written down."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ledger.models import Token, Transaction
from ledger.services.acts import Movement
from ledger.services.by_hand import Hand, do_by_hand
from loyalty.admin import sessions
from loyalty.admin.money_forms import new_name
from rewards.models import Collectible
from tests.benchmarks.backoffice import MOST_QUERIES
from tests.conftest import make_member
from tests.loyalty.desk import make_staff, page_of, signed_in, words
from tests.loyalty.furnished import furnish
from users.models import Approval, AuditEntry, Brand, Email, Member
from users.services.emails import queue_email_to

ADDRESS, MASKED = "ann.miller@example.org", "a***@e***.org"


@pytest.fixture
def email(brand) -> Email:
    context = {"code": "1", "value": 1, "token": "P", "campaign": "S", "valid_until": ""}
    terms = {"kind": "code", "context": context, "language": "en", "at": timezone.now()}
    return queue_email_to(recipient=ADDRESS, brand=brand, **terms)


@pytest.mark.parametrize("may_see", [True, False])
def test_an_address_is_seen_by_whom_may_and_that_is_told(brand, email, may_see):
    staff = make_staff(brand=brand)
    rights = ["view_email", *(["view_personal_data"] if may_see else [])]
    staff.user_permissions.set(Permission.objects.filter(codename__in=rights))

    text = signed_in(staff).get(page_of(Email, "change", email.pk)).content.decode()

    assert (ADDRESS in text, MASKED in text) == (may_see, not may_see)
    told = AuditEntry.objects.filter(staff=staff, kind="look", subject_model="users.email", subject_id=str(email.pk))
    assert told.exists() is may_see
    assert Email.objects.get(pk=email.pk).recipient == ADDRESS


HIDDEN_FROM = {"view_personal_data", "decide_personalisation", "approve"}
"""What lets someone see what is personal: the second and the third what they decide about."""
REASON = "her parcel was lost"


@pytest.fixture
def member(brand) -> Member:
    furnish(brand)
    member = Member.objects.filter(brand=brand).earliest("pk")
    Member.objects.filter(pk=member.pk).update(first_name="Annabella", email=ADDRESS)
    hand = Hand(brand_id=brand.pk, staff_id=make_staff(username="lea", brand=brand).pk, reason=REASON, form=new_name())
    token = Token.objects.filter(brand=brand, type="erc20").first()
    do_by_hand(act=Movement(member_id=member.pk, token_id=token.pk, amount=5), hand=hand, at=timezone.now())
    return member


def someone(brand, *, may_see: bool) -> Client:
    """Someone who may do everything in a brand, or all but see what is personal; they have just said who they are."""
    staff = make_staff(brand=brand)
    rights = Permission.objects.filter(content_type__app_label__in=["users", "ledger", "rewards", "exchange"])
    staff.user_permissions.set(rights if may_see else rights.exclude(codename__in=HIDDEN_FROM))
    client = signed_in(staff)
    session = client.session
    sessions.confirm(session)
    session.save()
    return client


def looks() -> list[tuple[str, str]]:
    found = AuditEntry.objects.filter(kind="look").order_by("pk")
    return list(found.values_list("subject_model", "subject_id"))


def noted(brand) -> Transaction:
    return Transaction.objects.get(brand=brand, note__text=REASON)


ROWS: dict[str, tuple[Callable[[Brand], Model], Callable[[Model], str], str]] = {
    "transaction": (noted, lambda row: page_of(Transaction, "change", row.pk), REASON),
    "receipt": (noted, lambda row: reverse("admin:money_receipt", args=[row.pk]), REASON),
    "collectible": (
        lambda brand: Collectible.objects.get(brand=brand),
        lambda row: page_of(Collectible, "change", row.pk),
        "Ann",
    ),
    "approval": (lambda brand: Approval.objects.get(brand=brand), lambda row: page_of(Approval, "change", row.pk), REASON),
}
"""Pages of one row: the row, its address, and what is personal in it."""


@pytest.mark.parametrize("page", ROWS)
@pytest.mark.parametrize("may_see", [True, False])
def test_a_look_at_what_is_personal_in_a_row_is_told(brand, member, page, may_see):
    find, address, personal = ROWS[page]
    row, client = find(brand), someone(brand, may_see=may_see)

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address(row))

    assert (personal in words(answer)) is may_see
    assert looks() == ([(row._meta.label_lower, str(row.pk))] if may_see else [])
    assert len(queries) <= MOST_QUERIES


def test_a_row_without_anything_personal_is_looked_at_untold(brand, member):
    client, plain = someone(brand, may_see=True), Transaction.objects.filter(brand=brand, note__isnull=True).first()
    Collectible.objects.filter(brand=brand).update(personalised_data=None, status=None)

    client.get(page_of(Transaction, "change", plain.pk))
    client.get(page_of(Collectible, "change", Collectible.objects.get(brand=brand).pk))

    assert looks() == []


@pytest.mark.parametrize("may_see", [True, False])
def test_a_page_of_the_list_of_members_is_told_once_by_its_ends(brand, member, may_see):
    newest, client = make_member(brand), someone(brand, may_see=may_see)

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(page_of(Member, "changelist"))

    assert (ADDRESS in words(answer)) is may_see
    told = {"model": "users.member", "rows": 2, "first": str(newest), "last": str(member)}
    entries = AuditEntry.objects.filter(brand=brand, kind="look")
    assert [entry.after for entry in entries] == ([told] if may_see else [])
    assert len(queries) <= MOST_QUERIES


@pytest.mark.parametrize("may_see", [True, False])
def test_whoever_is_searched_for_is_told_by_name(brand, member, may_see):
    make_member(brand)

    someone(brand, may_see=may_see).get(page_of(Member, "changelist"), {"q": ADDRESS})

    assert looks() == ([("users.member", str(member.pk))] if may_see else [])


def test_a_search_that_finds_nobody_is_no_look(brand, member):
    someone(brand, may_see=True).get(page_of(Member, "changelist"), {"q": "nobody"})

    assert looks() == []


@pytest.mark.parametrize("may_see", [True, False])
def test_both_members_of_a_merge_are_told(brand, member, may_see):
    duplicate, client = make_member(brand, email="bea@example.org"), someone(brand, may_see=may_see)
    address = page_of(Member, "merge", member.pk)

    client.get(address)
    assert looks() == []
    answer = client.post(address, {"duplicate": duplicate.public_id})

    assert ("bea@example.org" in words(answer), ADDRESS in words(answer)) == (may_see, may_see)
    assert looks() == ([("users.member", str(one.pk)) for one in (member, duplicate)] if may_see else [])

"""What is personal in a row is masked for whom lacks the permission; that others saw it is written down."""

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from tests.loyalty.desk import make_staff, page_of, signed_in
from users.models import AuditEntry, Email
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

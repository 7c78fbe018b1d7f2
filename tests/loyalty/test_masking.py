"""Personal data is whole for whom may see it, and masked for everyone else."""

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.contrib.contenttypes.models import ContentType
from django.test import RequestFactory

from loyalty.admin import masking
from tests.loyalty.desk import make_staff
from users.models import Member


def request_of(user):
    request = RequestFactory().get("/admin/")
    request.user = user
    return request


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("ann@example.org", "a***@e***.org"),
        ("ann.miller@mail.example.co.uk", "a***@m***.uk"),
        ("ann@localhost", "a***@l***"),
        ("no address", "***"),
        ("@example.org", "***"),
    ],
)
def test_of_an_address_two_letters_and_the_ending_stay(address, masked):
    assert masking.masked_email(address) == masked


def test_of_a_name_the_first_letters_stay():
    assert masking.masked_name("Ann Maria  Miller") == "A*** M*** M***"
    assert masking.masked_name("  ") == "***"


@pytest.mark.parametrize(
    ("number", "masked"), [("+41 79 123 45 67", "***67"), ("AB-1234", "***34"), ("1234", "***"), ("", "***")]
)
def test_of_a_number_the_end_stays(number, masked):
    assert masking.masked_number(number) == masked


@pytest.mark.parametrize(("code", "masked"), [("ABCDEFGHJ", "•••••FGHJ"), ("ABCDEFGH", "••••••••"), ("AB", "••")])
def test_of_a_code_the_end_stays(code, masked):
    assert masking.masked_code(code) == masked


def test_who_holds_the_permission_sees_it_whole(brand):
    agent, auditor = make_staff(brand=brand), make_staff(brand=brand, username="auditor")
    kind = ContentType.objects.get_for_model(Member)
    terms = {"codename": "view_personal_data", "content_type": kind}
    agent.user_permissions.add(Permission.objects.get_or_create(**terms, defaults={"name": "Can see personal data"})[0])
    shown = [
        [
            masking.shown_email(request, "ann@example.org"),
            masking.shown_name(request, "Ann"),
            masking.shown_number(request, "123456"),
            masking.shown_text(request, "1 High Street"),
            masking.shown_email(request, None),
        ]
        for request in map(request_of, (agent, auditor, AnonymousUser()))
    ]

    hidden = ["a***@e***.org", "A***", "***56", "***", ""]
    assert shown == [["ann@example.org", "Ann", "123456", "1 High Street", ""], hidden, hidden]

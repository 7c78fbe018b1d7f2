"""One's own password: changed by those who know the one of now, who are told apart from guessers; and written down."""

import pytest
from django.test import Client

from tests.loyalty.backoffice.authenticators import code_of, pair
from tests.loyalty.desk import make_staff, signed_in, words
from users.models import AuditEntry, Staff

PAGE = "/admin/password_change/"
PASSWORD, OTHER = "as long as the settings want it", "another that is as long as that"


@pytest.fixture
def staff(brand) -> Staff:
    return make_staff(brand=brand, password=PASSWORD)


@pytest.fixture
def client(staff) -> Client:
    return signed_in(staff)


def change(client: Client, old: str = PASSWORD, new: str = OTHER, **further: str):
    return client.post(PAGE, {"old_password": old, "new_password1": new, "new_password2": new} | further)


def has(staff: Staff, password: str) -> bool:
    return Staff.objects.get(pk=staff.pk).check_password(password)


def test_a_change_is_written_down_and_the_session_goes_on(client, staff):
    assert change(client)["Location"] == "/admin/password_change/done/"

    assert has(staff, OTHER)
    entry = AuditEntry.objects.get(staff=staff, kind="change")
    assert (entry.subject_id, entry.after) == (str(staff.pk), {"password": "(secret)"})
    assert client.get("/admin/").status_code == 200


def test_the_page_shows_what_it_asks_for(client):
    shown = client.get(PAGE).content.decode()

    assert all(f'name="{name}"' in shown for name in ("old_password", "new_password1", "new_password2"))
    assert 'name="code"' not in shown


def test_whoever_finds_an_open_session_guesses_the_password_no_further_than_at_the_log_in(client, staff):
    answers = [change(client, f"wrong {number}") for number in range(5)]

    assert "That is not your password" in words(answers[0])
    assert [answer.status_code for answer in answers] == [200] * 4 + [429]
    assert change(client).status_code == 429
    assert has(staff, PASSWORD)
    assert AuditEntry.objects.filter(staff=staff, kind="log_in_failed").count() >= 5


def test_a_new_password_that_is_refused_changes_nothing(client, staff):
    assert change(client, new="short").status_code == 200

    assert has(staff, PASSWORD)
    assert not AuditEntry.objects.filter(staff=staff, kind="change").exists()


def test_who_has_an_app_is_asked_for_its_code_too(clock, staff):
    device, _ = pair(staff)
    client = signed_in(staff)
    clock.shift(30)
    client.post("/admin/second-factor/", {"code": code_of(device)})
    clock.shift(30)

    assert change(client).status_code == 200
    assert change(client, new="short", code=code_of(device)).status_code == 200  # which uses up no code
    assert has(staff, PASSWORD)
    assert change(client, code=code_of(device)).status_code == 302
    assert has(staff, OTHER)

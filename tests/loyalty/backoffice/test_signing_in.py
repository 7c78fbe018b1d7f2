"""Signing in: every try is told, guessing ends, sessions end."""

import pytest
from axes.models import AccessAttempt
from django.test import Client, override_settings

from tests.loyalty.desk import make_staff, signed_in, words
from users.models import AuditEntry, Staff

PASSWORD = "as long as the settings want it"


@pytest.fixture
def staff(brand) -> Staff:
    return make_staff(brand=brand, password=PASSWORD)


def sign_in(client: Client, password: str = PASSWORD, username: str = "ada", **headers: str):
    return client.post("/admin/login/", {"username": username, "password": password, "next": "/admin/"}, **headers)


def told(staff: Staff) -> list[tuple[str, str]]:
    return list(AuditEntry.objects.filter(staff=staff).order_by("pk").values_list("kind", "reason"))


def test_log_ins_failed_ones_and_log_outs_are_told(staff, brand):
    client = Client(REMOTE_ADDR="192.0.2.7")
    sign_in(client, "wrong")
    sign_in(client)
    client.post("/admin/logout/")

    assert told(staff) == [("log_in_failed", ""), ("log_in", ""), ("log_out", "")]
    entries = AuditEntry.objects.filter(staff=staff)
    assert set(entries.values_list("brand", "staff_name", "address")) == {(brand.pk, "ada", "192.0.2.7")}
    assert all(entries.values_list("request_id", flat=True))


def test_a_name_that_nobody_has_is_not_kept(db, staff):
    before = AuditEntry.objects.filter(kind="log_in_failed", staff=None).count()

    sign_in(Client(), username="my password by mistake")

    assert AuditEntry.objects.filter(kind="log_in_failed", staff=None, staff_name="").count() == before + 1


def test_who_guesses_is_locked_out_from_there_and_let_in_after_a_while(staff, clock):
    guesser, elsewhere = Client(REMOTE_ADDR="192.0.2.7"), Client(REMOTE_ADDR="192.0.2.8")
    answers = [sign_in(guesser, f"wrong {number}") for number in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 4 + [429]
    assert "There were too many wrong tries" in words(answers[-1])
    assert sign_in(guesser).status_code == 429
    assert sign_in(elsewhere).status_code == 302
    assert ("log_in_failed", "locked out") in told(staff)
    clock.shift(901)
    assert sign_in(guesser).status_code == 302


def test_tries_while_locked_out_do_not_lengthen_it(staff, clock):
    guesser = Client(REMOTE_ADDR="192.0.2.7")
    for number in range(5):
        sign_in(guesser, f"wrong {number}")
    clock.shift(800)
    sign_in(guesser, "wrong")
    clock.shift(200)

    assert sign_in(guesser).status_code == 302


def test_a_log_in_forgives_the_tries_before_it(staff):
    client = Client()
    for _ in range(2):
        for number in range(4):
            sign_in(client, f"wrong {number}")
        assert sign_in(client).status_code == 302


@pytest.mark.parametrize(("trusted", "statuses"), [(True, {200}), (False, {200, 429})])
def test_behind_a_proxy_callers_are_told_apart_by_what_it_says(staff, trusted, statuses):
    with override_settings(TRUST_PROXY=trusted):
        answers = [
            sign_in(Client(), "wrong", HTTP_X_FORWARDED_FOR=f"192.0.2.99, 198.51.100.{number}", REMOTE_ADDR="10.0.0.1")
            for number in range(6)
        ]

    assert {answer.status_code for answer in answers} == statuses


def test_what_the_caller_wrote_into_the_header_changes_nothing(staff):
    with override_settings(TRUST_PROXY=True):
        answers = [sign_in(Client(), "wrong", HTTP_X_FORWARDED_FOR=f"192.0.2.{number}, 198.51.100.1") for number in range(5)]

    assert answers[-1].status_code == 429


def test_no_password_is_kept_of_a_failed_try(staff):
    sign_in(Client(), "a password that is wrong")

    attempt = AccessAttempt.objects.get(username="ada")
    assert "a password that is wrong" not in f"{attempt.post_data}{attempt.get_data}"


def test_a_session_ends_when_nothing_is_done(staff, clock):
    client = signed_in(staff)
    clock.shift(1799)
    assert client.get("/admin/").status_code == 200
    clock.shift(1799)
    assert client.get("/admin/").status_code == 200
    clock.shift(1801)

    answer = client.get("/admin/?page=1")

    assert answer["Location"] == "/admin/login/?next=%2Fadmin%2F%3Fpage%3D1"
    assert told(staff)[-1] == ("log_out", "idle")
    assert "nothing was done for a while" in words(client.get(answer["Location"]))


def test_a_session_ends_when_it_is_old_whatever_is_done(staff, clock):
    client = signed_in(staff)
    for _ in range(43):
        clock.shift(1000)
        assert client.get("/admin/").status_code == 200
    clock.shift(1000)

    assert client.get("/admin/").status_code == 302
    assert told(staff)[-1] == ("log_out", "old")


def test_what_a_page_asks_of_its_own_accord_keeps_nobody_signed_in(staff, clock):
    client = signed_in(staff)
    for _ in range(2):
        clock.shift(1000)
        last = client.get("/admin/", headers={"X-Background": "1"})

    assert last.status_code == 302


def test_what_was_sent_after_the_end_has_no_effect_and_is_not_sent_again(staff, clock):
    client = signed_in(staff)
    clock.shift(1801)

    assert client.post("/admin/password_change/", {"old_password": PASSWORD})["Location"] == "/admin/login/"


def test_the_session_is_another_after_the_log_in(staff):
    client = Client()
    client.get("/admin/login/")
    client.session.save()
    before = client.session.session_key

    sign_in(client)

    assert client.session.session_key != before


def test_refusals_are_told_by_page_and_row_and_never_by_path(staff, brand):
    client = signed_in(staff)

    assert client.get("/admin/users/member/5/change/?q=ann").status_code == 403

    entry = AuditEntry.objects.get(staff=staff, kind="refused")
    assert (entry.brand, entry.after) == (brand, {"page": "users_member_change", "method": "GET", "row": "5"})


def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites(staff):
    client = Client()
    sign_in(client)

    cookie = client.cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", "")

"""The second factor's pages: nobody gets round them."""

import re

import pytest
from django.test import Client

from tests.loyalty.backoffice.authenticators import code_of, pair
from tests.loyalty.desk import make_staff, signed_in, words
from users.models import Authenticator, Staff
from users.services.second_factors import has_second_factor

ASK, SET_UP, RENEW = "/admin/second-factor/", "/admin/second-factor/set-up/", "/admin/second-factor/recovery-codes/"
PASSWORD = "as long as the settings want it"


@pytest.fixture
def staff(brand) -> Staff:
    return make_staff(brand=brand, is_superuser=True, password=PASSWORD)


@pytest.fixture
def paired(staff, clock) -> tuple[Authenticator, list[str]]:
    made = pair(staff)
    clock.shift(30)
    return made


def shown_codes(page) -> list[str]:
    return re.findall(r"<li>([a-z2-7]{6}-[a-z2-7]{6})</li>", page.content.decode())


@pytest.fixture
def demanding(brand):
    brand.demands_second_factor = True
    brand.save()


@pytest.mark.usefixtures("demanding")
@pytest.mark.parametrize("path", ["/admin/", "/admin/users/member/", "/admin/password_change/", "/admin/search/", RENEW])
def test_where_it_is_demanded_nothing_is_reached_before_it_is_set_up(staff, path):
    client = signed_in(staff)

    assert client.get(path)["Location"].startswith(SET_UP)
    assert client.post(path, {"action": "x"})["Location"] == SET_UP


@pytest.mark.usefixtures("demanding")
def test_it_is_set_up_by_a_picture_and_a_code_and_recovery_codes_are_shown_once(staff, clock):
    client = signed_in(staff)
    page = client.get(SET_UP, {"next": "/admin/users/member/"})
    assert "<svg" in page.content.decode()
    device = Authenticator.objects.get(user=staff)

    done = client.post(SET_UP, {"code": code_of(device), "next": "/admin/users/member/"})

    assert len(set(shown_codes(done))) == 10
    assert 'href="/admin/users/member/"' in done.content.decode()
    assert client.get("/admin/").status_code == 200
    assert shown_codes(client.get(SET_UP)) == []


def test_a_wrong_code_is_told_and_the_picture_stays(staff, clock):
    client = signed_in(staff)
    client.get(SET_UP)
    before = Authenticator.objects.get(user=staff).key

    page = client.post(SET_UP, {"code": "000000"})

    assert "The code is wrong" in words(page)
    assert (Authenticator.objects.get(user=staff).key, has_second_factor(staff)) == (before, False)


def test_each_visit_has_a_seed_that_nobody_saw_before(staff):
    client = signed_in(staff)
    client.get(SET_UP)
    before = Authenticator.objects.get(user=staff).key

    client.get(SET_UP)

    assert Authenticator.objects.get(user=staff).key != before


def test_after_the_password_the_code_is_asked_for_and_then_it_goes_on(staff, paired, clock):
    client = Client()
    client.post("/admin/login/", {"username": "ada", "password": PASSWORD, "next": "/admin/"})
    asked = client.get("/admin/users/member/?o=1")
    assert asked["Location"] == f"{ASK}?next=%2Fadmin%2Fusers%2Fmember%2F%3Fo%3D1"

    done = client.post(ASK, {"code": code_of(paired[0]), "next": "/admin/users/member/?o=1"})

    assert done["Location"] == "/admin/users/member/?o=1"
    assert client.get(done["Location"]).status_code == 200


def test_a_recovery_code_does_as_well(staff, paired):
    client = signed_in(staff)

    client.post(ASK, {"code": paired[1][0]})

    assert client.get("/admin/").status_code == 200


def test_a_wrong_or_used_code_lets_nobody_in(staff, paired, clock):
    first, second = signed_in(staff), signed_in(staff)
    code = code_of(paired[0])
    first.post(ASK, {"code": code})

    for refused in (code, "000000", "", "aaaaaa-aaaaaa", "\0"):
        assert second.post(ASK, {"code": refused}).status_code == 200
    assert second.get("/admin/")["Location"].startswith(ASK)


def test_who_has_not_shown_it_cannot_set_up_another(staff, paired):
    client = signed_in(staff)

    assert client.get(SET_UP)["Location"] == ASK
    assert client.post(SET_UP, {"code": "000000"})["Location"] == ASK
    assert client.post(RENEW)["Location"] == ASK
    assert Authenticator.objects.get(user=staff).pk == paired[0].pk


def test_whose_second_factor_is_reset_is_asked_again_in_every_session(staff, paired, demanding, clock):
    client = signed_in(staff)
    client.post(ASK, {"code": code_of(paired[0])})
    Authenticator.objects.filter(user=staff).delete()

    assert client.get("/admin/")["Location"].startswith(SET_UP)


def test_it_goes_on_to_no_other_host(staff, paired, clock):
    client = signed_in(staff)

    assert client.post(ASK, {"code": code_of(paired[0]), "next": "https://evil.example/"})["Location"] == "/admin/"


def test_recovery_codes_are_renewed_by_who_says_again_who_they_are(staff, paired, clock):
    client = signed_in(staff)
    client.post(ASK, {"code": code_of(paired[0])})
    clock.shift(601)
    asked = client.post(RENEW)
    assert shown_codes(asked) == []

    done = client.post(RENEW, {"confirm-password": PASSWORD, "confirm-code": code_of(paired[0]), "confirm-asked_by": "POST"})

    assert len(shown_codes(done)) == 10
    assert not set(shown_codes(done)) & set(paired[1])


def test_staff_of_the_house_need_one_where_the_house_says_so(db, settings):
    client = signed_in(make_staff(is_superuser=True))
    assert client.get("/admin/").status_code == 200

    settings.HOUSE_DEMANDS_SECOND_FACTOR = True

    assert client.get("/admin/")["Location"].startswith(SET_UP)


def test_seeds_have_no_page(db):
    client = signed_in(make_staff(is_superuser=True))

    for path in ("otp_totp/totpdevice", "otp_static/staticdevice", "users/authenticator", "axes/accessattempt"):
        assert client.get(f"/admin/{path}/").status_code == 404

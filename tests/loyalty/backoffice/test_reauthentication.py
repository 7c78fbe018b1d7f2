"""Before money moves whoever moves it says again who they are, and loses nothing of what they had written."""

import pytest
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import override_settings
from django.urls import path

from loyalty.admin.reauthentication import recently_authenticated
from tests.loyalty.backoffice.authenticators import code_of, pair
from tests.loyalty.desk import make_staff, signed_in, words
from users.models import AuditEntry, Staff

PASSWORD = "as long as the settings want it"
PAGE = "/pay/"


@recently_authenticated(minutes=10)
def pay(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"method": request.method, "sent": dict(request.POST.lists())})


class Urls:
    urlpatterns = [path("pay/", admin.site.admin_view(pay)), path("admin/", admin.site.urls)]


@pytest.fixture(autouse=True)
def pages():
    with override_settings(ROOT_URLCONF=Urls):
        yield


@pytest.fixture
def staff(brand) -> Staff:
    return make_staff(brand=brand, password=PASSWORD)


@pytest.fixture
def client(staff, clock):
    client = signed_in(staff)
    clock.shift(601)
    return client


def answer(client, password: str = PASSWORD, **further):
    sent = {"confirm-password": password, "confirm-asked_by": "POST", "points": "5", "tags": ["a", "b"]}
    return client.post(PAGE, sent | further)


def test_who_has_just_signed_in_is_not_asked(staff, clock):
    client = signed_in(staff)
    clock.shift(599)

    assert client.post(PAGE, {"points": "5"}).json()["sent"] == {"points": ["5"]}


def test_who_has_not_is_asked_and_everything_sent_is_kept(client):
    page = client.post(PAGE, {"points": "5", "tags": ["a", '"><script>']})

    assert "say again who you are" in words(page)
    text = page.content.decode()
    for kept in ('name="points" value="5"', 'name="tags" value="a"', 'name="tags" value="&quot;&gt;&lt;script&gt;"'):
        assert kept in text
    assert 'name="confirm-code"' not in text


def test_the_password_lets_what_was_sent_go_on_once_to_the_page(client):
    assert answer(client).json() == {"method": "POST", "sent": {"points": ["5"], "tags": ["a", "b"]}}
    assert client.post(PAGE, {}).json()["method"] == "POST"


def test_whoever_only_wanted_to_look_gets_the_page_by_get(client):
    page = client.get(PAGE + "?a=1")
    assert 'name="confirm-asked_by" value="GET"' in page.content.decode()

    done = client.post(PAGE + "?a=1", {"confirm-password": PASSWORD, "confirm-asked_by": "GET"})

    assert done["Location"] == PAGE + "?a=1"
    assert client.get(done["Location"]).json()["method"] == "GET"


def test_a_wrong_password_does_nothing_and_loses_nothing(client, staff):
    page = answer(client, "wrong")

    assert "That is not your password" in words(page)
    assert 'name="points" value="5"' in page.content.decode()
    assert AuditEntry.objects.filter(staff=staff, kind="log_in_failed").exists()


def test_guessing_ends_as_at_the_log_in(client):
    answers = [answer(client, f"wrong {number}") for number in range(5)]

    assert [page.status_code for page in answers] == [200] * 4 + [429]
    assert answer(client).status_code == 429


def test_who_has_an_app_is_asked_for_its_code_too(staff, clock):
    device, _ = pair(staff)
    client = signed_in(staff)
    clock.shift(30)
    client.post("/admin/second-factor/", {"code": code_of(device)})
    clock.shift(601)
    assert 'name="confirm-code"' in client.post(PAGE).content.decode()

    assert answer(client).status_code == 200
    assert "The code is wrong" in words(answer(client, **{"confirm-code": "000000"}))
    clock.shift(30)
    assert answer(client, **{"confirm-code": code_of(device)}).json()["method"] == "POST"


def test_a_page_that_the_password_was_sent_to_by_someone_else_is_not_opened(client, brand):
    other = make_staff(brand=brand, username="bob", password="another password of theirs")

    assert "That is not your password" in words(answer(client, "another password of theirs"))
    assert not AuditEntry.objects.filter(staff=other).exists()

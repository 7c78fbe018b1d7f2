"""Memberships over HTTP: both spellings, both generations of shapes, and the rules of the numbers."""

import pytest

from tests.api.conftest import anonymous, assert_refused
from tests.conftest import make_member
from users.models import Membership

MILES_AND_MORE, ETIHAD, ALASKA = "992001234567897", "100200300400", "12345678"
NUMBERS = {"miles_and_more": MILES_AND_MORE, "etihad": ETIHAD, "alaska": ALASKA}
SAVING = ["POST", "PUT", "PATCH"]


def body(target, number, **fields):
    return {"membership": {"brand_id": target, "membership_number": number} | fields}


def shown(target: str, name: str, number: str) -> dict:
    return {
        "membership_number": number,
        "brand": {"id": target, "name": name, "locations": [], "brand_config": None},
        "exchange_provider": {"implementation_name": target, "name": name},
    }


@pytest.fixture
def path(member) -> str:
    return f"/users/{member.auth_id}/memberships"


def test_a_user_without_memberships_has_an_empty_list(partner, path):
    response = partner.get(path)

    assert response.status_code == 200
    assert response.json() == {"data": []}


@pytest.mark.parametrize("spelling", ["brand_id", "exchange_provider_implementation_name"])
@pytest.mark.parametrize("target", sorted(NUMBERS))
def test_a_membership_is_stored_in_either_spelling_and_shown_in_both(partner, member, path, spelling, target):
    response = partner.post(path, {"membership": {spelling: target, "membership_number": NUMBERS[target]}})

    assert response.status_code == 201
    answer = response.json()
    assert answer["data"] == answer["user"]
    assert answer["data"]["auth_id"] == member.auth_id
    (membership,) = answer["data"]["memberships"]
    assert membership == shown(target, membership["brand"]["name"], NUMBERS[target])
    assert partner.get(path).json() == {"data": [membership]}
    assert partner.get(f"{path}/{target}").json() == {"data": membership}


def test_both_spellings_may_stand_together_when_they_agree(partner, path):
    response = partner.post(path, body("etihad", ETIHAD, exchange_provider_implementation_name="etihad"))

    assert response.status_code == 201


@pytest.mark.parametrize("method", SAVING)
def test_two_spellings_that_disagree_are_refused(partner, path, method):
    response = partner.call(method, path, body("etihad", ETIHAD, exchange_provider_implementation_name="alaska"))

    assert_refused(response, 400, "invalid_request")
    assert partner.get(path).json() == {"data": []}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("spelling", ["brand_id", "exchange_provider_implementation_name"])
def test_a_path_and_a_body_that_disagree_are_refused(partner, path, method, spelling):
    sent = {"membership": {spelling: "alaska", "membership_number": ETIHAD}}

    assert_refused(partner.call(method, f"{path}/etihad", sent), 400, "invalid_request", f"membership.{spelling}")
    assert partner.get(path).json() == {"data": []}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_the_path_alone_names_the_target(partner, path, method):
    response = partner.call(method, f"{path}/etihad", {"membership": {"membership_number": ETIHAD}})

    assert response.status_code == 200
    assert response.json()["user"]["memberships"] == [shown("etihad", "Etihad Guest", ETIHAD)]


@pytest.mark.parametrize("method", SAVING)
def test_a_membership_that_names_no_target_is_refused(partner, path, method):
    response = partner.call(method, path, {"membership": {"membership_number": ETIHAD}})

    assert_refused(response, 400, "invalid_request", "membership.brand_id")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("tail", ["", "/etihad"])
def test_put_and_patch_answer_200_when_they_create_and_when_they_replace(partner, path, method, tail):
    created = partner.call(method, path + tail, body("etihad", ETIHAD))
    replaced = partner.call(method, path + tail, body("etihad", "999999999999"))

    assert (created.status_code, replaced.status_code) == (200, 200)
    assert [item["membership_number"] for item in replaced.json()["data"]["memberships"]] == ["999999999999"]


def test_posting_the_same_target_again_replaces_the_number(partner, path):
    partner.post(path, body("etihad", ETIHAD))

    again = partner.post(path, body("etihad", "999999999999"))

    assert again.status_code == 201
    assert [item["membership_number"] for item in partner.get(path).json()["data"]] == ["999999999999"]


def test_the_answer_lists_all_memberships(partner, path):
    for target, number in NUMBERS.items():
        response = partner.post(path, body(target, number))

    listed = response.json()["data"]["memberships"]
    assert [item["brand"]["id"] for item in listed] == list(NUMBERS)


@pytest.mark.parametrize(
    ("target", "sent", "kept"),
    [
        ("miles_and_more", "9920 0123.4567-897", MILES_AND_MORE),
        ("miles_and_more", "220000000000004", "220000000000004"),
        ("etihad", " 100-200.300 400 ", ETIHAD),
        ("alaska", "12 34 56 78", "12345678"),
        ("alaska", "123-456-789", "123456789"),
        ("emirates", "ek123456789", "EK123456789"),
    ],
)
def test_numbers_are_kept_without_separators_in_capitals(partner, path, target, sent, kept):
    response = partner.post(path, body(target, sent))

    assert response.status_code == 201
    assert response.json()["data"]["memberships"][0]["membership_number"] == kept


@pytest.mark.parametrize("method", SAVING)
@pytest.mark.parametrize(
    ("target", "number", "reason"),
    [
        ("miles_and_more", "99200123456789", "length"),
        ("miles_and_more", "9920012345678970", "length"),
        ("miles_and_more", "992001234567898", "check digit"),
        ("miles_and_more", "99200123456789X", "character"),
        ("etihad", "10020030040", "length"),
        ("etihad", "1002003004000", "length"),
        ("etihad", "10020030040A", "character"),
        ("alaska", "1234567", "length"),
        ("alaska", "1234567890", "length"),
        ("alaska", "1234567\u0663", "character"),
        ("alaska", "1234_5678", "character"),
        ("flying_blue", "½", "character"),
        ("etihad", " - . ", "empty"),
        ("accor", "1" * 33, "length"),
    ],
)
def test_a_number_that_cannot_be_one_is_refused_saying_why(partner, path, method, target, *, number, reason):
    response = partner.call(method, path, body(target, number))

    assert_refused(response, 400, "invalid_membership_number")
    assert reason in response.json()["detail"]
    assert partner.get(path).json() == {"data": []}


def test_an_unusual_prefix_only_warns_staff(partner, member, path):
    response = partner.post(path, body("miles_and_more", "110000000000007"))

    assert response.status_code == 201
    assert Membership.objects.get(member=member).warning
    assert "warning" not in response.content.decode()


@pytest.mark.parametrize("target", ["nowhere", "Etihad", "", "etihad ", "999999999999", "9" * 30, "miles and more"])
@pytest.mark.parametrize("spelling", ["brand_id", "exchange_provider_implementation_name"])
def test_an_unknown_target_is_refused(partner, path, target, spelling):
    response = partner.post(path, {"membership": {spelling: target, "membership_number": ETIHAD}})

    assert_refused(response, 400, "invalid_exchange_provider")


@pytest.mark.parametrize("target", [0, 999_999_999, 2**63, 10**30])
def test_a_brand_id_may_be_any_number_and_an_unknown_one_is_refused(partner, path, target):
    assert_refused(partner.post(path, body(target, ETIHAD)), 400, "invalid_exchange_provider")


def test_a_brand_id_of_thousands_of_digits_is_refused(partner, path):
    raw = b'{"membership": {"membership_number": "1", "brand_id": ' + b"9" * 5_000 + b"}}"

    assert partner.call("POST", path, raw=raw).status_code == 400


@pytest.mark.parametrize("form", [int, str])
def test_the_callers_own_brand_takes_the_auth_id_unchanged(partner, brand, member, path, form):
    response = partner.post(path, body(form(brand.pk), member.auth_id))

    assert response.status_code == 201
    assert response.json()["data"]["memberships"] == [shown(str(brand.pk), brand.name, member.auth_id)]
    assert partner.get(f"{path}/{brand.pk}").status_code == 200


def test_the_callers_own_brand_takes_no_other_number(partner, brand, member, path):
    for number in (member.auth_id.upper() + "x", make_member(brand).auth_id, f" {member.auth_id}"):
        assert_refused(partner.post(path, body(brand.pk, number)), 400, "invalid_membership_number")


def test_an_auth_id_at_the_own_brand_is_not_normalised(partner, brand):
    member = make_member(brand, auth_id="anna-b.c d")

    response = partner.post("/users/anna-b.c d/memberships", body(brand.pk, member.auth_id))

    assert response.json()["data"]["memberships"][0]["membership_number"] == "anna-b.c d"


def test_another_brands_id_is_answered_as_one_that_does_not_exist(partner, path, other_brand, other_member):
    theirs = partner.post(path, body(other_brand.pk, other_member.auth_id))
    nobodys = partner.post(path, body(999_999_999, other_member.auth_id))

    assert_refused(theirs, 400, "invalid_exchange_provider")
    assert anonymous(theirs) == anonymous(nobodys)
    for method in ("GET", "DELETE"):
        theirs, nobodys = (partner.call(method, f"{path}/{pk}") for pk in (other_brand.pk, 999_999_999))
        assert anonymous(theirs) == anonymous(nobodys)


@pytest.mark.parametrize("method", SAVING)
@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "membership"),
        ({"membership": {"brand_id": "etihad"}}, "membership.membership_number"),
        ({"membership": {"brand_id": "etihad", "membership_number": 100200300400}}, "membership.membership_number"),
        ({"membership": {"brand_id": "etihad", "membership_number": "1", "tier": 1}}, "membership.tier"),
        ({"membership": {"brand_id": 1.5, "membership_number": "1"}}, "membership.brand_id"),
        ({"membership": {"brand_id": True, "membership_number": "1"}}, "membership.brand_id"),
        ({"membership": {"brand_id": -1, "membership_number": "1"}}, "membership.brand_id"),
        ({"membership": {"brand_id": "etihad", "membership_number": "\x00"}}, "membership.membership_number"),
        ({"membership": {"brand_id": "\x00", "membership_number": "1"}}, "membership.brand_id"),
        ({"membership": {"brand_id": "etihad", "membership_number": "1"}, "user": {}}, "user"),
        (
            {"membership": {"exchange_provider_implementation_name": 5, "membership_number": "1"}},
            "membership.exchange_provider_implementation_name",
        ),
    ],
)
def test_a_body_of_another_shape_is_refused_naming_the_field(partner, path, method, sent, field):
    assert_refused(partner.call(method, path, sent), 400, "invalid_request", field)


@pytest.mark.parametrize("number", ["", "1" * 256])
def test_a_number_of_no_length_or_too_great_a_one_is_refused(partner, path, number):
    response = partner.post(path, body("etihad", number))

    assert response.status_code == 400
    assert "length" in response.json()["detail"]


@pytest.mark.parametrize(
    ("method", "tail"),
    [
        ("GET", ""),
        ("GET", "/etihad"),
        ("DELETE", "/etihad"),
        *[(method, "") for method in SAVING],
        ("PUT", "/etihad"),
        ("PATCH", "/etihad"),
    ],
)
def test_an_unknown_user_or_one_of_another_brand_is_not_found(partner, other_member, method, tail):
    sent = body("etihad", ETIHAD) if method in SAVING else None

    nobodys = partner.call(method, f"/users/nobody/memberships{tail}", sent)
    theirs = partner.call(method, f"/users/{other_member.auth_id}/memberships{tail}", sent)

    assert_refused(nobodys, 404, "user_not_found")
    assert anonymous(nobodys) == anonymous(theirs)
    assert not Membership.objects.filter(member=other_member).exists()


@pytest.mark.parametrize("target", ["etihad", "nowhere", "999999999", "%00", "x" * 300])
def test_a_membership_that_is_not_there_is_a_404_with_empty_data(partner, path, target):
    response = partner.get(f"{path}/{target}")

    assert_refused(response, 404, "membership_not_found")
    assert response.json()["data"] == {}


def test_reading_a_membership_of_an_unknown_user_is_a_404_with_empty_data(partner):
    response = partner.get("/users/nobody/memberships/etihad")

    assert_refused(response, 404, "user_not_found")
    assert response.json()["data"] == {}


def test_a_membership_is_deleted_once(partner, path):
    partner.post(path, body("etihad", ETIHAD))
    partner.post(path, body("alaska", ALASKA))

    first, second = partner.call("DELETE", f"{path}/etihad"), partner.call("DELETE", f"{path}/etihad")

    assert (first.status_code, first.content) == (204, b"")
    assert_refused(second, 404, "membership_not_found")
    assert [item["brand"]["id"] for item in partner.get(path).json()["data"]] == ["alaska"]


@pytest.mark.parametrize("target", ["nowhere", "999999999", "%00"])
def test_deleting_at_an_implementation_that_does_not_exist_is_a_400(partner, path, target):
    assert_refused(partner.call("DELETE", f"{path}/{target}"), 400, "invalid_exchange_provider")


def test_a_trailing_slash_is_optional(partner, path):
    partner.post(f"{path}/", body("etihad", ETIHAD))

    assert partner.get(f"{path}/").json() == partner.get(path).json()
    assert partner.get(f"{path}/etihad/").json() == partner.get(f"{path}/etihad").json()
    assert partner.call("PUT", f"{path}/etihad/", body("etihad", ETIHAD)).status_code == 200
    assert partner.call("DELETE", f"{path}/etihad/").status_code == 204

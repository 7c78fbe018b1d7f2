"""Collectibles over HTTP: given, listed, personalised, decided about."""

import json
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from ledger.models import Note, Token, Transaction
from ledger.models.tokens import TokenType
from rewards.models import Collectible
from rewards.services.collectibles import LONGEST_WISH, decide_personalisation, request_personalisation
from tests.api.conftest import anonymous, assert_refused, at_once
from tests.api.programme import make_collectible, make_item
from tests.api.test_transactions import FIELDS
from tests.clients import Partner
from tests.conftest import make_member, make_token
from users.models import Email

ITEM_FIELDS = {"user_nft_id", "serial", "status", "personalised_data", "reason", "user", "token", "updated_at"}
WISH = {"engraving": "For Ann", "size": 7, "nested": {"list": [1, "two", None]}}


@pytest.fixture
def collectible(brand) -> Token:
    return make_collectible(brand)


@pytest.fixture
def item(member, collectible) -> Collectible:
    return make_item(member, collectible)


@pytest.fixture
def pending(item) -> Collectible:
    return request_personalisation(brand_id=item.brand_id, item_id=item.pk, data=WISH, at=timezone.now())


def wish(partner, item_id, data=WISH, key=None):
    return partner.keyed(f"/nfts/{item_id}/personalisation", {"personalisation": {"data": data}}, key)


def decide(partner, item_id, status="approved", key=None, **fields):
    return partner.keyed("/nfts", {"userNFT": {"user_nft_id": item_id, "status": status} | fields}, key)


def shown(partner, member) -> dict:
    (item,) = partner.get(f"/nfts?user_auth_id={member.auth_id}").json()["data"]
    return item


def ids(response) -> list[int]:
    assert response.status_code == 200, response.content
    return [int(item["user_nft_id"]) for item in response.json()["data"]]


def decided(item, approve):
    return decide_personalisation(brand_id=item.brand_id, item_id=item.pk, approve=approve, actor="system", at=timezone.now())


def test_an_item_is_given_and_the_answer_tells_the_transaction(partner, member, collectible):
    response = partner.order("credit_nft", member.auth_id, token_id=str(collectible.pk), reference_id="gift")

    assert response.status_code == 202
    transaction = response.json()["data"]
    assert set(transaction) == FIELDS
    expected = {"loyalty_event_type": "credit_nft", "status": "success", "points_credited": "1", "points_burned": None}
    expected |= {"user": {"auth_id": member.auth_id, "email": member.email}, "reference_id": "gift"}
    expected |= dict.fromkeys(["amount_received", "reward_id", "code", "reverses"])
    assert {name: transaction[name] for name in expected} == expected
    assert transaction["token"]["id"] == collectible.pk
    assert partner.get(f"/transactions/{transaction['id']}").json()["data"] == transaction
    assert partner.get("/transactions?types=credit_nft").json()["data"]["transactions"] == [transaction]


def test_an_item_is_listed_and_among_the_balances(partner, member, token, collectible):
    partner.credit(member.auth_id, 5, token.pk)
    given = partner.order("credit_nft", member.auth_id, token_id=collectible.pk).json()["data"]

    points, held = partner.get(f"/users/{member.auth_id}/balances").json()["data"]

    item = Collectible.objects.get(transaction_id=given["id"])
    assert set(points) == {"balance", "token"}
    unasked = {"user_nft_id": str(item.pk), "status": None, "personalised_data": None, "token": given["token"]}
    assert held == unasked
    further = {"serial": 1, "reason": None, "user": {"auth_id": member.auth_id}, "updated_at": given["inserted_at"]}
    assert shown(partner, member) == unasked | further


def test_each_item_is_an_entry_of_its_own_and_a_collectible_nobody_has_is_none(partner, brand, member, collectible):
    make_collectible(brand)
    made = [make_item(member, collectible), make_item(make_member(brand), collectible), make_item(member, collectible)]

    entries = partner.get(f"/users/{member.auth_id}/balances").json()["data"]

    assert [entry["user_nft_id"] for entry in entries] == [str(made[0].pk), str(made[2].pk)]
    assert [item.serial for item in made] == [1, 2, 3]


def test_no_more_items_are_given_than_there_may_be(partner, brand, member):
    scarce = make_collectible(brand, supply=1)

    answers = [partner.order("credit_nft", member.auth_id, token_id=scarce.pk) for _ in range(2)]

    assert answers[0].status_code == 202
    assert_refused(answers[1], 400, "out_of_stock")


def test_an_unknown_user_or_token_is_a_400_and_so_is_a_token_that_is_no_collectible(partner, brand, member, token, collectible):
    miles = make_token(brand, type=TokenType.MILES)

    assert_refused(partner.order("credit_nft", "nobody", token_id=collectible.pk), 400, "user_not_found")
    for token_id in (token.pk, miles.pk, 999_999_999, "9" * 30):
        assert_refused(partner.order("credit_nft", member.auth_id, token_id=token_id), 400, "token_not_found")


@pytest.mark.parametrize("field", ["points", "code", "send_email", "reward_type_id"])
def test_a_field_that_giving_an_item_does_not_take_is_refused(partner, member, collectible, field):
    response = partner.order("credit_nft", member.auth_id, token_id=collectible.pk, **{field: 1})

    assert_refused(response, 400, "invalid_request", f"transaction.{field}")


def test_a_missing_token_is_named(partner, member):
    assert_refused(partner.order("credit_nft", member.auth_id), 400, "invalid_request", "transaction.token_id")


def test_the_same_request_again_gives_no_second_item(partner, member, collectible):
    first, again = (partner.order("credit_nft", member.auth_id, token_id=collectible.pk, key="k") for _ in range(2))

    assert (again.status_code, again.content, again["Idempotent-Replayed"]) == (202, first.content, "true")
    assert Collectible.objects.filter(member=member).count() == 1


def test_a_used_reference_gives_no_item_and_uses_no_number_up(own_brand):
    partner, member, scarce = Partner.of(own_brand), make_member(own_brand), make_collectible(own_brand, supply=2)
    first = partner.order("credit_nft", member.auth_id, token_id=scarce.pk, reference_id="once").json()["data"]

    response = partner.order("credit_nft", member.auth_id, token_id=scarce.pk, reference_id="once")

    assert_refused(response, 409, "reference_already_used")
    assert response.json()["transaction_id"] == first["id"]
    assert make_item(member, scarce).serial == 2


def test_an_owner_s_wish_is_stored_and_pending(partner, member, item):
    response = wish(partner, item.pk)

    assert response.status_code == 200
    asked = response.json()["data"]
    assert set(asked) == ITEM_FIELDS
    assert (asked["status"], asked["personalised_data"], asked["reason"]) == ("pending", WISH, None)
    assert abs(datetime.fromisoformat(asked["updated_at"]) - timezone.now()) < timedelta(minutes=1)
    assert shown(partner, member) == asked
    held = partner.get(f"/users/{member.auth_id}/balances").json()["data"][0]
    assert (held["status"], held["personalised_data"]) == ("pending", WISH)
    assert not Transaction.objects.filter(type="nft_personalisation").exists()


def test_a_wish_lives_until_it_is_approved(partner, member, item):
    assert wish(partner, item.pk, {"text": "one"}).json()["data"]["status"] == "pending"
    assert wish(partner, item.pk, {"text": "two"}).json()["data"]["personalised_data"] == {"text": "two"}
    rejected = decide(partner, item.pk, "rejected", reason="too long").json()["data"]
    assert (rejected["status"], rejected["reason"], rejected["personalised_data"]) == ("rejected", "too long", {"text": "two"})

    anew = wish(partner, item.pk, {"text": "three"}).json()["data"]

    assert (anew["status"], anew["reason"]) == ("pending", None)
    approved = decide(partner, item.pk, "approved").json()["data"]
    assert (approved["status"], approved["personalised_data"]) == ("approved", {"text": "three"})
    assert_refused(wish(partner, item.pk, {"text": "four"}), 409, "personalisation_approved")
    assert shown(partner, member) == approved


@pytest.mark.parametrize("status", ["approved", "rejected"])
def test_a_decision_is_a_transaction_of_no_points(partner, member, pending, status):
    response = decide(partner, str(pending.pk), status)

    assert response.status_code == 200
    assert response.json()["data"] == shown(partner, member)
    (row,) = partner.get("/transactions?types=nft_personalisation").json()["data"]["transactions"]
    points = [row[name] for name in ("points_burned", "points_credited", "amount_received", "reward_id", "code")]
    assert points == [None] * 5
    assert (row["status"], row["token"]["id"], row["user"]["auth_id"]) == ("success", pending.token_id, member.auth_id)
    assert_refused(partner.post(f"/transactions/{row['id']}/reversal", {"reversal": {}}), 400, "not_reversible")
    assert json.loads(Note.objects.get(transaction_id=row["id"]).text)["wish"] == WISH


def test_a_rejection_mails_the_owner_why_and_an_approval_does_not(partner, member, pending):
    decide(partner, pending.pk, "rejected", reason="The text is too long.")
    decided(request_personalisation(brand_id=pending.brand_id, item_id=pending.pk, data={}, at=timezone.now()), approve=True)

    mail = Email.objects.get(member=member)
    assert (mail.kind, mail.recipient) == ("personalisation_rejected", member.email)
    assert (mail.context["reason"], mail.context["serial"]) == ("The text is too long.", pending.serial)
    assert mail.context["token"] == pending.token.name


@pytest.mark.parametrize("status", ["approved", "rejected"])
@pytest.mark.parametrize("before", [None, "approved", "rejected"])
def test_only_what_is_pending_can_be_decided(partner, item, before, status):
    if before is not None:
        request_personalisation(brand_id=item.brand_id, item_id=item.pk, data=WISH, at=timezone.now())
        decided(item, approve=before == "approved")

    assert_refused(decide(partner, item.pk, status), 409, "personalisation_not_pending")
    item.refresh_from_db()
    assert item.status == before


def test_a_wish_is_decided_once_by_many_at_once(own_brand):
    member, key = make_member(own_brand), Partner.of(own_brand).key
    item = make_item(member, make_collectible(own_brand))
    request_personalisation(brand_id=own_brand.pk, item_id=item.pk, data=WISH, at=timezone.now())

    answers = at_once(lambda status: decide(Partner(key), item.pk, status), ["approved", "rejected"] * 4)

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 7]
    assert Transaction.objects.filter(brand=own_brand, type="nft_personalisation").count() == 1


@pytest.mark.parametrize("item_id", [0, 999_999_999, "999999999", 2**63, "9" * 30, "9" * 5_000])
def test_an_unknown_item_is_not_found(partner, item_id):
    assert_refused(decide(partner, item_id), 404, "nft_not_found")


@pytest.mark.parametrize("item_id", ["0", "999999999", "9" * 18])
def test_a_wish_about_an_unknown_item_is_not_found(partner, item_id):
    assert_refused(wish(partner, item_id), 404, "nft_not_found")


@pytest.mark.parametrize("item_id", ["abc", "-1", "1.0", "9" * 40, "%00"])
def test_a_path_that_holds_no_id_is_not_found(partner, item_id):
    assert wish(partner, item_id).status_code == 404


def test_an_item_of_another_brand_is_one_that_does_not_exist(partner, other_brand):
    theirs = make_item(make_member(other_brand), make_collectible(other_brand))

    assert anonymous(wish(partner, theirs.pk)) == anonymous(wish(partner, 999_999_999))
    assert anonymous(decide(partner, theirs.pk)) == anonymous(decide(partner, 999_999_999))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        *[({"status": status}, "status") for status in ("pending", "", "APPROVED", "done", None, True, 1)],
        *[({"user_nft_id": value}, "user_nft_id") for value in (None, -1, 1.0, True, "", "abc", [])],
        *[({"reason": value}, "reason") for value in (5, ["x"], "x" * 1_001, "a\x00b")],
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_decision_of_another_shape_is_refused_naming_the_field(partner, pending, fields, field):
    body = {"user_nft_id": pending.pk, "status": "rejected"} | fields

    assert_refused(partner.post("/nfts", {"userNFT": body}), 400, "invalid_request", f"userNFT.{field}")


@pytest.mark.parametrize(("body", "field"), [({}, "userNFT"), ({"userNFT": {}}, "userNFT.user_nft_id"), ({"nft": 1}, "nft")])
def test_a_body_without_a_decision_is_refused(partner, body, field):
    assert_refused(partner.post("/nfts", body), 400, "invalid_request", field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "personalisation"),
        ({"personalisation": {}}, "personalisation.data"),
        *[({"personalisation": {"data": data}}, "personalisation.data") for data in (None, [], "x", 5, True)],
        ({"personalisation": {"data": {}, "status": "approved"}}, "personalisation.status"),
        ({"personalisation": {"data": {"a": ["b\x00"]}}}, "personalisation.data.a.0"),
        ({"personalisation": {"data": {"a": "x" * LONGEST_WISH}}}, "personalisation.data"),
    ],
)
def test_a_wish_of_another_shape_is_refused_naming_the_field(partner, item, body, field):
    assert_refused(partner.post(f"/nfts/{item.pk}/personalisation", body), 400, "invalid_request", field)
    item.refresh_from_db()
    assert item.status is None


@pytest.mark.parametrize(
    "value", ["1e400", "-1e400", "9" * 400, "9" * 5_000, "1E-400", "[" * 90 + "]" * 90, "[" * 5_000 + "]" * 5_000, r'"\ud800"']
)
def test_a_strange_wish_is_kept_or_refused_but_never_breaks(partner, pending, value):
    raw = f'{{"personalisation": {{"data": {{"a": {value}}}}}}}'.encode()

    response = partner.call("POST", f"/nfts/{pending.pk}/personalisation", raw=raw)

    assert response.status_code in {200, 400}
    assert decide(partner, pending.pk).status_code == 200


@pytest.mark.parametrize("request_", [wish, decide], ids=["wish", "decision"])
def test_the_same_request_again_is_answered_as_the_first_time(partner, pending, request_):
    first = request_(partner, pending.pk, key="k")
    if request_ is wish:
        decided(pending, approve=True)

    again = request_(partner, pending.pk, key="k")

    assert (again.status_code, again.content, again["Idempotent-Replayed"]) == (200, first.content, "true")


def test_items_are_listed_what_changed_last_first(partner, brand, member, collectible):
    first, second, third = (
        make_item(member, collectible),
        make_item(make_member(brand), collectible),
        make_item(member, collectible),
    )
    wish(partner, first.pk)

    assert ids(partner.get("/nfts")) == [first.pk, third.pk, second.pk]
    assert ids(partner.get(f"/nfts?user_auth_id={member.auth_id}")) == [first.pk, third.pk]
    assert ids(partner.get("/nfts?user_auth_id=nobody")) == []
    assert ids(partner.get("/nfts?limit=1&offset=1")) == [third.pk]
    assert ids(partner.get("/nfts?limit=1000&offset=3")) == []
    assert partner.get("/nfts/").json() == partner.get("/nfts").json()


def test_items_are_filtered_by_what_became_of_the_wish(partner, member, collectible):
    made = {status: make_item(member, collectible) for status in ("unasked", "pending", "approved", "rejected")}
    for item in list(made.values())[1:]:
        wish(partner, item.pk)
    decided(made["approved"], approve=True)
    decided(made["rejected"], approve=False)

    for status in ("pending", "approved", "rejected"):
        assert ids(partner.get(f"/nfts?status={status}")) == [made[status].pk]
        assert ids(partner.get(f"/nfts?user_auth_id={member.auth_id}&status={status}")) == [made[status].pk]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *[("status", value) for value in ("", "done", "PENDING", "null", "pending,approved", "%00")],
        *[("limit", value) for value in ("0", "-1", "", "a", "1.0", "%00")],
        *[("offset", value) for value in ("-1", "", "a", "%00")],
        *[(name, "1") for name in ("cursor", "token_id", "user", "Status", "x")],
        ("user_auth_id", "%00"),
    ],
)
def test_a_malformed_or_unknown_parameter_is_refused_naming_it(partner, parameter, value):
    assert_refused(partner.get(f"/nfts?{parameter}={value}"), 400, "invalid_request", parameter)


def test_a_list_holds_nothing_of_another_brand(partner, other_brand):
    make_item(make_member(other_brand), make_collectible(other_brand))

    assert partner.get("/nfts").json() == {"data": []}

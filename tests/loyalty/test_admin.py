"""The back office as the house has it: everything is seen and kept; who is no staff gets nothing."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client

from ledger.models import Token, Transaction
from loyalty.admin.base import KeptAdmin, ReadOnlyAdmin
from rewards.models import Campaign, Code, Collectible, GiftOrder, Reward, RewardType
from tests.api.programme import make_campaign
from tests.clients import Partner
from tests.conftest import make_brand, make_token
from tests.loyalty.desk import act, fill, make_staff, page_of, signed_in, words
from tests.loyalty.furnished import furnish
from users.models import ApiKey, Brand, Email, EmailTemplate, Member, Staff, WebhookDelivery

PASSWORD = "as long as the settings want it"
REGISTERED = set(admin.site._registry)
READ_ONLY = {model for model in REGISTERED if isinstance(admin.site._registry[model], ReadOnlyAdmin)}
KEPT = {model for model in REGISTERED if isinstance(admin.site._registry[model], KeptAdmin)}


@pytest.fixture
def everything(brand) -> Brand:
    furnish(brand)
    return brand


@pytest.fixture
def staff(db) -> Staff:
    """Someone of the whole house, as the demo's admin is."""
    return make_staff(username="house", is_superuser=True)


@pytest.fixture
def house(staff) -> Client:
    return signed_in(staff)


def test_staff_of_the_house_sign_in_by_name_and_password(db):
    make_staff(username="house", password=PASSWORD, is_superuser=True)
    client, form = Client(), {"username": "house", "password": PASSWORD, "next": "/admin/"}

    wrong = client.post("/admin/login/", form | {"password": "wrong"})
    right = client.post("/admin/login/", form)

    assert wrong.status_code == 200
    assert (right.status_code, right["Location"]) == (302, "/admin/"), words(right)
    index = client.get("/admin/")
    assert index.status_code == 200
    assert all(page_of(model, "changelist") in index.content.decode() for model in REGISTERED)


@pytest.mark.parametrize(
    "terms",
    [{"is_staff": False, "is_superuser": True}, {"is_staff": False}, {"is_active": False, "is_superuser": True}, None],
    ids=["superuser but no staff", "no staff", "no more active", "anonymous"],
)
def test_nobody_else_gets_anything(everything, staff, terms):
    client = Client()
    if terms is not None:
        client.force_login(make_staff(**terms))

    for model in REGISTERED:
        row = model._default_manager.first()
        for path in (page_of(model, "changelist"), page_of(model, "add"), page_of(model, "change", row.pk), "/admin/"):
            answers = [client.get(path), client.post(path, {"action": "approve", "_selected_action": row.pk})]
            assert [answer.status_code for answer in answers] == [302, 302]
            assert {answer["Location"].partition("?")[0] for answer in answers} == {"/admin/login/"}
    assert Collectible.objects.get(brand=everything).status == "pending"


def test_every_list_and_every_row_of_it_opens(everything, house):
    empty = [model for model in REGISTERED if not model._default_manager.exists()]
    pages = {page_of(model, "changelist"): model for model in REGISTERED}
    pages |= {page_of(model, "change", row.pk): model for model in REGISTERED for row in model._default_manager.all()}

    broken = {(path, answer.status_code) for path in pages if (answer := house.get(path)).status_code != 200}

    assert (empty, broken) == ([], set())


def test_what_staff_keep_can_be_added(house):
    broken = {(model, status) for model in KEPT if (status := house.get(page_of(model, "add")).status_code) != 200}

    assert broken == set()


def test_what_services_write_is_only_looked_at(everything, house):
    for model in READ_ONLY:
        row = model._default_manager.first()
        before = model._default_manager.values().get(pk=row.pk)

        answers = [
            house.get(page_of(model, "add")),
            house.post(page_of(model, "add"), {}),
            house.post(page_of(model, "change", row.pk), {"_save": "Save"}),
            house.get(page_of(model, "delete", row.pk)),
            house.post(page_of(model, "delete", row.pk), {"post": "yes"}),
        ]
        act(house, "delete_selected", row)

        statuses = [answer.status_code for answer in answers]
        assert statuses[:2] + statuses[3:] == [403] * 4, model
        assert statuses[2] in {200, 403}, model  # a page of its own is shown again, and takes nothing
        assert model._default_manager.values().get(pk=row.pk) == before, model
        assert 'name="_save"' not in house.get(page_of(model, "change", row.pk)).content.decode(), model


def test_the_digest_of_a_key_and_the_content_of_an_email_are_not_shown(everything, house):
    key, mail = ApiKey.objects.get(brand=everything), Email.objects.filter(brand=everything, kind="reward").get()
    assert mail.context["code"]

    shown = [words(house.get(page_of(type(row), "change", row.pk))).lower() for row in (key, mail)]

    assert "digest" not in shown[0]
    assert mail.context["code"].lower() not in shown[1]


def test_a_reward_is_found_by_its_whole_code(everything, house):
    code = Reward.objects.filter(brand=everything).first().code

    found = house.get(page_of(Reward, "changelist"), {"q": code})
    missed = house.get(page_of(Reward, "changelist"), {"q": code[:-1]})

    assert (found.context["cl"].result_count, missed.context["cl"].result_count) == (1, 0)


def test_a_member_is_found_by_either_name_and_a_transaction_by_its_reference(everything, house):
    member = Member.objects.get(brand=everything)
    Partner.of(everything).credit(member.auth_id, 1, make_token(everything).pk, reference_id="order-1")

    for model, text in ((Member, member.auth_id), (Member, member.public_id), (Transaction, "order-1")):
        assert house.get(page_of(model, "changelist"), {"q": text}).context["cl"].result_count == 1


def test_lists_are_filtered(everything, house):
    for model, query in (
        (Campaign, {"state": "running", "kind": "points"}),
        (RewardType, {"fulfilment": "physical", "active__exact": "1"}),
        (GiftOrder, {"status": "exchange"}),
        (Collectible, {"status": "pending"}),
        (Email, {"state": "queued", "kind": "reward"}),
        (EmailTemplate, {"kind": "code", "language": "en"}),
        (WebhookDelivery, {"state": "queued", "type": "exchange.settled"}),
    ):
        assert house.get(page_of(model, "changelist"), query).context["cl"].result_count == 1, model


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [
        *(("start", state, "running") for state in ("draft", "paused")),
        *(("end", state, "ended") for state in ("draft", "running", "paused")),
        ("pause", "running", "paused"),
    ],
)
def test_a_campaign_is_moved_by_an_action(brand, token, house, action, *, before, after):
    campaign = make_campaign(brand, token, state=before)

    page = act(house, action, campaign)

    campaign.refresh_from_db()
    assert campaign.state == after
    assert list(page.context["messages"]) == []


@pytest.mark.parametrize(
    ("action", "state"), [("start", "running"), ("start", "ended"), ("pause", "draft"), ("pause", "ended"), ("end", "ended")]
)
def test_a_move_that_is_not_allowed_is_told_and_stops_no_other(brand, token, house, action, state):
    refused = make_campaign(brand, token, name="Refused", state=state)
    allowed = make_campaign(brand, token, name="Allowed", state="running" if action == "pause" else "paused")

    page = act(house, action, refused, allowed)

    (message,) = page.context["messages"]
    assert message.level_tag == "error"
    assert str(message).startswith(f"Refused: A campaign that is {state} cannot become")
    assert str(message) in words(page)
    assert Campaign.objects.get(pk=refused.pk).state == state
    assert Campaign.objects.get(pk=allowed.pk).state == {"start": "running", "pause": "paused", "end": "ended"}[action]


def test_a_code_is_revoked_unless_someone_has_redeemed_it(everything, house):
    redeemed, free = Code.objects.filter(brand=everything).order_by("pk")

    page = act(house, "revoke", redeemed, free)

    assert [str(message) for message in page.context["messages"]] == [f"{redeemed}: Code not found"]
    assert [bool(Code.objects.get(pk=code.pk).revoked_at) for code in (redeemed, free)] == [False, True]


def test_an_order_moves_step_by_step_and_its_return_gives_the_points_back(everything, house):
    order = GiftOrder.objects.get(brand=everything)

    pages = [act(house, action, order) for action in ("prepare", "send", "cancel", "deliver", "take_back")]

    assert [len(page.context["messages"]) for page in pages] == [0, 0, 1, 0, 0]
    assert GiftOrder.objects.get(pk=order.pk).status == "returned"
    assert Transaction.objects.get(brand=everything, type="reversal").reverses_id == order.reward.transaction_id


@pytest.mark.parametrize(
    ("model", "action", "field"),
    [
        (Collectible, "decide", "status"),
        *((GiftOrder, action, "status") for action in ("prepare", "cancel")),
        (Campaign, "end", "state"),
        (Code, "revoke", "revoked_at"),
    ],
)
def test_who_may_only_look_can_do_nothing(everything, model, action, field):
    """House staff with the permission to view, and no other."""
    viewer = make_staff(username="viewer")
    viewer.user_permissions.add(Permission.objects.get(codename=f"view_{model._meta.model_name}"))
    row = model.objects.filter(brand=everything).latest("pk")
    client = signed_in(viewer)
    assert client.get(page_of(model, "changelist")).status_code == 200

    act(client, action, row)

    assert getattr(model.objects.get(pk=row.pk), field) == getattr(row, field)


def campaign_form(token: Token) -> dict[str, object]:
    form = {"brand": token.brand_id, "token": token.pk, "name": "Summer", "kind": "points", "starts_at_0": "2026-06-01"}
    return form | {"starts_at_1": "00:00:00", "code_alphabet": "0123456789", "code_length": 9}


def reward_form(token: Token, *texts: str) -> dict[str, object]:
    """A reward type with a name in each of these languages."""
    form = {"brand": token.brand_id, "token": token.pk, "name": "Coffee", "price": 10, "fulfilment": "generated"}
    lines = [{f"texts-{n}-language": language, f"texts-{n}-name": "Café"} for n, language in enumerate(texts)]
    return form | {name: value for line in lines for name, value in line.items()} | {"texts-TOTAL_FORMS": len(texts)}


def test_a_campaign_is_added_as_a_draft(brand, token, house):
    response = fill(house, Campaign, None, campaign_form(token) | {"state": "running", "issued_codes": 5})

    assert response.status_code == 302, words(response)
    campaign = Campaign.objects.get(brand=brand)
    assert (campaign.name, campaign.state, campaign.issued_codes) == ("Summer", "draft", 0)


def test_a_reward_type_is_added_with_its_texts_behind_the_wall_of_its_brand(brand, token, house):
    response = fill(house, RewardType, None, reward_form(token, "fr", "de") | {"handed_out": 5})

    assert response.status_code == 302, words(response)
    reward_type = RewardType.objects.get(brand=brand)
    assert (reward_type.handed_out, reward_type.left) == (0, None)
    assert {(text.language, text.brand) for text in reward_type.texts.all()} == {("fr", brand), ("de", brand)}


@pytest.mark.parametrize(
    "fields", [{"token": ""}, {"kind": "nft"}, {"code_length": 8}, {"code_alphabet": "abcdefghijkl"}, {"code_prefix": "SUMMER"}]
)
def test_a_campaign_that_could_issue_no_good_codes_is_not_added(brand, token, house, fields):
    response = fill(house, Campaign, None, campaign_form(token) | fields)

    assert "Please correct the error" in words(response)
    assert not Campaign.objects.filter(brand=brand).exists()


@pytest.mark.parametrize("model", [Campaign, RewardType])
def test_a_token_of_another_brand_is_not_taken(token, house, model):
    form = campaign_form(token) if model is Campaign else reward_form(token)

    assert "Please correct the error" in words(fill(house, model, None, form | {"token": make_token(make_brand()).pk}))


@pytest.mark.parametrize(("model", "fields"), [(Campaign, {"budget_codes": 1}), (RewardType, {"stock": 0})])
def test_a_limit_below_what_was_given_out_is_told_and_breaks_nothing(everything, house, model, fields):
    row = model.objects.get(brand=everything)
    form = campaign_form(row.token) if model is Campaign else reward_form(row.token)

    assert "Please correct the error" in words(fill(house, model, row, form | fields))


def test_a_name_that_is_taken_is_told_and_breaks_nothing(brand, token, house):
    make_campaign(brand, token, name="Summer")
    other = make_campaign(brand, token, name="Winter")

    for row in (None, other):
        assert "Please correct the error" in words(fill(house, Campaign, row, campaign_form(token)))


@pytest.mark.parametrize(("languages", "fields"), [(["ja"], {}), (["en", "en"], {}), (["en"], {"brand": ""})])
def test_a_fault_in_a_reward_type_or_its_texts_is_told_and_breaks_nothing(brand, token, house, languages, fields):
    response = fill(house, RewardType, None, reward_form(token, *languages) | fields)

    assert "Please correct the error" in words(response)


def test_staff_are_not_asked_when_a_row_was_made(house):
    asked = [model for model in KEPT if 'name="created_at' in house.get(page_of(model, "add")).content.decode()]

    assert asked == []


def test_who_signs_in_without_a_place_to_go_comes_home(db):
    make_staff(username="house", password=PASSWORD, is_superuser=True)

    answer = Client().post("/admin/login/", {"username": "house", "password": PASSWORD})

    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_a_brand_does_not_lift_the_limit_of_its_own_staff(brand):
    manager = signed_in(make_staff(username="manager", brand=brand, is_superuser=True))

    page = manager.get(page_of(Brand, "change", brand.pk)).content.decode()

    assert 'name="currency"' in page
    assert 'name="staff_limit_points"' not in page

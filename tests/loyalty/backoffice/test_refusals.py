"""What the services refuse to someone is written down, as what a page refuses is."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from ledger.models import Token
from loyalty.admin.roles import BRAND_MANAGER, FINANCE
from rewards.services.campaigns import move_campaign
from tests.api.programme import make_campaign
from tests.ledger.orders import move
from tests.loyalty.desk import make_staff, page_of, signed_in
from users.models import ApiKey, Approval, AuditEntry, AuditKind, Brand, Member, Staff


def someone(role: str, brand: Brand) -> Staff:
    staff = make_staff(username=role, brand=brand)
    staff.groups.add(Group.objects.get(name=role))
    return staff


@pytest.fixture
def manager(brand) -> Staff:
    return someone(BRAND_MANAGER, brand)


@pytest.fixture
def client(manager) -> Client:
    return signed_in(manager)


def refused(staff: Staff) -> list[tuple[str, str, dict[str, str]]]:
    entries = AuditEntry.objects.filter(staff=staff, brand=staff.brand, kind=AuditKind.REFUSED).order_by("pk")
    return [(entry.subject_model, entry.subject_id, entry.after) for entry in entries]


def credit(client: Client, member: Member, token: Token, amount: int):
    form = {"token": token.pk, "amount": amount, "reason": "her parcel was lost", "form": "f1"}
    return client.post(reverse("admin:money_credit", args=[member.pk]), form)


def ask(client: Client, member: Member, token: Token) -> Approval:
    credit(client, member, token, 5_000)
    return Approval.objects.get(brand=member.brand)


def decide(client: Client, approval: Approval, how: str):
    return client.post(reverse(f"admin:money_{how}", args=[approval.pk]), {"reason": "too much"})


def test_who_tries_to_decide_about_their_own_is_written_down(client, manager, member, token):
    approval = ask(client, member, token)

    decide(client, approval, "approve")
    decide(client, approval, "refuse")

    row = ("users.approval", str(approval.pk))
    assert refused(manager) == [
        (*row, {"refusal": "own_approval", "page": "money_approve"}),
        (*row, {"refusal": "own_approval", "page": "money_refuse"}),
    ]


def test_who_decides_a_second_time_is_written_down(client, brand, member, token):
    approval, finance = ask(client, member, token), someone(FINANCE, brand)
    second = signed_in(finance)

    decide(second, approval, "refuse")
    decide(second, approval, "approve")

    assert [after["refusal"] for _model, _pk, after in refused(finance)] == ["approval_decided"]


def test_who_sends_a_form_again_with_another_number_is_written_down(client, manager, member, token):
    credit(client, member, token, 5)
    credit(client, member, token, 500)

    assert refused(manager) == [("users.member", str(member.pk), {"refusal": "form_already_sent", "page": "money_credit"})]


def test_what_is_only_typed_wrongly_is_no_refusal(client, manager, member, token):
    move(member, token, 10)

    credit(client, member, token, 0)

    assert refused(manager) == []


def test_a_verb_that_is_refused_is_written_down(client, manager):
    path = page_of(ApiKey, "add")
    ticket = client.get(path).context["form"].initial["ticket"]
    form = {"label": "Shop", "scopes": ["users:read"], "rate_per_second": 1, "burst": 1, "ticket": ticket}

    for _ in range(2):
        client.post(path, form)

    assert refused(manager) == [("", "", {"refusal": "credential_made", "page": "users_apikey_add"})]


def test_a_move_that_is_refused_is_written_down(client, manager, brand, token):
    campaign = make_campaign(brand, token, state="running")
    move_campaign(brand_id=brand.pk, campaign_id=campaign.pk, to="ended")

    client.post(reverse("admin:rewards_campaign_move", args=[campaign.pk]), {"to": "running"})
    order = {"count": 1, "value": 1, "length": 20, "reference": "f1"}
    client.post(reverse("admin:rewards_campaign_generate", args=[campaign.pk]), order)

    row = ("rewards.campaign", str(campaign.pk))
    assert refused(manager) == [
        (*row, {"refusal": "move_not_allowed", "page": "rewards_campaign_move"}),
        (*row, {"refusal": "campaign_not_running", "page": "rewards_campaign_generate"}),
    ]

"""Brand managers keep the staff of their brand, and gain nothing for themselves by it."""

import re
from itertools import combinations

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from loyalty.demo_staff import make_staff as make_staff_of_demo
from tests.conftest import make_brand
from tests.loyalty.backoffice.authenticators import pair
from tests.loyalty.desk import act, make_staff, signed_in, words
from users.models import Approval, AuditEntry, Brand, Staff
from users.services.approvals import may_be_one
from users.services.second_factors import has_second_factor

LIST, ADD = "/admin/users/staff/", "/admin/users/staff/add/"
PASSWORD = "as long as the settings want it"


def in_role(role: str, brand: Brand | None, **terms) -> Staff:
    staff = make_staff(brand=brand, **({"username": role} | terms))
    staff.groups.add(Group.objects.get(name=role))
    return staff


def role(name: str) -> int:
    return Group.objects.get(name=name).pk


@pytest.fixture
def manager(brand) -> Staff:
    return in_role("Brand manager", brand)


@pytest.fixture
def agent(brand) -> Staff:
    return in_role("Service agent", brand, email="agent@example.org")


@pytest.fixture
def client(manager) -> Client:
    return signed_in(manager)


def add(client: Client, **further):
    form = {"username": "new", "email": "new@example.org", "roles": [role("Service agent")]}
    return client.post(ADD, form | further, follow=True)


def change(client: Client, staff: Staff, **further):
    form = {"email": "agent@example.org", "roles": [role("Service agent")]}
    return client.post(f"{LIST}{staff.pk}/change/", form | further, follow=True)


def link_in(page) -> str:
    return re.search(r"http://testserver(/admin/choose-password/\S+/)", page.content.decode())[1]


def test_a_manager_lets_someone_in_who_chooses_a_password_by_a_link(client, manager):
    link = link_in(add(client))
    newcomer = Client()
    form = newcomer.get(link, follow=True)
    assert "Choose a password" in words(form)

    done = newcomer.post(form.request["PATH_INFO"], {"new_password1": PASSWORD, "new_password2": PASSWORD}, follow=True)

    assert "Your password is set" in words(done)
    signed = newcomer.post("/admin/login/", {"username": "new", "password": PASSWORD, "next": "/admin/"})
    assert signed.status_code == 302
    assert newcomer.get("/admin/users/member/").status_code == 200
    staff = Staff.objects.get(username="new")
    assert (staff.brand, [role.name for role in staff.groups.all()]) == (manager.brand, ["Service agent"])
    told = AuditEntry.objects.filter(subject_model="users.staff", subject_id=str(staff.pk)).order_by("pk")
    assert [entry.kind for entry in told] == ["add", "change", "log_in"]


def test_a_link_is_used_once_and_ends_after_a_day(clock, client):
    used, old = link_in(add(client)), link_in(add(client, username="other"))
    newcomer = Client()
    form = newcomer.get(used, follow=True)
    newcomer.post(form.request["PATH_INFO"], {"new_password1": PASSWORD, "new_password2": PASSWORD})
    clock.shift(86_401)

    for link in (used, old):
        assert "This link was used, or is too old" in words(Client().get(link, follow=True))


@pytest.mark.parametrize("password", ["short", "passwordpassword"[:8], "different"])
def test_a_password_that_is_too_easy_is_refused(client, password):
    newcomer = Client()
    form = newcomer.get(link_in(add(client)), follow=True)

    newcomer.post(form.request["PATH_INFO"], {"new_password1": password, "new_password2": password})

    assert not Staff.objects.get(username="new").has_usable_password()


@pytest.mark.parametrize(
    "forged",
    [{"is_superuser": "on"}, {"is_staff": "", "is_active": ""}, {"user_permissions": "1"}, {"groups": "1"}, {"password": "x"}],
    ids=lambda forged: next(iter(forged)),
)
def test_what_the_form_does_not_ask_is_not_taken(client, manager, agent, forged):
    forged = {name: value.replace("1", str(role("Finance"))) if name == "groups" else value for name, value in forged.items()}

    add(client, **forged)
    change(client, agent, **forged)

    for staff in (Staff.objects.get(username="new"), Staff.objects.get(pk=agent.pk)):
        assert (staff.is_superuser, staff.is_staff, staff.is_active) == (False, True, True)
        assert not staff.user_permissions.exists()
        assert [group.name for group in staff.groups.all()] == ["Service agent"]


def test_a_brand_that_is_posted_by_hand_is_not_taken(client, manager, agent):
    other = make_brand()

    add(client, brand=other.pk)
    change(client, agent, brand=other.pk)
    add(client, username="house?", brand="")

    assert {staff.brand for staff in Staff.objects.filter(username__in=["new", "house?", agent.username])} == {manager.brand}


def test_a_role_that_holds_more_is_neither_offered_nor_taken(client, manager, agent):
    mighty = Group.objects.create(name="Mighty")
    mighty.permissions.set(Permission.objects.filter(codename="delete_member"))
    assert "Mighty" not in words(client.get(ADD))

    add(client, roles=[mighty.pk])
    change(client, agent, roles=[mighty.pk])

    assert not Staff.objects.filter(username="new").exists()
    assert [group.name for group in agent.groups.all()] == ["Service agent"]


def test_nobody_changes_their_own_roles_nor_those_of_whoever_holds_more(client, manager, brand):
    root = make_staff(brand=brand, username="root", is_superuser=True)
    for staff in (manager, root):
        assert 'name="roles"' not in client.get(f"{LIST}{staff.pk}/change/").content.decode()

        answer = client.post(f"{LIST}{staff.pk}/change/", {"email": "taken@example.org", "roles": [role("Finance")]})

        assert answer.status_code == 403
        assert not Staff.objects.filter(pk=staff.pk, email="taken@example.org").exists()


@pytest.mark.parametrize("action", ["switch_off", "let_in", "invite", "reset"])
def test_actions_pass_over_oneself_strangers_and_whoever_holds_more(client, manager, brand, action):
    root = make_staff(brand=brand, username="root", is_superuser=True, password=PASSWORD)
    stranger = make_staff(brand=make_brand(), username="stranger", password=PASSWORD)
    before = list(Staff.objects.order_by("pk").values("pk", "password", "is_active"))

    act(client, action, manager, root, stranger)

    assert list(Staff.objects.order_by("pk").values("pk", "password", "is_active")) == before
    told = AuditEntry.objects.filter(staff=manager, subject_model="users.staff").exclude(kind="log_in").order_by("subject_id")
    refused = {str(manager.pk): "not_own_account", str(root.pk): "rights_exceeded"}
    page = "users_staff_changelist"
    assert {entry.subject_id: (entry.kind, entry.after) for entry in told} == {
        pk: ("refused", {"refusal": code, "page": page, "action": action}) for pk, code in refused.items()
    }


def test_roles_are_changed_and_told_once(client, manager, agent):
    change(client, agent, roles=[role("Finance")], first_name="Ann")

    assert [group.name for group in agent.groups.all()] == ["Finance"]
    told = AuditEntry.objects.filter(staff=manager, kind="change").order_by("pk").values_list("after", flat=True)
    assert list(told) == [{"roles": ["Finance"]}, {"first_name": "(personal)"}]


def test_who_is_switched_off_is_out_at_once(client, agent):
    theirs = signed_in(agent)
    assert theirs.get("/admin/users/member/").status_code == 200

    act(client, "switch_off", agent)

    assert theirs.get("/admin/users/member/").status_code == 302


def test_a_lost_second_factor_is_reset(client, manager, agent):
    pair(agent)

    act(client, "reset", agent)

    assert not has_second_factor(agent)
    assert AuditEntry.objects.filter(staff=manager, after={"second_factor": "reset"}).exists()


def test_before_it_is_reset_one_says_again_who_one_is(client, agent, clock):
    pair(agent)
    client = signed_in(Staff.objects.get(username="Brand manager"))
    clock.shift(601)

    asked = act(client, "reset", agent)

    assert "say again who you are" in words(asked)
    assert has_second_factor(agent)
    assert not AuditEntry.objects.filter(kind="action", subject_id=str(agent.pk), after__has_key="action").exists()


def test_a_voided_password_lets_nobody_in(client, agent):
    agent.set_password(PASSWORD)
    agent.save()

    page = act(client, "invite", agent)

    assert link_in(page)
    assert not Staff.objects.get(pk=agent.pk).has_usable_password()


def test_before_someone_is_let_in_or_changed_one_says_again_who_one_is(client, agent, clock):
    client = signed_in(Staff.objects.get(username="Brand manager"))
    clock.shift(601)
    assert client.get(f"{LIST}{agent.pk}/change/").context["adminform"]  # to look is free

    asked = [add(client), change(client, agent, email="mine@example.org")]

    assert all("say again who you are" in words(page) for page in asked)
    assert not Staff.objects.filter(username="new").exists()
    assert Staff.objects.get(pk=agent.pk).email == "agent@example.org"


def test_who_was_let_in_by_the_asker_is_told_that_they_cannot_approve(manager, member, token):
    manager.groups.add(Group.objects.get(name="Finance"))
    asks, puppet = signed_in(manager), {"username": "bob", "roles": [role("Finance")]}
    add(asks, **puppet)
    form = {"token": token.pk, "amount": 5_000, "reason": "a gift", "form": "f1"}
    asks.post(f"/admin/users/approval/member/{member.pk}/credit/", form)
    approval = Approval.objects.get(brand=manager.brand)
    bob = signed_in(Staff.objects.get(username="bob"))

    shown = words(bob.get(f"/admin/users/approval/{approval.pk}/change/"))
    done = words(bob.post(f"/admin/users/approval/{approval.pk}/approve/", follow=True))

    assert "One of you let the other in" in shown
    assert "Approve: do exactly this" not in shown
    assert "One of you let the other in" in done
    approval.refresh_from_db()
    assert approval.state == "asked"


def test_the_house_says_whose_staff_someone_is(brand, db):
    client = signed_in(make_staff(username="house", is_superuser=True))

    add(client, brand=brand.pk)

    assert Staff.objects.get(username="new").brand == brand


@pytest.mark.parametrize("taken", ["agent", "SERVICE AGENT"])
def test_a_name_that_is_taken_is_told_beside_it(client, agent, taken):
    agent.username = taken.lower()
    agent.save()

    page = add(client, username=taken)

    assert "This name is taken" in words(page) or "already exists" in words(page)


def test_a_brand_that_demands_a_second_factor_is_set_so_by_its_manager(client, manager):
    page = client.get(f"/admin/users/brand/{manager.brand_id}/change/")

    assert 'name="demands_second_factor"' in page.content.decode()


def test_the_staff_of_the_demo_are_different_people(brand):
    make_staff_of_demo(brand, {})

    for one, other in combinations(Staff.objects.filter(brand=brand), 2):
        assert not may_be_one(one.pk, other.pk)

"""Staff of a brand: nobody gives, takes or decides about more than they hold."""

import pytest
from django.contrib.auth.models import Group, Permission

from loyalty.errors import InvalidRequest
from tests.conftest import NOON, make_brand
from tests.loyalty.desk import make_staff
from users.errors import NotOwnAccount, RightsExceeded, StaffNotFound, UsernameTaken
from users.models import AuditEntry, Staff
from users.services.second_factors import reset_second_factor
from users.services.staff import (
    add_staff,
    assign_roles,
    assignable_roles,
    change_details,
    hands_of,
    renew_invitation,
    set_active,
)


def role(name: str, *codenames: str) -> Group:
    group = Group.objects.create(name=name)
    group.permissions.set(Permission.objects.filter(codename__in=codenames))
    return group


@pytest.fixture
def lower(db) -> Group:
    return role("Lower", "view_member")


@pytest.fixture
def higher(db) -> Group:
    return role("Higher", "view_member", "view_email", "view_staff")


@pytest.fixture
def highest(db) -> Group:
    return role("Highest", "view_member", "view_email", "view_staff", "view_token")


@pytest.fixture
def manager(brand, higher) -> Staff:
    return with_roles(make_staff(brand=brand, username="manager"), higher)


@pytest.fixture
def agent(brand, lower) -> Staff:
    return with_roles(make_staff(brand=brand, username="agent"), lower)


def with_roles(staff: Staff, *roles: Group) -> Staff:
    staff.groups.set(roles)
    return staff


def add(by: Staff, **terms) -> Staff:
    terms = {"brand": by.brand, "username": "new", "email": "new@example.org", "roles": [], "at": NOON} | terms
    return add_staff(by=by, **terms)


def test_a_manager_adds_someone_who_has_no_password_yet(manager, lower):
    staff = add(manager, roles=[lower], first_name="Ann")

    staff.refresh_from_db()
    assert (staff.brand, staff.is_staff, staff.is_superuser, staff.first_name) == (manager.brand, True, False, "Ann")
    assert not staff.has_usable_password()
    assert set(staff.groups.all()) == {lower}
    entry = AuditEntry.objects.get(staff=manager)
    assert (entry.kind, entry.subject_id) == ("add", str(staff.pk))
    assert entry.after == {"username": "new", "email": "(personal)", "roles": ["Lower"]}


def test_nobody_adds_to_another_brand_or_to_the_house(manager):
    for brand in (make_brand(), None):
        with pytest.raises(StaffNotFound):
            add(manager, brand=brand)


def test_the_house_adds_to_any_brand(brand, lower):
    house = make_staff(username="house", is_superuser=True)

    assert add(house, brand=brand, roles=[lower]).brand == brand


def test_nobody_gives_a_right_they_lack(manager, highest):
    with pytest.raises(RightsExceeded):
        add(manager, roles=[highest])

    assert not Staff.objects.filter(username="new").exists()


def test_a_name_is_taken_whatever_its_case(manager):
    with pytest.raises(UsernameTaken):
        add(manager, username="MANAGER")


@pytest.mark.parametrize("terms", [{"username": "a b"}, {"username": ""}, {"email": "nowhere"}])
def test_names_that_are_none_are_refused(manager, terms):
    with pytest.raises(InvalidRequest):
        add(manager, **terms)


def test_the_roles_to_choose_from_hold_nothing_that_one_lacks(manager, lower, higher, highest):
    offered = set(assignable_roles(manager))

    assert {lower, higher} <= offered
    assert highest not in offered


def test_roles_are_given_and_taken_and_told(manager, agent, lower, higher):
    assign_roles(staff=agent, by=manager, roles=[higher], at=NOON)

    assert set(agent.groups.all()) == {higher}
    entry = AuditEntry.objects.get(staff=manager)
    assert (entry.kind, entry.before, entry.after) == ("change", {"roles": ["Lower"]}, {"roles": ["Higher"]})


def test_the_same_roles_again_are_no_change(manager, agent, lower):
    assign_roles(staff=agent, by=manager, roles=[lower], at=NOON)

    assert not AuditEntry.objects.filter(staff=manager).exists()


def test_nobody_takes_a_role_with_rights_they_lack(manager, agent, highest):
    agent.groups.add(highest)

    with pytest.raises(RightsExceeded):
        assign_roles(staff=agent, by=manager, roles=[], at=NOON)


DEEDS = {
    "roles": lambda staff, by: assign_roles(staff=staff, by=by, roles=[], at=NOON),
    "switch off": lambda staff, by: set_active(staff=staff, by=by, active=False, at=NOON),
    "invite again": lambda staff, by: renew_invitation(staff=staff, by=by, at=NOON),
    "details": lambda staff, by: change_details(staff=staff, by=by, details={"first_name": "Ann"}, at=NOON),
    "reset": lambda staff, by: reset_second_factor(staff=staff, by=by, at=NOON),
}


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_nobody_decides_about_themselves_strangers_or_whoever_holds_more(brand, manager, highest, deed):
    above = with_roles(make_staff(brand=brand, username="above"), highest)
    root = make_staff(brand=brand, username="root", is_superuser=True)
    own = make_staff(brand=brand, username="own")
    own.user_permissions.set(Permission.objects.filter(codename="view_token"))
    for staff, refusal in [
        (manager, NotOwnAccount),
        (make_staff(brand=make_brand(), username="stranger"), StaffNotFound),
        (make_staff(username="house"), StaffNotFound),
        *((staff, RightsExceeded) for staff in (above, root, own)),
    ]:
        with pytest.raises(refusal):
            deed(staff, manager)

    assert not AuditEntry.objects.filter(staff=manager).exists()


def test_who_is_switched_off_can_be_let_in_again(manager, agent):
    set_active(staff=agent, by=manager, active=False, at=NOON)
    agent.refresh_from_db()
    assert not agent.is_active

    set_active(staff=agent, by=manager, active=True, at=NOON)

    agent.refresh_from_db()
    assert agent.is_active
    told = AuditEntry.objects.filter(staff=manager).order_by("pk").values_list("after", flat=True)
    assert list(told) == [{"is_active": False}, {"is_active": True}]


def test_a_renewed_invitation_voids_the_password(manager, agent):
    agent.set_password("as long as the settings want it")
    agent.save()

    renew_invitation(staff=agent, by=manager, at=NOON)

    agent.refresh_from_db()
    assert not agent.has_usable_password()


MEANS = {
    "invite again": DEEDS["invite again"],
    "reset": DEEDS["reset"],
    "address": lambda staff, by: change_details(staff=staff, by=by, details={"email": "mine@example.org"}, at=NOON),
}


def test_who_lets_someone_in_is_kept_with_who_let_them_in(manager, higher, lower):
    deputy = add(manager, username="deputy", roles=[higher])

    puppet = add(deputy, username="puppet", roles=[lower])

    assert hands_of(deputy.pk) == {deputy.pk, manager.pk}
    assert hands_of(puppet.pk) == {puppet.pk, deputy.pk, manager.pk}


@pytest.mark.parametrize("deed", MEANS.values(), ids=MEANS)
def test_whoever_gains_the_means_to_sign_in_as_someone_is_kept(manager, agent, deed):
    deed(agent, manager)

    assert hands_of(agent.pk) == {agent.pk, manager.pk}


def test_who_only_forgets_a_second_factor_does_not_hide_who_knows_the_password(brand, manager, higher, lower):
    other = with_roles(make_staff(brand=brand, username="other"), higher)
    puppet = add(manager, roles=[lower])

    reset_second_factor(staff=puppet, by=other, at=NOON)

    assert hands_of(puppet.pk) == {puppet.pk, manager.pk, other.pk}


def test_an_invitation_by_another_ends_what_those_before_could(brand, manager, higher, lower):
    other = with_roles(make_staff(brand=brand, username="other"), higher)
    someone = add(manager, roles=[lower])

    renew_invitation(staff=someone, by=other, at=NOON)

    assert hands_of(someone.pk) == {someone.pk, other.pk}


def test_the_house_stands_behind_nobody(brand, manager, lower):
    someone = add(manager, roles=[lower])

    renew_invitation(staff=someone, by=make_staff(username="house", is_superuser=True), at=NOON)

    assert hands_of(someone.pk) == {someone.pk}


def test_a_new_name_is_told_and_gives_nobody_the_means(manager, agent):
    change_details(staff=agent, by=manager, details={"email": agent.email, "first_name": "Ann"}, at=NOON)

    assert hands_of(agent.pk) == {agent.pk}
    entry = AuditEntry.objects.get(staff=manager)
    assert (entry.kind, entry.after) == ("change", {"first_name": "(personal)"})

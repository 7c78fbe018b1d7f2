"""Staff of a brand: who joins, in which roles, who leaves; never with more rights than whoever decides has.

Whoever lets someone in sees the link, and can use it themselves. So it is kept behind which accounts the same person may
sit: two of them are no two people when points move.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import QuerySet

from loyalty.database import write
from loyalty.errors import invalid_field
from users.errors import NotOwnAccount, RightsExceeded, StaffNotFound, UsernameTaken
from users.models import AuditKind, Brand, Staff
from users.services.audit import note

Right = tuple[str, str]


def assignable_roles(by: Staff) -> list[Group]:
    """The roles that hold no right that `by` lacks, by name; all of them for a superuser of the house."""
    own = rights_of(by)
    return [
        role for role in Group.objects.order_by("name").prefetch_related("permissions__content_type") if _rights(role) <= own
    ]


def add_staff(
    *, brand: Brand | None, by: Staff, username: str, email: str, roles: Collection[Group], at: datetime, **names: str
) -> Staff:
    """Let someone in, who then chooses a password by a link.

    Raises UsernameTaken, RightsExceeded, StaffNotFound, InvalidRequest.
    """
    _judge_names(username, email)

    def effect() -> Staff:
        if by.brand_id is not None and (brand is None or brand.pk != by.brand_id):
            raise StaffNotFound
        _judge_roles(by, roles)
        if Staff.objects.filter(username__iexact=username).exists():
            raise UsernameTaken
        staff = Staff(username=username, email=email, brand=brand, is_staff=True, **names)
        staff.set_unusable_password()
        staff.save(force_insert=True)
        staff.groups.set(roles)
        tie(staff=staff, by=by, anew=True)
        told = {"username": username, "email": email, "roles": _names(roles)}
        note(brand_id=staff.brand_id, staff_id=by.pk, kind=AuditKind.ADD, subject=staff, after=told, at=at)
        return staff

    return write(effect)


def assign_roles(*, staff: Staff, by: Staff, roles: Collection[Group], at: datetime) -> None:
    """Give someone these roles and no other. Raises NotOwnAccount, RightsExceeded, StaffNotFound."""

    def effect() -> None:
        locked = hold_within_reach(staff, by)
        before = set(locked.groups.all())
        _judge_roles(by, set(roles) ^ before)  # neither gives nor takes what it does not hold
        if before != set(roles):
            locked.groups.set(roles)
            _note(locked, by, AuditKind.CHANGE, at, before={"roles": _names(before)}, after={"roles": _names(roles)})

    write(effect)


def set_active(*, staff: Staff, by: Staff, active: bool, at: datetime) -> None:
    """Let someone sign in again, or no more, at once. Raises NotOwnAccount, RightsExceeded, StaffNotFound."""

    def effect() -> None:
        locked = hold_within_reach(staff, by)
        if locked.is_active is not active:
            locked.is_active = active
            locked.save(update_fields=["is_active"])
            _note(locked, by, AuditKind.CHANGE, at, before={"is_active": not active}, after={"is_active": active})

    write(effect)


def renew_invitation(*, staff: Staff, by: Staff, at: datetime) -> Staff:
    """Void someone's password, so that they choose another by a link. Raises NotOwnAccount, RightsExceeded, StaffNotFound."""

    def effect() -> Staff:
        locked = hold_within_reach(staff, by)
        locked.set_unusable_password()
        locked.save(update_fields=["password"])
        tie(staff=locked, by=by, anew=True)
        _note(locked, by, AuditKind.ACTION, at, after={"invitation": "renewed"})
        return locked

    return write(effect)


def change_details(*, staff: Staff, by: Staff, details: Mapping[str, str], at: datetime) -> None:
    """Write someone's new name or address: `email`, `first_name`, `last_name`. Raises as renew_invitation does."""

    def effect() -> None:
        locked = hold_within_reach(staff, by)
        before = {name: getattr(locked, name) for name, text in details.items() if getattr(locked, name) != text}
        if not before:
            return
        after = {name: details[name] for name in before}
        for name, text in after.items():
            setattr(locked, name, text)
        locked.save(update_fields=list(after))
        if "email" in after:  # where what concerns their account goes from now on
            tie(staff=locked, by=by, anew=False)
        _note(locked, by, AuditKind.CHANGE, at, before=before, after=after)

    write(effect)


def tie(*, staff: Staff, by: Staff, anew: bool) -> None:
    """Keep that `by`, and whoever may sit at the account of `by`, may be able to sign in as `staff`, which is held.

    `anew` when nobody can any more who could before. A superuser of the house needs no such trick, and is told of nobody.
    """
    mighty = by.is_superuser and by.brand_id is None
    hands: set[int] = set() if mighty else hands_of(by.pk) - {staff.pk}
    if anew:
        staff.let_in_by.set(hands)
    else:
        staff.let_in_by.add(*hands)


def hands_of(staff_id: int) -> set[int]:
    """The accounts of everybody who may sit at this one: its own, and of those who let them in."""
    return hands_of_both(staff_id, staff_id)[0]


def hands_of_both(one_id: int, other_id: int) -> tuple[set[int], set[int]]:
    """The same of two accounts."""
    hands = {one_id: {one_id}, other_id: {other_id}}
    rows = Staff.let_in_by.through.objects.filter(from_staff_id__in=[one_id, other_id])
    for staff_id, by_id in rows.values_list("from_staff_id", "to_staff_id"):
        hands[staff_id].add(by_id)
    return hands[one_id], hands[other_id]


def judge_reach(*, staff: Staff, by: Staff) -> None:
    """Refuse whom `by` may not decide about. Raises NotOwnAccount, RightsExceeded, StaffNotFound."""
    if by.brand_id is not None and staff.brand_id != by.brand_id:
        raise StaffNotFound
    if staff.pk == by.pk:
        raise NotOwnAccount
    if not by.is_superuser and (staff.is_superuser or not rights_of(staff) <= rights_of(by)):
        raise RightsExceeded


def rights_of(staff: Staff) -> set[Right]:
    """What someone may do, whether they are let in just now or not."""
    held: QuerySet[Permission] = Permission.objects.all()
    if not staff.is_superuser:
        held = held.filter(group__user=staff) | held.filter(user=staff)
    return set(held.values_list("content_type__app_label", "codename"))


def hold_within_reach(staff: Staff, by: Staff) -> Staff:
    """Someone held until the transaction ends, about whom `by` may decide. Raises as judge_reach does."""
    locked = Staff.objects.select_for_update(of=("self",)).filter(pk=staff.pk).first()
    if locked is None:
        raise StaffNotFound
    judge_reach(staff=locked, by=by)
    return locked


def _judge_roles(by: Staff, roles: Collection[Group]) -> None:
    own = rights_of(by)
    if not all(_rights(role) <= own for role in roles):
        raise RightsExceeded


def _judge_names(username: str, email: str) -> None:
    for name, text, judge in (("username", username, UnicodeUsernameValidator()), ("email", email, validate_email)):
        try:
            judge(text)
        except ValidationError as refusal:
            raise invalid_field(name, " ".join(map(str, refusal.messages))) from None


def _rights(role: Group) -> set[Right]:
    return {(right.content_type.app_label, right.codename) for right in role.permissions.select_related("content_type")}


def _names(roles: Collection[Group]) -> list[str]:
    return sorted(role.name for role in roles)


def _note(staff: Staff, by: Staff, kind: AuditKind, at: datetime, **told: Any) -> None:
    note(brand_id=staff.brand_id, staff_id=by.pk, kind=kind, subject=staff, at=at, **told)

"""Staff of a brand: who joins, in which roles, who leaves; never with more rights than whoever decides has."""

from collections.abc import Collection
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
        told = {"username": username, "email": email, "roles": _names(roles)}
        note(brand_id=staff.brand_id, staff_id=by.pk, kind=AuditKind.ADD, subject=staff, after=told, at=at)
        return staff

    return write(effect)


def assign_roles(*, staff: Staff, by: Staff, roles: Collection[Group], at: datetime) -> None:
    """Give someone these roles and no other. Raises NotOwnAccount, RightsExceeded, StaffNotFound."""

    def effect() -> None:
        locked = _within_reach(staff, by)
        before = set(locked.groups.all())
        _judge_roles(by, set(roles) ^ before)  # neither gives nor takes what it does not hold
        if before != set(roles):
            locked.groups.set(roles)
            _note(locked, by, AuditKind.CHANGE, at, before={"roles": _names(before)}, after={"roles": _names(roles)})

    write(effect)


def set_active(*, staff: Staff, by: Staff, active: bool, at: datetime) -> None:
    """Let someone sign in again, or no more, at once. Raises NotOwnAccount, RightsExceeded, StaffNotFound."""

    def effect() -> None:
        locked = _within_reach(staff, by)
        if locked.is_active is not active:
            locked.is_active = active
            locked.save(update_fields=["is_active"])
            _note(locked, by, AuditKind.CHANGE, at, before={"is_active": not active}, after={"is_active": active})

    write(effect)


def renew_invitation(*, staff: Staff, by: Staff, at: datetime) -> Staff:
    """Void someone's password, so that they choose another by a link. Raises NotOwnAccount, RightsExceeded, StaffNotFound."""

    def effect() -> Staff:
        locked = _within_reach(staff, by)
        locked.set_unusable_password()
        locked.save(update_fields=["password"])
        _note(locked, by, AuditKind.ACTION, at, after={"invitation": "renewed"})
        return locked

    return write(effect)


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


def _within_reach(staff: Staff, by: Staff) -> Staff:
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

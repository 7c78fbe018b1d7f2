"""The demo's staff: someone in each role of each brand, with one password a brand."""

import secrets
from typing import Any

from django.contrib.auth.models import Group

from loyalty.admin.roles import ROLES
from users.models import Brand, Staff


def make_staff(brand: Brand, known: dict[str, str]) -> dict[str, Any]:
    """Make one of each role, and answer the brand manager's credentials, which hold for the others, too.

    Their names are `<first word of the brand>-<role>`, as in `aurora-service-agent`. A password that is known is kept.
    """
    everybody = [_someone(brand, role) for role in ROLES]
    manager, password = everybody[0], known.get("password", "")
    if not (password and all(one.check_password(password) for one in everybody)):
        password = secrets.token_urlsafe(12)
        manager.set_password(password)
        for one in everybody:
            one.password = manager.password
            one.save(update_fields=["password"])
    return {"username": manager.username, "password": password}


def _someone(brand: Brand, role: str) -> Staff:
    name = f"{brand.name.split()[0]}-{role.replace(' ', '-')}".lower()
    staff, _ = Staff.objects.get_or_create(
        username=name, defaults={"brand": brand, "is_staff": True, "first_name": role, "email": f"{name}@example.org"}
    )
    staff.groups.add(Group.objects.get(name=role))
    return staff

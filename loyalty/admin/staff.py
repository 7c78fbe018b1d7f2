"""Brands and their staff."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from loyalty.admin.base import BrandAdmin, KeptAdmin, staff_of
from users.models import Brand, Staff

admin.site.unregister(Group)


@admin.register(Brand)
class BrandPage(KeptAdmin):
    """Brands; each sees its own."""

    brand_path = "pk"
    list_display = ["name", "languages", "currency", "time_zone", "sandbox"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Brands are made by the house."""
        return staff_of(request).brand_id is None and super().has_add_permission(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Brand | None = None) -> tuple[str, ...]:
        """Whether it is for trying out is said by the house."""
        fixed = () if staff_of(request).brand_id is None else ("sandbox",)
        return (*super().get_readonly_fields(request, obj), *fixed)


@admin.register(Staff)
class StaffAdmin(UserAdmin[Staff], BrandAdmin):  # type: ignore[misc]
    """Staff."""

    form, add_form, change_password_form = UserChangeForm, UserCreationForm, AdminPasswordChangeForm

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The house says whose staff someone is."""
        told = list(super().get_fieldsets(request, obj))
        house = obj is not None and staff_of(request).brand_id is None
        return [*told, ("Brand", {"fields": ["brand"]})] if house else told


@admin.register(Group)
class RoleAdmin(GroupAdmin, BrandAdmin):  # type: ignore[misc]
    """Roles, which the platform keeps: looked at by the house."""

    brand_path = None

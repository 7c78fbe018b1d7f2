"""The admin site of the house: for staff who belong to no brand, as its lists know no walls between brands."""

from django.contrib.admin import AdminSite
from django.http import HttpRequest

from users.models import Staff


class HouseAdminSite(AdminSite):
    """Plain, for now: staff of one brand have no business here before every list is theirs alone."""

    site_header = site_title = "Loyalty"

    def has_permission(self, request: HttpRequest) -> bool:
        """Let in active staff of the whole house."""
        return super().has_permission(request) and isinstance(request.user, Staff) and request.user.brand_id is None

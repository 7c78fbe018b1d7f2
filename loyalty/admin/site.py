"""The back office: one site for the staff of every brand, and for the house."""

from typing import Any

from django.http import HttpRequest
from unfold.sites import UnfoldAdminSite

from users.models import Staff


class BackOfficeSite(UnfoldAdminSite):
    """Lets in active staff; what they find there is of their brand."""

    site_header = site_title = "Loyalty"
    index_title = "Home"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Let in active staff."""
        return bool(super().has_permission(request)) and isinstance(request.user, Staff)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Name the brand on each page."""
        context: dict[str, Any] = super().each_context(request)
        brand = request.user.brand if isinstance(request.user, Staff) else None
        if brand is not None:
            context["site_header"] = context["site_title"] = brand.name
        return context

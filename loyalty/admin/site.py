"""The back office: one site for the staff of every brand, and for the house."""

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern
from unfold.sites import UnfoldAdminSite

from loyalty.admin import passwords, second_factor
from users.models import Staff
from users.rules.colours import palette_of


class BackOfficeSite(UnfoldAdminSite):
    """Lets in active staff; what they find there is of their brand."""

    site_header = site_title = "Loyalty"
    index_title = "Home"

    def extra_urls(self) -> list[URLPattern]:
        """The pages that belong to no model."""
        return [*second_factor.urls_of(self), *passwords.urls()]

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Choose another password of one's own."""
        request.current_app = self.name
        return passwords.OwnPasswordView.as_view(extra_context=extra_context)(request)

    def has_permission(self, request: HttpRequest) -> bool:
        """Let in active staff."""
        return bool(super().has_permission(request)) and isinstance(request.user, Staff)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Give each page the brand's name and colours."""
        context: dict[str, Any] = super().each_context(request)
        brand = request.user.brand if isinstance(request.user, Staff) else None
        if brand is not None:
            context["site_header"] = context["site_title"] = brand.name
            context["colors"] = context["colors"] | {"primary": palette_of(brand.colour)}
        return context

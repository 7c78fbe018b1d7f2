"""Choosing a password by the link that lets someone in."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpResponse
from django.urls import URLPattern, path, reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget

from users.models import AuditKind, Staff
from users.services.audit import note


class ChoosePasswordForm(SetPasswordForm):  # type: ignore[type-arg]
    """Twice the same."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})


class ChoosePasswordView(PasswordResetConfirmView):
    """The page behind the link; Django moves the token out of the address and into the session."""

    form_class = ChoosePasswordForm
    template_name = "admin/safety/choose_password.html"
    success_url = reverse_lazy("admin:login")
    title = _("Choose a password")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What every page of the site has."""
        return admin.site.each_context(self.request) | super().get_context_data(**kwargs)

    def form_valid(self, form: ChoosePasswordForm) -> HttpResponse:
        """Keep the password, and write down that it was chosen."""
        answer = super().form_valid(form)
        staff: Staff = self.user
        told = {"password": "chosen"}
        note(brand_id=staff.brand_id, staff_id=staff.pk, kind=AuditKind.CHANGE, subject=staff, after=told, at=timezone.now())
        messages.success(self.request, gettext("Your password is set. Sign in with it."))
        return answer


def urls() -> list[URLPattern]:
    """The page's place on the site; it is for those who cannot sign in yet."""
    return [path("choose-password/<uidb64>/<token>/", ChoosePasswordView.as_view(), name="choose_password")]

"""Choosing a password by the link that lets someone in, and another in place of one's own."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.views import PasswordChangeView, PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget

from loyalty.admin import sessions
from loyalty.admin.reauthentication import code_field, knows_password, verify_code
from loyalty.database import write
from users.models import AuditKind, Staff
from users.services.audit import note
from users.services.second_factors import has_second_factor


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
        _note(staff)
        messages.success(self.request, gettext("Your password is set. Sign in with it."))
        return answer


class OwnPasswordForm(PasswordChangeForm):
    """The password of now, a code of those who have an app for it, and twice the new one.

    Tries count as those of the log-in do: whoever finds an open session guesses no further.
    """

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        for name, field in self.fields.items():
            kind = "current-password" if name == "old_password" else "new-password"
            field.widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": kind})
        if has_second_factor(self.user):
            self.fields["code"] = code_field()
            self.order_fields(["old_password", "code"])

    def clean_old_password(self) -> str:
        """Refuse who does not know it."""
        given: str = self.cleaned_data["old_password"]
        if not knows_password(self.request, self.user, given):
            raise forms.ValidationError(gettext("That is not your password."))
        return given

    def clean(self) -> dict[str, Any]:
        """Look at the code last: it is taken once, and would be lost with a new password that is refused."""
        given = cast("dict[str, Any]", super().clean())
        if "code" in given and not self.errors:
            verify_code(self.user, given["code"])
        return given


class OwnPasswordView(PasswordChangeView):
    """Another password in place of one's own."""

    form_class = OwnPasswordForm
    template_name = "admin/safety/change_password.html"
    success_url = reverse_lazy("admin:password_change_done")
    title = _("Choose a password")

    def get_form_kwargs(self) -> dict[str, Any]:
        """What the form needs to ask as the log-in does."""
        return super().get_form_kwargs() | {"request": self.request}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What every page of the site has."""
        return admin.site.each_context(self.request) | super().get_context_data(**kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        """Keep the password, and write down that it was changed."""

        def effect() -> HttpResponse:
            _note(form.user)
            return super(OwnPasswordView, self).form_valid(form)

        sessions.confirm(self.request.session)
        return write(effect)


def _note(staff: Staff) -> None:
    told = {"password": "chosen"}
    note(brand_id=staff.brand_id, staff_id=staff.pk, kind=AuditKind.CHANGE, subject=staff, after=told, at=timezone.now())


def urls() -> list[URLPattern]:
    """The page's place on the site; it is for those who cannot sign in yet."""
    return [path("choose-password/<uidb64>/<token>/", ChoosePasswordView.as_view(), name="choose_password")]

"""Saying again who one is before money moves: a password that lies open on a desk for ten minutes does no harm."""

import copy
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django import forms
from django.contrib import admin
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from loyalty.admin import sessions
from users.errors import SecondFactorRefused
from users.models import Staff
from users.services.second_factors import has_second_factor, verify_second_factor

View = TypeVar("View", bound=Callable[..., Any])
OWN = "confirm"
"""What the fields of the question are called, before a dash; everything else is of the page behind it."""
MINUTES = 10


def code_field() -> forms.CharField:
    """Asks for what the app shows."""
    widget = UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"})
    return forms.CharField(label=_("Code of the authenticator app"), max_length=20, widget=widget)


class ConfirmForm(forms.Form):
    """The password and, of those who have an app for it, a code."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password", "autofocus": True}),
    )
    code = code_field()
    asked_by = forms.CharField(widget=forms.HiddenInput, required=False)

    prefix = OWN

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.staff = cast(Staff, request.user)
        if not has_second_factor(self.staff):
            del self.fields["code"]

    def clean(self) -> dict[str, Any]:
        """Refuse who does not know them; tries count as those of the log-in do."""
        given = super().clean() or {}
        if self.errors:
            return given
        if not knows_password(self.request, self.staff, given["password"]):
            raise forms.ValidationError(_("That is not your password."))
        if "code" in given:
            verify_code(self.staff, given["code"])
        return given


def recently_authenticated(minutes: int = MINUTES) -> Callable[[View], View]:
    """Let a view, or an action of a list, run only for those who said who they are in the last minutes.

    Others are asked for their password, and a code, and then the view runs with all that had been sent to it. Files
    are not kept over the question.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            request = next(argument for argument in args[:2] if isinstance(argument, HttpRequest))
            if f"{OWN}-password" in request.POST:
                answer = _answer(request, minutes)
                return answer if answer is not None else view(*args, **kwargs)
            if sessions.confirmed_within(request.session, minutes=minutes):
                return view(*args, **kwargs)
            return _ask(request, ConfirmForm(request, initial={"asked_by": request.method}), minutes)

        return cast(View, guarded)

    return decorate


def _answer(request: HttpRequest, minutes: int) -> HttpResponseBase | None:
    """What to answer to a password; nothing when the page behind is to have what was meant for it."""
    form = ConfirmForm(request, data=request.POST)
    if not form.is_valid():
        return _ask(request, form, minutes)
    sessions.confirm(request.session)
    if form.cleaned_data["asked_by"] != "POST":
        return HttpResponseRedirect(request.get_full_path())
    _take_away(request)
    return None


def _take_away(request: HttpRequest) -> None:
    """Leave the page behind what is its own."""
    left = request.POST.copy()
    for name in [name for name in left if name.startswith(f"{OWN}-")]:
        del left[name]
    left._mutable = False
    request.POST = left  # type: ignore[assignment]


def _ask(request: HttpRequest, form: ConfirmForm, minutes: int) -> HttpResponseBase:
    kept = [
        (name, value)
        for name, values in request.POST.lists()
        if not name.startswith(f"{OWN}-") and name != "csrfmiddlewaretoken"
        for value in values
    ]
    told = {"title": _("Who are you?"), "form": form, "kept": kept, "minutes": minutes}
    context = admin.site.each_context(request) | told
    return TemplateResponse(request, "admin/safety/confirm.html", context)


def verify_code(staff: Staff, code: str) -> None:
    """Take a code. Raises a form's ValidationError for one that is not right."""
    try:
        verify_second_factor(staff=staff, code=code, at=timezone.now())
    except SecondFactorRefused as refusal:
        raise forms.ValidationError(str(refusal)) from None


def knows_password(request: HttpRequest, staff: Staff, password: str) -> bool:
    """Ask as the log-in does, so that tries are counted and locked out alike, yet show it nothing of the page behind."""
    probe = copy.copy(request)
    probe.POST = probe.GET = QueryDict()
    found = authenticate(probe, username=staff.get_username(), password=password)
    request.axes_locked_out = getattr(probe, "axes_locked_out", False)  # type: ignore[attr-defined]
    request.axes_credentials = {"username": staff.get_username()}  # type: ignore[attr-defined]
    return found is not None and found.pk == staff.pk

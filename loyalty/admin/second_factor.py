"""The second factor's pages: setting it up, showing it after the password, new recovery codes."""

import base64
from functools import partial
from typing import Any, cast

import django_otp
import segno
from django import forms
from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from unfold.widgets import UnfoldAdminTextInputWidget

from loyalty.admin import sessions
from loyalty.admin.reauthentication import recently_authenticated
from users.errors import SecondFactorRefused
from users.models import Authenticator, Staff
from users.services.second_factors import (
    begin_second_factor,
    begun_second_factor,
    confirm_second_factor,
    has_second_factor,
    needs_second_factor,
    renew_recovery_codes,
    verify_second_factor,
)


class CodeForm(forms.Form):
    """One code."""

    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code", "inputmode": "text", "autofocus": True}),
    )
    next = forms.CharField(required=False, widget=forms.HiddenInput)


def urls_of(site: AdminSite) -> list[URLPattern]:
    """The pages, for those who may sign in to the site."""
    pages = {
        "second-factor/": (ask, "second_factor"),
        "second-factor/set-up/": (set_up, "second_factor_set_up"),
        "second-factor/recovery-codes/": (renew, "second_factor_recovery_codes"),
    }
    return [
        path(route, site.admin_view(partial(never_cache(view), site=site)), name=name) for route, (view, name) in pages.items()
    ]


def ask(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """After the password: a code of the app, or a recovery code."""
    staff = cast(Staff, request.user)
    if _verified(request) or not has_second_factor(staff):
        return redirect("admin:index")
    form = CodeForm(request.POST or None, initial={"next": request.GET.get(REDIRECT_FIELD_NAME, "")})
    if request.method == "POST" and form.is_valid():
        try:
            device = verify_second_factor(staff=staff, code=form.cleaned_data["code"], at=timezone.now())
        except SecondFactorRefused as refusal:
            form.add_error("code", str(refusal))
        else:
            django_otp.login(request, device)  # type: ignore[no-untyped-call]
            sessions.confirm(request.session)
            return _go_on(request, form.cleaned_data["next"])
    return _page(request, site, "second_factor.html", {"title": _("Second factor"), "form": form})


def set_up(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """Pair an authenticator app; who has one already shows it first, and says again who they are."""
    if has_second_factor(cast(Staff, request.user)):
        return _pair_again(request, site=site) if _verified(request) else redirect("admin:second_factor")
    return _pair(request, site=site)


def _pair(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    staff = cast(Staff, request.user)
    form = CodeForm(request.POST or None, initial={"next": request.GET.get(REDIRECT_FIELD_NAME, "")})
    if request.method == "POST" and form.is_valid():
        try:
            paired, codes = confirm_second_factor(staff=staff, code=form.cleaned_data["code"], at=timezone.now())
        except SecondFactorRefused as refusal:
            form.add_error("code", str(refusal))
        else:
            request.session.cycle_key()
            django_otp.login(request, paired)  # type: ignore[no-untyped-call]
            return _show_codes(request, site, codes, form.cleaned_data["next"])
    begun = begun_second_factor(staff) if request.method == "POST" else None
    device = begun or begin_second_factor(staff=staff)
    must = needs_second_factor(staff, house_demands=settings.HOUSE_DEMANDS_SECOND_FACTOR) and not _verified(request)
    told = {
        "title": _("Set up a second factor"),
        "form": form,
        "picture": _picture(device),
        "seed": _seed(device),
        "must": must,
    }
    return _page(request, site, "second_factor_set_up.html", told)


_pair_again = recently_authenticated()(_pair)


def renew(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """New recovery codes in place of those that are left."""
    if not has_second_factor(cast(Staff, request.user)):
        return redirect("admin:second_factor_set_up")
    return _renew(request, site=site)


@recently_authenticated()
def _renew(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    if request.method == "POST":
        codes = renew_recovery_codes(staff=cast(Staff, request.user), at=timezone.now())
        return _show_codes(request, site, codes, "")
    return _page(request, site, "recovery_codes_renew.html", {"title": _("New recovery codes")})


def _show_codes(request: HttpRequest, site: AdminSite, codes: list[str], following: str) -> HttpResponse:
    told = {"title": _("Your recovery codes"), "codes": codes, "following": _safe(request, following)}
    return _page(request, site, "recovery_codes.html", told)


def _page(request: HttpRequest, site: AdminSite, template: str, told: dict[str, Any]) -> HttpResponse:
    request.current_app = site.name
    return TemplateResponse(request, f"admin/safety/{template}", site.each_context(request) | told)


def _picture(device: Authenticator) -> str:
    """The QR code as SVG, in black on white whatever the theme, for a camera must read it."""
    return segno.make(device.config_url, error="m").svg_inline(scale=5, border=4, light="#fff", svgclass=None, lineclass=None)


def _seed(device: Authenticator) -> str:
    """The seed to type where no camera is at hand, in groups of four."""
    plain = base64.b32encode(device.bin_key).decode()
    return " ".join(plain[place : place + 4] for place in range(0, len(plain), 4))


def _verified(request: HttpRequest) -> bool:
    return bool(request.user.is_verified())  # type: ignore[union-attr]


def _go_on(request: HttpRequest, following: str) -> HttpResponse:
    return HttpResponseRedirect(_safe(request, following))


def _safe(request: HttpRequest, following: str) -> str:
    """Where to go on to, never to another host."""
    hosts = {request.get_host()}
    safe = url_has_allowed_host_and_scheme(following, allowed_hosts=hosts, require_https=request.is_secure())
    return following if following and safe else reverse("admin:index")

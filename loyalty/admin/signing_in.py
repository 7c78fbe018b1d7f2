"""Log-ins, failed ones and log-outs are written down; who guesses too often is kept out for a while."""

from datetime import timedelta
from typing import Any

from axes.helpers import get_cool_off
from axes.signals import user_locked_out
from django.contrib import admin
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from loyalty.admin import sessions
from loyalty.callers import address_of
from users.models import AuditKind, Staff
from users.services.audit import note


def watch() -> None:
    """Hear of what is to be written down."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    user_login_failed.connect(_failed, dispatch_uid="audit")
    user_locked_out.connect(_locked_out, dispatch_uid="audit")


def _signed_in(request: HttpRequest, user: Staff, **_: Any) -> None:
    sessions.begin(request.session)
    _note(AuditKind.LOG_IN, user, request)


def _signed_out(request: HttpRequest, user: Staff | None, **_: Any) -> None:
    if user is not None:
        ended: sessions.Ended | None = getattr(request, "session_ended", None)
        _note(AuditKind.LOG_OUT, user, request, reason=ended.value if ended is not None else "")


def _failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """Note who it was about, where there is such a person: else a password, typed as a name, would be kept for ever."""
    if request is not None:
        _note(AuditKind.LOG_IN_FAILED, _named(credentials.get("username")), request)


def _locked_out(request: HttpRequest, username: str | None, **_: Any) -> None:
    _note(AuditKind.LOG_IN_FAILED, _named(username), request, reason="locked out")


def _named(username: str | None) -> Staff | None:
    return Staff.objects.filter(username=username).first() if username and "\0" not in username else None


def _note(kind: AuditKind, staff: Staff | None, request: HttpRequest, reason: str = "") -> None:
    brand_id, staff_id = (staff.brand_id, staff.pk) if staff is not None else (None, None)
    note(
        brand_id=brand_id,
        staff_id=staff_id,
        kind=kind,
        subject=staff,
        reason=reason,
        at=timezone.now(),
        address=address_of(request),
    )


def answer_locked_out(request: HttpRequest, *_: Any) -> HttpResponse:
    """Say that no further try is looked at for a while."""
    minutes = round((get_cool_off(request) or timedelta()) / timedelta(minutes=1))
    context = admin.site.each_context(request) | {"title": gettext_lazy("Too many tries"), "minutes": max(1, minutes)}
    return TemplateResponse(request, "admin/safety/locked_out.html", context, status=429).render()

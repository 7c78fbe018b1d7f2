"""What stands before every page of the back office: sessions that end, the second factor, refusals that are written down."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from loyalty.admin import sessions
from loyalty.callers import address_of
from users.models import AuditKind, Staff
from users.services.audit import caller_address, note
from users.services.second_factors import has_second_factor, needs_second_factor

OPEN = frozenset({"login", "logout", "jsi18n", "choose_password"})
OF_SECOND_FACTOR = frozenset({"second_factor", "second_factor_set_up"})
BACKGROUND = "X-Background"  # pages that ask of their own accord say so, which keeps nobody signed in


class BackOfficeMiddleware:
    """Keeps out whose session is over and who has not shown the second factor; writes down who was refused."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer one request, knowing where it came from."""
        token = caller_address.set(address_of(request))
        try:
            response = self.get_response(request)
            if response.status_code == 403:
                _note_refusal(request)
        finally:
            caller_address.reset(token)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        """Let a request pass to its page, or send it where it must go first."""
        page = _page_of(request)
        if page is None or page in OPEN or not isinstance(request.user, Staff):
            return None
        ended = sessions.end_of(request.session)
        if ended is not None:
            return _sign_out(request, ended)
        if BACKGROUND not in request.headers:
            sessions.notice(request.session)
        return None if page in OF_SECOND_FACTOR else _to_second_factor(request, request.user)


def _page_of(request: HttpRequest) -> str | None:
    """The name of the back office's page, None for everything else."""
    match = request.resolver_match
    return match.url_name or "" if match is not None and match.namespaces == ["admin"] else None


def _sign_out(request: HttpRequest, ended: sessions.Ended) -> HttpResponse:
    request.session_ended = ended  # type: ignore[attr-defined]
    logout(request)
    words = {
        sessions.Ended.IDLE: _("You were signed out, for nothing was done for a while."),
        sessions.Ended.OLD: _("You were signed out, for you had been signed in for long."),
    }
    messages.info(request, words[ended])
    return _on_to("admin:login", request)


def _to_second_factor(request: HttpRequest, staff: Staff) -> HttpResponse | None:
    if staff.is_verified():  # type: ignore[attr-defined]
        return None
    if has_second_factor(staff):
        return _on_to("admin:second_factor", request)
    if needs_second_factor(staff, house_demands=settings.HOUSE_DEMANDS_SECOND_FACTOR):
        return _on_to("admin:second_factor_set_up", request)
    return None


def _on_to(name: str, request: HttpRequest) -> HttpResponse:
    """Go there first and then come back, to a page that was asked for: what was sent to one is not sent again."""
    response = redirect(name)
    if request.method == "GET":
        response["Location"] += "?" + urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})
    return response


def _note_refusal(request: HttpRequest) -> None:
    """The page by its name and the row by its number: a path or a query may hold someone's name."""
    page, staff = _page_of(request), getattr(request, "user", None)
    if page is None or not isinstance(staff, Staff) or request.resolver_match is None:
        return
    row = request.resolver_match.kwargs.get("object_id", "")
    told = {"page": page, "method": request.method, "row": str(row)[:40]}
    note(brand_id=staff.brand_id, staff_id=staff.pk, kind=AuditKind.REFUSED, after=told, at=timezone.now())

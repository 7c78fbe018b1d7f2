"""What was refused to a member is told to staff: the hook of views whose requests move value."""

import re
from abc import abstractmethod
from typing import Any, NamedTuple

import msgspec
import structlog
from django.db import DatabaseError
from django.http import HttpRequest
from django.utils import timezone

from loyalty.api.problems import request_id_of
from loyalty.api.requests import UNKNOWN
from loyalty.api.views import ApiView
from loyalty.errors import LoyaltyError
from users.services.refusals import Refused, keep_refusal

log = structlog.get_logger()
PASSING = frozenset({"body_too_large", "request_in_progress", "service_unavailable", "unsupported_media_type"})
"""Refusals that tell of the request alone, and not of what it asked for."""
TELLING = frozenset({"amount_out_of_range", "invalid_amount", "reference_already_used", "token_not_found", "unknown_type"})
"""Codes whose detail names limits, prices and ids, and never what a person typed."""
FIELD = re.compile("[A-Za-z_.]{1,80}")


class Concern(NamedTuple):
    """What a request asked for, and whom it is about: an auth_id, or our own id of a member."""

    member: str | int
    operation: str
    reference_id: str = ""


class KeepsRefusals(ApiView):
    """A view that keeps what it refuses about a known member. What succeeds passes by here without a look."""

    @abstractmethod
    def concern(self, request: HttpRequest) -> Concern | None:
        """What the request asks for; None where that cannot be said."""

    def refused(self, request: HttpRequest, refusal: LoyaltyError) -> None:
        """Keep it; should that fail, the answer stands all the same."""
        if refusal.code in PASSING:
            return
        try:
            self._keep(request, refusal)
        except DatabaseError as error:
            log.warning("refusal_not_kept", error=type(error).__name__)

    def _keep(self, request: HttpRequest, refusal: LoyaltyError) -> None:
        concern = self.concern(request)
        if concern is None:
            return
        refused = Refused(
            brand_id=self.brand_id,
            member=concern.member,
            operation=concern.operation,
            code=refusal.code,
            detail=detail_of(refusal),
            reference_id=concern.reference_id,
            request_id=request_id_of(request),
        )
        keep_refusal(refused=refused, at=timezone.now())


def detail_of(refusal: LoyaltyError) -> str:
    """The words of a refusal as they may be kept: of those that may repeat what a person typed, only which fields they name."""
    if refusal.code in TELLING:
        return str(refusal)
    named = [error.field for error in refusal.errors if error.code != UNKNOWN and FIELD.fullmatch(error.field)]
    return f"{refusal.detail}: {', '.join(named)}" if named else refusal.detail


def body_of(request: HttpRequest) -> dict[str, Any]:
    """The object that a body is, whatever its shape; empty where it is none."""
    try:
        body = msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def field_of(request: HttpRequest, holder: str) -> dict[str, Any]:
    """The object that a body holds under a name, whatever its shape; empty where there is none."""
    held = body_of(request).get(holder)
    return held if isinstance(held, dict) else {}


def text_of(value: Any) -> str:
    """A text out of a body that nobody has judged yet; empty where it is none, or one that cannot be kept."""
    return value if isinstance(value, str) and "\x00" not in value else ""

"""What all App API views share: the two groups of tokens, the envelope, the refusals."""

from collections.abc import Callable
from typing import Any, ClassVar

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework.exceptions import MethodNotAllowed

from loyalty.api import problems
from loyalty.api.app.codes import CODES
from loyalty.api.app.envelopes import refused
from loyalty.api.app.reading import read
from loyalty.api.errors import MissingToken, NotFound
from loyalty.api.refusals import PASSING, detail_of
from loyalty.api.requests import Shape, bearer_of
from loyalty.api.throttling import Limit, limit_of_address
from loyalty.api.views import PlainView
from loyalty.errors import LoyaltyError
from users.errors import InvalidToken
from users.models import App, Member
from users.services.app_tokens import AppCaller, partner_caller, user_caller
from users.services.refusals import Refused, keep_refusal

log = structlog.get_logger()


class AppView(PlainView):
    """A call. A writing one is a POST, a reading one may be a GET, too."""

    statuses: ClassVar[dict[str, int]] = dict.fromkeys(CODES, 200)
    reads: ClassVar[bool] = False
    limit_bytes: ClassVar[int] = settings.BODY_LIMIT_BYTES

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Let the call in, or refuse it. Raises MethodNotAllowed and what `let_in` does."""
        if request.method != "POST" and not (self.reads and request.method == "GET"):
            self.throttle(limit_of_address(request))
            raise MethodNotAllowed(str(request.method))
        self.let_in(request)

    def let_in(self, request: HttpRequest) -> None:
        """Find out who calls."""
        raise NotImplementedError

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer a reading call whose arguments stand in the query."""
        return self.post(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Answer the call."""
        raise NotImplementedError

    def read(self, request: HttpRequest, shape: type[Shape]) -> Shape:
        """The call's arguments. Raises FieldRefused, UnsupportedMediaType, BodyTooLarge."""
        return read(request, shape, limit_bytes=self.limit_bytes)

    def handle_exception(self, exc: Exception) -> Any:
        """Answer a refusal in the envelope."""
        refusal = problems.refusal_of(exc)
        self.heard(refusal)
        response = refused(refusal)
        response.exception = True  # type: ignore[attr-defined]
        return response

    @property
    def allowed_methods(self) -> list[str]:
        """POST, and GET where nothing is changed."""
        return ["GET", "POST"] if self.reads else ["POST"]

    def heard(self, refusal: LoyaltyError) -> None:
        """Hear of a refusal, outside of the transaction that it ended."""

    def _enter(self, request: HttpRequest, whose: Callable[[str], AppCaller]) -> None:
        """Let a token's holder in; who holds none is held to the limit of their address."""
        try:
            self.caller = whose(bearer_of(request))
        except (MissingToken, InvalidToken):
            self.throttle(limit_of_address(request))
            raise
        request.key_id = self.actor  # type: ignore[attr-defined]
        self.throttle(Limit(f"app:{self.caller.app_id}", self.caller.rate_per_second, self.caller.burst))

    caller: AppCaller

    @property
    def actor(self) -> str:
        """Who asks, as the ledger writes it."""
        return f"app:{self.caller.app_pk}"

    @property
    def brand_id(self) -> int:
        """Whose app it is."""
        return self.caller.brand_id


class OpenView(AppView):
    """A call without a token. Who proves to speak for an app is held to the app's limit, everybody else to their address's."""

    def let_in(self, request: HttpRequest) -> None:
        """Anybody may call."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Answer, and see to the limit."""
        try:
            return self.answer(request)
        finally:
            if self.verdict is None:
                self.throttle(limit_of_address(request))

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer the call."""
        raise NotImplementedError

    def admit(self, app: App) -> None:
        """Who has proved to speak for an app."""
        self.caller = AppCaller(app.pk, app.app_id, app.brand_id, app.rate_per_second, app.burst)
        self.throttle(Limit(f"app:{app.app_id}", app.rate_per_second, app.burst))


class ServerView(AppView):
    """A call of the app's back end."""

    def let_in(self, request: HttpRequest) -> None:
        """By a partner's token."""
        self._enter(request, lambda text: partner_caller(text, at=timezone.now()))


class UserView(AppView):
    """A call for one user, from their own device."""

    member: Member
    operation: ClassVar[str] = ""
    """What is kept of a refusal, for staff to answer "why did I get nothing?"; empty where nobody will ask."""

    def heard(self, refusal: LoyaltyError) -> None:
        """Keep what was refused to a user; should that fail, the answer stands all the same."""
        if not self.operation or not hasattr(self, "member") or refusal.code in PASSING | {"rate_limited", "internal_error"}:
            return
        refused = Refused(
            brand_id=self.brand_id,
            member=self.member.pk,
            operation=self.operation,
            code=refusal.code,
            detail=detail_of(refusal),
            reference_id="",
            request_id=problems.request_id_of(self.request),
        )
        try:
            keep_refusal(refused=refused, at=timezone.now())
        except DatabaseError as error:
            log.warning("refusal_not_kept", error=type(error).__name__)

    def let_in(self, request: HttpRequest) -> None:
        """By a user's token."""

        def holder(text: str) -> AppCaller:
            caller, self.member = user_caller(text, at=timezone.now())
            return caller

        self._enter(request, holder)

    @property
    def auth_id(self) -> str:
        """The app's own name for the user."""
        return self.member.auth_id or ""


class UnknownView(AppView):
    """A path that leads nowhere."""

    schema = None
    reads = True

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Refuse."""
        self.throttle(limit_of_address(request))
        raise NotFound

"""The base of every API view: who asks, how fast, once only."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.views import APIView

from loyalty.api import problems, throttling
from loyalty.api.errors import RateLimited, ScopeMissing
from loyalty.api.idempotency import Answer, Claim, run_once
from loyalty.api.requests import canonical, read_body
from loyalty.errors import InvalidRequest, LoyaltyError

NEVER_STORED = frozenset({401, 403, 413, 415, 429})
FIRST_STORED, FIRST_NOT_STORED = 200, 500
WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Limited(APIView):
    """Refuses as a problem, and tells every caller about their limits."""

    statuses: ClassVar[Mapping[str, int]] = problems.STATUSES
    verdict: throttling.Verdict | None = None

    def throttle(self, limit: throttling.Limit) -> None:
        """Take a token of the caller's. Raises RateLimited."""
        self.verdict = throttling.judge(limit)
        if not self.verdict.passes:
            raise RateLimited(self.verdict.retry_after_seconds)

    def problem_extra(self, refusal: LoyaltyError) -> Mapping[str, Any]:
        """Further members of a problem's body."""
        return {}

    def named(self, refusal: LoyaltyError) -> LoyaltyError:
        """A refusal under the name that the dialect has for it."""
        return refusal

    def challenge(self, refusal: LoyaltyError) -> str | None:
        """How to get in, for the WWW-Authenticate of who was not let in."""
        return None

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Tell the caller about their limits."""
        finished = super().finalize_response(request, response, *args, **kwargs)
        if self.verdict is not None:
            for name, value in self.verdict.headers().items():
                finished[name] = value
        return finished


class PlainView(Limited):
    """A view on Django's own request: shapes are parsed by loyalty.api.requests, nothing needs DRF's wrapper."""

    body_limit_bytes: ClassVar[int] = settings.BODY_LIMIT_BYTES
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Hand on the request."""
        return request

    def perform_content_negotiation(self, request: Any, force: Any = None) -> tuple[Any, str]:
        """There is one form of answer: nothing to negotiate."""
        return None, "application/json"


class ApiView(PlainView):
    """Authenticates, throttles and checks the scope before a handler runs; a dialect says how."""

    read_scope: ClassVar[str] = ""
    write_scope: ClassVar[str] = ""
    credential: ClassVar[str] = "API key"
    brand_id: int
    let_in = False

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Let the request in, or refuse it: who, how fast, with what right."""
        self.brand_id = self.identify(request)
        self.let_in = True

    @abstractmethod
    def identify(self, request: HttpRequest) -> int:
        """Find out who asks, judge their limits and rights, and answer the id of their brand; each dialect does."""

    def check_scope(self, request: HttpRequest, scopes: frozenset[str]) -> None:
        """Refuse what nobody may do here, and a caller without the right. Raises MethodNotAllowed, ScopeMissing."""
        if request.method not in self.allowed_methods:
            raise MethodNotAllowed(str(request.method))
        scope = self.write_scope if request.method in WRITING else self.read_scope
        if scope not in scopes:
            raise ScopeMissing(scope, of=self.credential)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Turn an Answer into a response."""
        finished = to_response(response) if isinstance(response, Answer) else response
        return super().finalize_response(request, finished, *args, **kwargs)

    def keeps_answer(self, request: HttpRequest) -> bool:
        """Whether the answer will be kept under a key."""
        return "HTTP_IDEMPOTENCY_KEY" in request.META

    def once(self, request: HttpRequest, effect: Callable[[], Answer]) -> Answer:
        """Run the effect of a POST, once for each Idempotency-Key."""
        key = request.META.get("HTTP_IDEMPOTENCY_KEY")
        if key is None:
            return effect()
        body = canonical(read_body(request, limit_bytes=self.body_limit_bytes))
        claim = Claim(self.brand_id, key, f"{request.method} {request.path_info}\n".encode() + body)
        claim.check()

        def refuse(refusal: LoyaltyError) -> Answer:
            self.refused(request, refusal)
            refusal = self.named(refusal)
            status = self.statuses[refusal.code]
            request_id = problems.request_id_of(request)
            extra = self.problem_extra(refusal)
            return Answer(status, problems.problem_body(refusal, status=status, request_id=request_id, extra=extra))

        return run_once(claim, effect, refuse=refuse, remembers=self.remembers)

    def handle_exception(self, exc: Exception) -> Any:
        """Answer it as a problem; a refusal of a caller who was let in is heard of first."""
        if isinstance(exc, LoyaltyError) and self.let_in:
            self.refused(self.request, exc)
        return super().handle_exception(exc)

    def refused(self, request: Any, refusal: LoyaltyError) -> None:
        """Hear of a refusal, outside of the transaction that it ended."""

    def remembers(self, refusal: LoyaltyError) -> bool:
        """Whether a refusal is kept under its key: those of the business are, those of the edge and of shapes are not."""
        refusal = self.named(refusal)
        status = self.statuses[refusal.code]
        if isinstance(refusal, InvalidRequest) or status in NEVER_STORED or refusal.code in problems.STATUSES:
            return False
        return FIRST_STORED <= status < FIRST_NOT_STORED


def to_response(answer: Answer) -> HttpResponse:
    """The HTTP response of an answer, first or replayed."""
    kind = problems.CONTENT_TYPE if answer.status >= 400 else "application/json"
    response = HttpResponse(answer.body, status=answer.status, content_type=kind)
    if answer.replayed:
        response["Idempotent-Replayed"] = "true"
    return response

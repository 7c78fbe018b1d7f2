"""What every HTTP edge refuses by itself."""

from loyalty.errors import LoyaltyError


class MissingApiKey(LoyaltyError):
    """The request says not who it is from."""

    code = "missing_api_key"
    detail = "Missing x-api-key header"


class MissingToken(LoyaltyError):
    """The request says not who it is from."""

    code = "missing_token"
    detail = "Missing Authorization header with a Bearer token"


class ScopeMissing(LoyaltyError):
    """The key or token is valid, but not for this."""

    code = "scope_missing"

    def __init__(self, scope: str, *, of: str) -> None:
        super().__init__(f"This {of} lacks the scope {scope}")
        self.scope = scope


class NotFound(LoyaltyError):
    """Nothing stands at that path."""

    code = "not_found"
    detail = "Not found"


class MethodNotAllowed(LoyaltyError):
    """Something stands at that path, but takes no such method."""

    code = "method_not_allowed"
    detail = "Method not allowed"


class UnsupportedMediaType(LoyaltyError):
    """The body is not JSON."""

    code = "unsupported_media_type"
    detail = "Content-Type: the body must be application/json in UTF-8"


class BodyTooLarge(LoyaltyError):
    """The body is larger than the operation takes."""

    code = "body_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The body is larger than {limit_bytes} bytes")


class RateLimited(LoyaltyError):
    """Too many requests; `retry_after_seconds` says when the next may pass."""

    code = "rate_limited"
    detail = "Too many requests"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds


class RequestInProgress(LoyaltyError):
    """A request with the same Idempotency-Key still runs."""

    code = "request_in_progress"
    detail = "Idempotency-Key: a request with this key is still running"
    retry_after_seconds = 1


class IdempotencyKeyReused(LoyaltyError):
    """The Idempotency-Key came before, with another path or body."""

    code = "idempotency_key_reused"
    detail = "Idempotency-Key: this key was used for another request"


class AnswerErased(LoyaltyError):
    """The request acted, long ago; its answer spoke of a user who has been erased since."""

    code = "answer_erased"
    detail = "The first answer to this request was about a user who has been erased"


class ServiceUnavailable(LoyaltyError):
    """The database does not answer, or is too busy. When it went away in the last instant, the request may have acted."""

    code = "service_unavailable"
    detail = "The service cannot answer right now; repeat the request with the same Idempotency-Key or reference_id"
    retry_after_seconds = 2


class InternalError(LoyaltyError):
    """Our own fault."""

    code = "internal_error"
    detail = "Something went wrong on our side"

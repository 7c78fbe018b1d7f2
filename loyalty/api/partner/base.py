"""What all Partner API views share: the key in the header."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest

from ledger.errors import ReferenceAlreadyUsed
from loyalty.api.errors import MissingApiKey
from loyalty.api.partner.statuses import STATUSES
from loyalty.api.throttling import Limit, limit_of_address
from loyalty.api.views import ApiView
from loyalty.errors import LoyaltyError
from users.errors import InvalidApiKey
from users.services.keys import Caller, authenticate_key


class PartnerView(ApiView):
    """A view for a brand's own systems."""

    statuses: ClassVar[Mapping[str, int]] = STATUSES
    caller: Caller

    def identify(self, request: HttpRequest) -> int:
        """Find the brand that holds the key in X-API-KEY; who holds none is held to the limit of their address.

        Raises MissingApiKey, InvalidApiKey, RateLimited, ScopeMissing.
        """
        key = request.META.get("HTTP_X_API_KEY", "")
        try:
            self.caller = authenticate_key(present(key))
        except (MissingApiKey, InvalidApiKey):
            self.throttle(limit_of_address(request))
            raise
        request.key_id = self.caller.key_id  # type: ignore[attr-defined]
        self.throttle(Limit(f"key:{self.caller.public}", self.caller.rate_per_second, self.caller.burst))
        self.check_scope(request, self.caller.scopes)
        return self.caller.brand_id

    def challenge(self, refusal: LoyaltyError) -> str | None:
        """The key in its header."""
        return "ApiKey" if isinstance(refusal, MissingApiKey | InvalidApiKey) else None

    def problem_extra(self, refusal: LoyaltyError) -> Mapping[str, Any]:
        """A repeated reference_id is answered with the transaction that has it."""
        return {"transaction_id": str(refusal.transaction_id)} if isinstance(refusal, ReferenceAlreadyUsed) else {}

    @property
    def actor(self) -> str:
        """Who asks, as the ledger writes it."""
        return f"key:{self.caller.key_id}"


def present(key: str) -> str:
    """Answer the key that the header holds. Raises MissingApiKey."""
    if not key:
        raise MissingApiKey
    return key

"""What all Partner API views share: the key in the header."""

from collections.abc import Mapping
from typing import ClassVar

from django.conf import settings
from django.http import HttpRequest

from loyalty.api.errors import MissingApiKey
from loyalty.api.partner.statuses import STATUSES
from loyalty.api.throttling import Limit
from loyalty.api.views import ApiView
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
            self.throttle(Limit(f"address:{address_of(request)}", settings.OPEN_RATE_PER_SECOND, settings.OPEN_BURST))
            raise
        request.key_id = self.caller.key_id  # type: ignore[attr-defined]
        self.throttle(Limit(f"key:{self.caller.key_id}", self.caller.rate_per_second, self.caller.burst))
        self.check_scope(request, self.caller.scopes)
        return self.caller.brand_id

    @property
    def actor(self) -> str:
        """Who asks, as the ledger writes it."""
        return f"key:{self.caller.key_id}"


def present(key: str) -> str:
    """Answer the key that the header holds. Raises MissingApiKey."""
    if not key:
        raise MissingApiKey
    return key


def address_of(request: HttpRequest) -> str:
    """The caller's address; behind a proxy that is trusted, the one the proxy saw."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.TRUST_PROXY else ""
    return forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")

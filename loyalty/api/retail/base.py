"""What all Retail API views share: the bearer token, and the dialect's own names of refusals."""

from collections.abc import Mapping
from typing import ClassVar

from django.http import HttpRequest

from loyalty.api.errors import MissingToken, ScopeMissing
from loyalty.api.requests import bearer_of
from loyalty.api.retail.errors import NAMES
from loyalty.api.retail.statuses import STATUSES
from loyalty.api.throttling import Limit, limit_of_address
from loyalty.api.views import ApiView
from loyalty.errors import LoyaltyError
from users.errors import InvalidToken
from users.services.oauth_tokens import RetailCaller, authenticate_token

REALM = 'Bearer realm="loyalty"'


class RetailView(ApiView):
    """A view for tills and web shops."""

    statuses: ClassVar[Mapping[str, int]] = STATUSES
    credential = "token"
    caller: RetailCaller

    def identify(self, request: HttpRequest) -> int:
        """Find the brand of the client that holds the token; who holds none is held to the limit of their address.

        Raises MissingToken, InvalidToken, RateLimited, ScopeMissing.
        """
        try:
            self.caller = authenticate_token(bearer_of(request))
        except (MissingToken, InvalidToken):
            self.throttle(limit_of_address(request))
            raise
        request.key_id = self.actor  # type: ignore[attr-defined]
        self.throttle(Limit(f"client:{self.caller.client_id}", self.caller.rate_per_second, self.caller.burst))
        self.check_scope(request, self.caller.scopes)
        return self.caller.brand_id

    @property
    def actor(self) -> str:
        """Who asks, as the ledger writes it."""
        return f"client:{self.caller.client_pk}"

    def named(self, refusal: LoyaltyError) -> LoyaltyError:
        """A refusal under the Retail API's own name of it; the fields it names stay."""
        own = NAMES.get(type(refusal))
        return refusal if own is None else own(errors=refusal.errors)

    def challenge(self, refusal: LoyaltyError) -> str | None:
        """What was wrong with the token (RFC 6750)."""
        match refusal:
            case MissingToken():
                return REALM
            case InvalidToken():
                return f'{REALM}, error="invalid_token", error_description="{refusal}"'
            case ScopeMissing():
                return f'{REALM}, error="insufficient_scope", scope="{refusal.scope}"'
        return None

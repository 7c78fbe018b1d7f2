"""How the OpenAPI document describes the operations of the Retail API."""

from loyalty.api.schema import WayIn

TOKEN_REFUSALS = {401: ["missing_token", "invalid_token"], 403: ["scope_missing"]}


def bearer(scope: str) -> WayIn:
    """A bearer token with a scope."""
    return WayIn("oauth2", TOKEN_REFUSALS, (scope,))

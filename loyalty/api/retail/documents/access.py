"""How clients get a token."""

from loyalty.api.retail.examples import access as examples
from loyalty.api.retail.shapes.access import OAuthRefusal, TokenAnswer, TokenBody
from loyalty.api.schema import documented

TAG = "Retail: access"
DESCRIPTION = (
    "Get a token for a client's id and secret (OAuth 2.0 client credentials). They may stand in the body, a form or JSON,"
    " or in a Basic header. `scope` narrows the token to some of the client's scopes; without it the token has all of them."
)
get_token = documented(
    operation="get_token",
    tag=TAG,
    description=DESCRIPTION,
    body=TokenBody,
    body_examples={"client": examples.TOKEN_BODY, "narrowed": examples.NARROWED_BODY},
    answer=(200, TokenAnswer),
    example=examples.TOKEN_ANSWER,
    body_kinds=("application/x-www-form-urlencoded", "application/json"),
    further={400: (OAuthRefusal, examples.INVALID_SCOPE), 401: (OAuthRefusal, examples.INVALID_CLIENT)},
    way_in=None,
)

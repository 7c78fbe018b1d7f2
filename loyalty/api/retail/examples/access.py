"""Tokens."""

CLIENT_ID = "w2DKvS3vTpJXyJqWqPq0GfWhp2o7n2YcZ8xkRr1L"
TOKEN_BODY = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": "nD7pXkq2RrT5uVw8"}
NARROWED_BODY = TOKEN_BODY | {"scope": "earnings:write vouchers:write"}
TOKEN_ANSWER = {
    "access_token": "Yl0mWqPz3s5v8yBcDeFgHiJkLmNoPq",
    "expires_in": 3600,
    "token_type": "Bearer",
    "scope": "earnings:write vouchers:write",
}
INVALID_CLIENT = {"error": "invalid_client", "error_description": "The client is unknown or revoked, or its secret is wrong"}
INVALID_SCOPE = {"error": "invalid_scope", "error_description": "The client has not all of these scopes"}

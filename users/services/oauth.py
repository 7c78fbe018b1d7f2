"""OAuth clients: made, given a new secret, revoked. A secret is answered when it is made, and never again."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from oauth2_provider.generators import generate_client_id, generate_client_secret
from oauth2_provider.models import get_access_token_model

from loyalty.database import write
from loyalty.errors import invalid_field
from users.errors import CredentialInactive, CredentialMade, OAuthClientNotFound, SecretReplaced
from users.models import OAuthClient, RetailScope

LONGEST_NAME = 100


def new_client_id() -> str:
    """A name for a client to come."""
    return str(generate_client_id())


def create_oauth_client(
    *, brand_id: int, name: str, scopes: Sequence[str], client_id: str | None = None, **limits: int
) -> tuple[OAuthClient, str]:
    """Make a client and its secret. `client_id` may be chosen beforehand, so that a form sent twice makes one client.

    `limits`: rate_per_second and burst.

    Raises CredentialMade, InvalidRequest naming name or scopes.
    """
    if not name.strip() or len(name) > LONGEST_NAME:
        raise invalid_field("name", f"1 to {LONGEST_NAME} characters")
    if not scopes or set(scopes) - set(RetailScope.values):
        raise invalid_field("scopes", f"at least one of {', '.join(RetailScope.values)}")
    secret = str(generate_client_secret())

    def effect() -> OAuthClient:
        if client_id is not None and OAuthClient.objects.filter(client_id=client_id).exists():
            raise CredentialMade
        return OAuthClient.objects.create(
            brand_id=brand_id,
            name=name.strip(),
            scopes=[scope for scope in RetailScope.values if scope in scopes],
            client_id=client_id or new_client_id(),
            client_secret=secret,
            client_type=OAuthClient.CLIENT_CONFIDENTIAL,
            authorization_grant_type=OAuthClient.GRANT_CLIENT_CREDENTIALS,
            **limits,
        )

    return write(effect), secret


def secret_mark(client: OAuthClient) -> str:
    """What tells one secret of a client from the next, and nothing of the secret."""
    return hashlib.sha256(client.client_secret.encode()).hexdigest()[:16]


def rotate_client_secret(*, brand_id: int, client_pk: int, at: datetime, seen: str | None = None) -> str:
    """Give a client a new secret; the one before is refused from now on, tokens that were given out live to their end.

    `seen` is the mark of the secret that whoever replaces it has read of.
    Raises OAuthClientNotFound, CredentialInactive, SecretReplaced.
    """
    secret = str(generate_client_secret())

    def effect() -> str:
        client = _held(brand_id, client_pk)
        if client.revoked_at is not None:
            raise CredentialInactive
        if seen is not None and seen != secret_mark(client):
            raise SecretReplaced
        client.client_secret, client.rotated_at = secret, at
        client.save(update_fields=["client_secret", "rotated_at", "updated"])
        return secret

    return write(effect)


def revoke_oauth_client(*, brand_id: int, client_pk: int, at: datetime) -> bool:
    """End a client and every token that it was given; False when it was revoked before. Raises OAuthClientNotFound."""

    def effect() -> bool:
        client = _held(brand_id, client_pk)
        if client.revoked_at is not None:
            return False
        client.revoked_at = at
        client.save(update_fields=["revoked_at", "updated"])
        get_access_token_model().objects.filter(application_id=client.pk).delete()
        return True

    return write(effect)


def _held(brand_id: int, client_pk: int) -> OAuthClient:
    client = OAuthClient.objects.select_for_update(of=("self",), no_key=True).filter(brand_id=brand_id, pk=client_pk).first()
    if client is None:
        raise OAuthClientNotFound
    return client

"""OAuth clients: of a brand, by client credentials alone, with a secret that is kept as a hash and shown once."""

from datetime import timedelta

import pytest
from django.contrib.auth.hashers import check_password
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import get_access_token_model, get_application_model

from loyalty.errors import InvalidRequest
from tests.conftest import make_brand
from users.errors import CredentialInactive, CredentialMade, OAuthClientNotFound, SecretReplaced
from users.models import OAuthClient
from users.services.oauth import create_oauth_client, new_client_id, revoke_oauth_client, rotate_client_secret, secret_mark

SCOPES = ["earnings:write", "catalogue:read"]


@pytest.fixture
def till(brand) -> OAuthClient:
    return create_oauth_client(brand_id=brand.pk, name="Till 7", scopes=SCOPES)[0]


def known(till: OAuthClient) -> dict:
    return {"brand_id": till.brand_id, "client_pk": till.pk, "at": timezone.now()}


def test_the_toolkit_takes_our_clients_for_its_applications():
    assert get_application_model() is OAuthClient


def test_of_a_secret_only_a_hash_is_kept(brand):
    client, secret = create_oauth_client(brand_id=brand.pk, name="Till 7", scopes=SCOPES)

    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(c)::text FROM users_oauthclient c WHERE id = %s", [client.pk])
        (row,) = cursor.fetchone()
    assert secret not in row
    assert len(secret) >= 32
    client.refresh_from_db()
    assert check_password(secret, client.client_secret)
    assert (client.scopes, client.is_usable(None)) == (SCOPES, True)


def test_a_new_secret_takes_the_place_of_the_one_before(till):
    secret = rotate_client_secret(**known(till), seen=secret_mark(till))

    before, seen = till.client_secret, secret_mark(till)
    till.refresh_from_db()
    assert check_password(secret, till.client_secret)
    assert before != till.client_secret
    assert till.rotated_at is not None
    with pytest.raises(SecretReplaced):
        rotate_client_secret(**known(till), seen=seen)


def test_who_is_revoked_loses_all_its_tokens_and_gets_no_secret_any_more(till, brand):
    other, _ = create_oauth_client(brand_id=brand.pk, name="Till 8", scopes=SCOPES)
    tokens, soon = get_access_token_model().objects, timezone.now() + timedelta(hours=1)
    for client in (till, other):
        tokens.create(application=client, token=f"token of {client.pk}", expires=soon, scope="")

    assert [revoke_oauth_client(**known(till)) for _ in range(2)] == [True, False]

    assert list(tokens.filter(application__brand=brand).values_list("application", flat=True)) == [other.pk]
    till.refresh_from_db()
    assert not till.is_usable(None)
    with pytest.raises(CredentialInactive):
        rotate_client_secret(**known(till))


def test_another_brand_has_no_such_client(till):
    theirs = known(till) | {"brand_id": make_brand().pk}
    for verb in (rotate_client_secret, revoke_oauth_client):
        with pytest.raises(OAuthClientNotFound):
            verb(**theirs)


def test_a_form_that_is_sent_twice_makes_one_client(brand):
    terms = {"brand_id": brand.pk, "name": "Till 7", "scopes": SCOPES, "client_id": new_client_id()}
    create_oauth_client(**terms)

    with pytest.raises(CredentialMade):
        create_oauth_client(**terms)

    assert OAuthClient.objects.filter(brand=brand).count() == 1


@pytest.mark.parametrize("terms", [{"name": " "}, {"name": "x" * 101}, {"scopes": []}, {"scopes": ["users:read"]}], ids=str)
def test_a_client_needs_a_name_and_known_scopes(brand, terms):
    with pytest.raises(InvalidRequest, match=next(iter(terms))):
        create_oauth_client(**{"brand_id": brand.pk, "name": "Till 7", "scopes": SCOPES} | terms)


@pytest.mark.parametrize(
    "fields",
    [
        {"authorization_grant_type": "password"},
        {"client_type": "public"},
        {"hash_client_secret": False},
        {"redirect_uris": "https://example.org"},
        {"algorithm": "HS256"},
        {"scopes": []},
    ],
    ids=str,
)
def test_the_database_keeps_clients_to_client_credentials(till, fields):
    with pytest.raises(DatabaseError, match="oauth_client"), transaction.atomic():
        OAuthClient.objects.filter(pk=till.pk).update(**fields)


@pytest.mark.parametrize("path", ["/o/token/", "/oauth/token", "/o/applications/", "/o/authorize/"])
def test_no_path_of_the_toolkit_leads_in(db, path):
    assert Client().post(path, {"grant_type": "client_credentials"}).status_code == 404

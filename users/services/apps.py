"""Apps of a brand: made, given new secrets, revoked. A secret is answered when it is made, and never again."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from oauth2_provider.generators import generate_client_id, generate_client_secret

from loyalty.database import write
from loyalty.errors import invalid_field
from users.errors import AppNotFound, CredentialInactive, CredentialMade
from users.models import App, SigningKey
from users.rules.app_tokens import LONGEST_LIFE, STILL_SIGNS
from users.services.secrets import encrypt

LONGEST_NAME, SIGNING_BYTES = 100, 32
LONGEST_OVERLAP = timedelta(days=365)


def new_app_id() -> str:
    """A name for an app to come."""
    return str(generate_client_id())


def create_app(*, brand_id: int, name: str, app_id: str | None = None, **limits: int) -> tuple[App, str, str]:
    """Make an app, and answer it with the partner's and the app's secret.

    `app_id` may be chosen beforehand, so that a form sent twice makes one app. `limits`: rate_per_second and burst.
    Raises CredentialMade, InvalidRequest naming name.
    """
    if not name.strip() or len(name) > LONGEST_NAME:
        raise invalid_field("name", f"1 to {LONGEST_NAME} characters")
    partner_secret, app_secret = str(generate_client_secret()), secrets.token_hex(SIGNING_BYTES)

    def effect() -> App:
        if app_id is not None and App.objects.filter(app_id=app_id).exists():
            raise CredentialMade
        return App.objects.create(
            brand_id=brand_id,
            name=name.strip(),
            partner_id=new_app_id(),
            app_id=app_id or new_app_id(),
            partner_secret=make_password(partner_secret, hasher="sha256_random"),
            app_secret=encrypt(app_secret),
            **limits,
        )

    return write(effect), partner_secret, app_secret


def rotate_partner_secret(*, brand_id: int, app_pk: int, at: datetime) -> str:
    """Give an app's back end a new secret; the one before is refused from now on, its tokens live to their end.

    Raises AppNotFound, CredentialInactive.
    """
    secret = str(generate_client_secret())

    def change(app: App) -> None:
        app.partner_secret, app.rotated_at = make_password(secret, hasher="sha256_random"), at
        app.save(update_fields=["partner_secret", "rotated_at"])

    _changed(brand_id, app_pk, change)
    return secret


def rotate_app_secret(*, brand_id: int, app_pk: int, overlap: timedelta, at: datetime) -> str:
    """Give an app a new secret to sign with; the one before signs, too, for `overlap` more.

    Raises AppNotFound, CredentialInactive, InvalidRequest naming overlap.
    """
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise invalid_field("overlap", f"from 0 to {LONGEST_OVERLAP.days} days")
    secret = secrets.token_hex(SIGNING_BYTES)

    def change(app: App) -> None:
        app.previous_secret, app.previous_until = (app.app_secret, at + overlap) if overlap else (None, None)
        app.app_secret, app.rotated_at = encrypt(secret), at
        app.save(update_fields=["app_secret", "previous_secret", "previous_until", "rotated_at"])

    _changed(brand_id, app_pk, change)
    return secret


def revoke_app(*, brand_id: int, app_pk: int, at: datetime) -> bool:
    """End an app and every token that it or its users were given, within five seconds; False when it was revoked before.

    Raises AppNotFound.
    """

    def change(app: App) -> None:
        app.revoked_at = at
        app.save(update_fields=["revoked_at"])

    try:
        _changed(brand_id, app_pk, change)
    except CredentialInactive:
        return False
    return True


def _changed(brand_id: int, app_pk: int, change: Callable[[App], None]) -> None:
    def effect() -> None:
        app = App.objects.select_for_update(no_key=True).filter(brand_id=brand_id, pk=app_pk).first()
        if app is None:
            raise AppNotFound
        if app.revoked_at is not None:
            raise CredentialInactive
        change(app)

    write(effect)


def rotate_signing_key(*, brand_id: int, at: datetime) -> SigningKey:
    """Sign the tokens of a brand's apps with a new key from now on. Nobody is logged out: what the one before has signed is
    taken until it expires. Keys that verify nothing any more go.
    """

    def effect() -> SigningKey:
        keys = SigningKey.objects.filter(brand_id=brand_id)
        keys.filter(verifies_until__lte=at).delete()
        keys.filter(verifies_until__isnull=True).update(verifies_until=at + LONGEST_LIFE + STILL_SIGNS)
        secret = encrypt(secrets.token_hex(SIGNING_BYTES))
        return SigningKey.objects.create(brand_id=brand_id, kid=secrets.token_hex(8), secret=secret, created_at=at)

    return write(effect)

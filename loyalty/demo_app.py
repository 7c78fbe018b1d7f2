"""What the demo's app needs: its names and secrets, and an ad of each kind. Made again without harm."""

from typing import Any

from django.utils import timezone

from rewards.models import Ad, AdKind
from users.errors import CredentialsWrong
from users.models import App, Brand
from users.services.app_tokens import proven_app
from users.services.apps import create_app
from users.services.secrets import decrypt

ADS = {
    AdKind.BONUS: ("Fifty points", "Complete your profile: it gives 50 points."),
    AdKind.SPECIALS: ("Double coffee", "Coffee counts twice this month."),
    AdKind.NEWS: ("We have moved", "Come and see our new place by the lake."),
}


def make_app(brand: Brand, known: dict[str, str]) -> dict[str, Any]:
    """Make what is missing, and answer the app's names and secrets as its calls take them; secrets that are known are kept."""
    for kind, (title, text) in ADS.items():
        Ad.objects.get_or_create(brand=brand, kind=kind, title=title, defaults={"text": text})
    return {"app": _app(brand, known)}


def _app(brand: Brand, known: dict[str, str]) -> dict[str, str]:
    terms = {name: known.get(name, "") for name in ("APMPartnerID", "partnerSecret", "appId", "appSecret")}
    try:
        app = proven_app(
            partner_id=terms["APMPartnerID"], app_id=terms["appId"], secret=terms["partnerSecret"], at=timezone.now()
        )
        if app.brand_id == brand.pk and decrypt(bytes(App.objects.get(pk=app.pk).app_secret)) == terms["appSecret"]:
            return terms
    except CredentialsWrong:
        pass
    app, partner_secret, app_secret = create_app(brand_id=brand.pk, name="demo app")
    return {
        "APMPartnerID": app.partner_id,
        "partnerSecret": partner_secret,
        "appId": app.app_id,
        "appSecret": app_secret,
    }

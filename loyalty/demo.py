"""The demo: two brands with everything needed to try each API. Made again without harm."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from loyalty.demo_app import make_app
from loyalty.demo_exchange import join, make_exchange, make_file_exchange
from loyalty.demo_programme import DemoProgramme, make_programme
from loyalty.demo_retail import make_retail
from loyalty.demo_staff import make_staff
from users.errors import InvalidApiKey
from users.models import Brand, Staff
from users.models.keys import ALL_SCOPES, READ_SCOPES
from users.services.keys import authenticate_key, create_api_key

BRANDS = [
    DemoProgramme("Aurora Coffee", "Aurora Points", "AUR", "Golden Bean", "BEAN"),
    DemoProgramme("Borealis Books", "Borealis Points", "BOR", "Silver Page", "PAGE"),
]


def demo_path() -> Path:
    """Where the demo's credentials are written."""
    path: Path = settings.VAR_DIR / "demo.json"
    return path


def make_demo(*, base_url: str, airline_url: str | None = None, sftp_url: str | None = None) -> dict[str, Any]:
    """Make what is missing of the demo, and write its ids and credentials to var/demo.json.

    Keys whose secret is still known from there are kept; others are made anew, for only their digests are stored.
    `airline_url` and `sftp_url` are where the sandbox airline listens; without them the airlines stay where they were.
    """
    known = _known()
    with transaction.atomic():
        admin = _make_admin(known["admin"], base_url)
        brands = [_make_brand(plan, known["brands"].get(plan.name, {}), airline_url) for plan in BRANDS]
        join(*brands)
        borealis = Brand.objects.get(pk=brands[1]["id"])
        make_file_exchange(borealis, brands[1]["tokens"]["points"], sftp_url=sftp_url)
    demo = {"base_url": base_url, "admin": admin, "brands": brands}
    settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    fresh = demo_path().with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(demo, file, indent=2)
    fresh.rename(demo_path())
    return demo


def _known() -> dict[str, dict[str, Any]]:
    """The credentials of an earlier demo, as far as the file can be read."""
    try:
        demo = json.loads(demo_path().read_text())
        return {"admin": dict(demo["admin"]), "brands": {brand["name"]: brand for brand in demo["brands"]}}
    except (OSError, ValueError, KeyError, TypeError):
        return {"admin": {}, "brands": {}}


def _make_admin(known: dict[str, str], base_url: str) -> dict[str, str]:
    """Someone of the house, whose password is kept while it is known and made anew otherwise."""
    staff, _ = Staff.objects.get_or_create(username="admin", defaults={"is_staff": True, "is_superuser": True})
    password = known.get("password", "")
    if not (password and staff.check_password(password)):
        password = secrets.token_urlsafe(12)
        staff.set_password(password)
        staff.save(update_fields=["password"])
    return {"url": f"{base_url}/admin/", "username": staff.username, "password": password}


def _make_brand(plan: DemoProgramme, known: dict[str, Any], airline_url: str | None) -> dict[str, Any]:
    brand, _ = Brand.objects.get_or_create(
        name=plan.name,
        defaults={
            "languages": ["en", "fr", "de", "it"],
            "currency": "EUR",
            "time_zone": "Europe/Zurich",
            "sandbox": True,
        },
    )
    programme = make_programme(brand, plan)
    programme["tokens"]["miles"] = make_exchange(brand, programme["tokens"]["points"], airline_url=airline_url)
    return {
        "id": str(brand.pk),
        "name": brand.name,
        "api_key": _key(brand, known.get("api_key"), ALL_SCOPES, "demo"),
        "read_only_api_key": _key(brand, known.get("read_only_api_key"), READ_SCOPES, "demo, read only"),
        "staff": make_staff(brand, known.get("staff") or {}),
        **programme,
        **make_retail(brand, programme["tokens"]["points"], known.get("retail") or {}),
        **make_app(brand, known.get("app") or {}),
    }


def _key(brand: Brand, known: str | None, scopes: list[str], label: str) -> str:
    try:
        caller = authenticate_key(known or "")
        if caller.brand_id == brand.pk and caller.scopes == frozenset(scopes) and known:
            return known
    except InvalidApiKey:
        pass
    return create_api_key(brand=brand, scopes=scopes, label=label)[1]

"""The demo: two brands with everything needed to try each API. Made again without harm."""

import json
import os
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from ledger.models import Token
from ledger.models.tokens import TokenType
from ledger.rules.expiry import ExpiryUnit
from users.errors import InvalidApiKey
from users.models import Brand
from users.models.keys import ALL_SCOPES, READ_SCOPES
from users.services.keys import authenticate_key, create_api_key

EXPIRY_DAYS = 365


@dataclass(frozen=True, slots=True)
class DemoBrand:
    """What tells one demo brand from the other."""

    name: str
    points: str
    symbol: str


BRANDS = [DemoBrand("Aurora Coffee", "Aurora Points", "AUR"), DemoBrand("Borealis Books", "Borealis Points", "BOR")]


def demo_path() -> Path:
    """Where the demo's credentials are written."""
    path: Path = settings.VAR_DIR / "demo.json"
    return path


def make_demo(*, base_url: str) -> dict[str, Any]:
    """Make what is missing of the demo, and write its ids and credentials to var/demo.json.

    Keys whose secret is still known from there are kept; others are made anew, for only their digests are stored.
    """
    known = _known()
    with transaction.atomic():
        brands = [_make_brand(plan, known.get(plan.name, {})) for plan in BRANDS]
    demo = {"base_url": base_url, "brands": brands}
    settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    fresh = demo_path().with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(demo, file, indent=2)
    fresh.rename(demo_path())
    return demo


def _known() -> dict[str, dict[str, Any]]:
    try:
        return {brand["name"]: brand for brand in json.loads(demo_path().read_text())["brands"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _make_brand(plan: DemoBrand, known: dict[str, Any]) -> dict[str, Any]:
    brand, _ = Brand.objects.get_or_create(
        name=plan.name,
        defaults={
            "languages": ["en", "fr", "de", "it"],
            "currency": "EUR",
            "time_zone": "Europe/Zurich",
            "sandbox": True,
        },
    )
    return {
        "id": str(brand.pk),
        "name": brand.name,
        "api_key": _key(brand, known.get("api_key"), ALL_SCOPES, "demo"),
        "read_only_api_key": _key(brand, known.get("read_only_api_key"), READ_SCOPES, "demo, read only"),
        "tokens": {
            "points": _token(brand, plan.points, plan.symbol, onramp=Decimal("0.01"), offramp=Decimal("0.01")),
            "expiring": _token(
                brand, f"{plan.points} Plus", f"{plan.symbol}X", expiry_unit=ExpiryUnit.DAYS.value, expiry_count=EXPIRY_DAYS
            ),
        },
    }


def _key(brand: Brand, known: str | None, scopes: list[str], label: str) -> str:
    try:
        caller = authenticate_key(known or "")
        if caller.brand_id == brand.pk and caller.scopes == frozenset(scopes) and known:
            return known
    except InvalidApiKey:
        pass
    return create_api_key(brand=brand, scopes=scopes, label=label)[1]


def _token(brand: Brand, name: str, symbol: str, **terms: Any) -> int:
    token, _ = Token.objects.get_or_create(brand=brand, symbol=symbol, type=TokenType.ERC20, defaults={"name": name, **terms})
    return token.pk

"""What the demo's points may become: miles of three airlines, all of them the sandbox, and the other brand's points."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from exchange.models import AdapterKind, Partnership, PartnershipState, Provider
from exchange.sandbox.files import files_folder, public_key
from exchange.sandbox.server import CREDENTIAL_ID, SECRET
from exchange.services.credentials import set_secret
from exchange.services.partnerships import (
    PartnershipTerms,
    approve_partnership,
    request_partnership,
)
from ledger.models import Token
from ledger.models.tokens import TokenType
from users.models import Brand, PartnerProgramme

AIRLINES = {"etihad": Decimal(10), "miles_and_more": Decimal(5), "alaska": Decimal(2)}
FEWEST, MOST = 10, 100_000
FILE_AIRLINE = ("flying_blue", Decimal(4))
DEFAULT_AIRLINE, DEFAULT_SFTP = "http://127.0.0.1:8100", "sftp://127.0.0.1:8122"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def make_exchange(brand: Brand, points_id: int, *, airline_url: str | None) -> dict[str, int]:
    """Make what is missing of a brand's providers and partnerships; answers the tokens of their miles."""
    at = {name: f"{airline_url or DEFAULT_AIRLINE}/{name}" for name in AIRLINES}
    return {name: _airline(brand, points_id, name, rate, at[name], moved=bool(airline_url)) for name, rate in AIRLINES.items()}


def make_file_exchange(brand: Brand, points_id: int, *, sftp_url: str | None) -> None:
    """Do so for the airline that takes accrual files."""
    name, rate = FILE_AIRLINE
    address = f"{sftp_url or DEFAULT_SFTP}/{name}"
    miles_id = _airline(brand, points_id, name, rate, address, moved=bool(sftp_url))
    terms = {"host_key": public_key(files_folder()), "interval_seconds": 2}
    Provider.objects.filter(brand=brand, token_id=miles_id).update(adapter=AdapterKind.ACCRUAL_FILES, terms=terms)


def _airline(brand: Brand, points_id: int, name: str, rate: Decimal, address: str, *, moved: bool) -> int:
    programme = PartnerProgramme.objects.get(implementation_name=name)
    miles, _ = Token.objects.get_or_create(
        brand=brand, symbol=name.upper()[:20], type=TokenType.MILES, defaults={"name": f"{programme.name} miles"}
    )
    provider, made = Provider.objects.get_or_create(
        brand=brand,
        programme=programme,
        defaults={
            "token": miles,
            "adapter": AdapterKind.LCP,
            "address": address,
            "terms": {"validate_members": True},
            "credential_id": CREDENTIAL_ID,
        },
    )
    if made:
        set_secret(provider=provider, secret=SECRET)
    if moved:
        reachable: dict[str, Any] = {"failures": 0, "open_until": None, "files_failures": 0, "files_due_at": None}
        Provider.objects.filter(pk=provider.pk).update(address=address, **reachable)
    terms = PartnershipTerms(
        brand_id=brand.pk, token_a_id=points_id, provider_id=provider.pk, rate=rate, minimum=FEWEST, maximum=MOST
    )
    _agree(terms, token_b=miles)
    return miles.pk


def join(giving: dict[str, Any], receiving: dict[str, Any]) -> None:
    """Two of the first brand's points may become one of the second's."""
    token_b = Token.objects.get(pk=receiving["tokens"]["points"])
    terms = PartnershipTerms(
        brand_id=int(giving["id"]),
        token_a_id=giving["tokens"]["points"],
        token_b_id=token_b.pk,
        rate=Decimal("0.5"),
        minimum=2,
        maximum=MOST,
    )
    _agree(terms, token_b=token_b)


def _agree(terms: PartnershipTerms, *, token_b: Token) -> None:
    known: dict[str, Any] = {"brand_id": terms.brand_id, "token_a_id": terms.token_a_id, "token_b": token_b}
    if Partnership.objects.filter(**known).exclude(state=PartnershipState.CANCELLED).exists():
        return
    made = request_partnership(terms=terms, actor="demo", at=BEGAN)
    if made.partner_brand_id is not None:
        approve_partnership(partner_brand_id=made.partner_brand_id, partnership_id=made.pk, actor="demo", at=BEGAN)

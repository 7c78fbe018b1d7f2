"""What an exchange needs, for tests: miles, a provider, a partnership; and the sandbox airline as a real server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.utils import timezone

from exchange.models import (
    AdapterKind,
    AnswerFile,
    AnswerState,
    Difference,
    DifferenceKind,
    ExchangeOrder,
    Partnership,
    Provider,
)
from exchange.rules.orders import OPEN, OrderState
from exchange.sandbox.ledger import AirlineLedger
from exchange.sandbox.server import CREDENTIAL_ID, SECRET, Airline
from exchange.services.accruals import make_file
from exchange.services.credentials import set_secret
from exchange.services.driving import drive_orders
from exchange.services.orders import ExchangeRequest, accept_exchange
from exchange.services.partnerships import PartnershipTerms, approve_partnership, request_partnership
from ledger.models import Token, TransactionType
from ledger.models.tokens import TokenType
from tests.conftest import make_token
from users.models import Brand, Member, PartnerProgramme

NUMBER = "100200300400"
NOWHERE = "http://127.0.0.1:9"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
OPEN_STATES = [state.value for state in OPEN]


def make_provider(brand: Brand, *, address: str = NOWHERE, name: str = "etihad", **terms: Any) -> Provider:
    programme = PartnerProgramme.objects.get(implementation_name=name)
    miles = make_token(brand, name="Miles", symbol="MI", type=TokenType.MILES)
    provider = Provider.objects.create(
        brand=brand,
        programme=programme,
        token=miles,
        adapter=AdapterKind.LCP,
        address=f"{address}/{name}",
        credential_id=CREDENTIAL_ID,
        **terms,
    )
    set_secret(provider=provider, secret=SECRET)
    return provider


def make_partnership(provider: Provider, token: Token, **terms: Any) -> Partnership:
    """Ten miles for a point, unless said otherwise."""
    terms = {"rate": Decimal(10)} | terms
    wanted = PartnershipTerms(brand_id=token.brand_id, token_a_id=token.pk, provider_id=provider.pk, **terms)
    return request_partnership(terms=wanted, actor="test", at=timezone.now())


def make_brands_partnership(token_a: Token, token_b: Token, **terms: Any) -> Partnership:
    """Two points of A for one of B, approved by B's brand."""
    terms = {"rate": Decimal("0.5")} | terms
    wanted = PartnershipTerms(brand_id=token_a.brand_id, token_a_id=token_a.pk, token_b_id=token_b.pk, **terms)
    asked = request_partnership(terms=wanted, actor="test", at=timezone.now())
    return approve_partnership(partner_brand_id=token_b.brand_id, partnership_id=asked.pk, actor="test", at=timezone.now())


def request_of(member: Member, token: Token, points: int, **terms: Any) -> ExchangeRequest:
    terms = {"provider_name": "etihad", "number_override": NUMBER, "type": TransactionType.POINTS_TO_EXTERNAL_REWARDS} | terms
    return ExchangeRequest(
        brand_id=member.brand_id,
        auth_id=str(member.auth_id),
        token_a_id=token.pk,
        points=points,
        actor="test",
        **terms,
    )


def exchange(member: Member, token: Token, points: int, **terms: Any) -> ExchangeOrder:
    accepted = accept_exchange(request=request_of(member, token, points, **terms), at=timezone.now())
    return ExchangeOrder.objects.get(pk=accepted.order_id)


def drive(*, rounds: int = 1) -> None:
    """Drive what is due; whatever was put off is due at once, in each round."""
    for _ in range(rounds):
        ExchangeOrder.objects.filter(state__in=OPEN_STATES).update(due_at=LONG_AGO)
        Provider.objects.filter(open_until__isnull=False).update(open_until=LONG_AGO)
        drive_orders(clock=timezone.now, until=timezone.now() + timedelta(seconds=30))


@contextmanager
def airline_at(folder: Path, **terms: Any) -> Iterator[tuple[str, Airline]]:
    """The sandbox airline, and where it listens."""
    server = Airline(("127.0.0.1", 0), AirlineLedger(folder / "airline.sqlite3"), **terms)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", server
    finally:
        server.shutdown()
        server.server_close()


def make_exchanges(brand: Brand, member: Member, token: Token) -> ExchangeOrder:
    """A row in each table of the exchange: an order that a file took along, an answer to it, a difference."""
    provider = make_provider(brand, name="flying_blue")
    make_partnership(provider, token)
    order = exchange(member, token, 10, provider_name="flying_blue", number_override="1234567890")
    ExchangeOrder.objects.filter(pk=order.pk).update(state=OrderState.SUBMITTED.value)
    ExchangeOrder.objects.filter(pk=order.pk).update(state=OrderState.PENDING.value)
    file = make_file(provider=provider, at=LONG_AGO)
    known = {"brand": brand, "provider": provider}
    name = {"name": "1.ans", "size": 1, "modified": 1, "sha256": "0" * 64, "sequence": 1, "answers": file}
    AnswerFile.objects.create(**known, **name, state=AnswerState.READ)
    kind = {"kind": DifferenceKind.ONLY_THERE, "reference": "unheard of", "theirs": 7}
    Difference.objects.create(**known, **kind, day=LONG_AGO.date(), found_at=LONG_AGO)
    return order

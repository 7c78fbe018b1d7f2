"""Fixtures: a member with points, and a provider that is the sandbox airline over HTTP."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from exchange.models import Provider
from exchange.sandbox import ledger as sandbox_ledger
from exchange.sandbox import server as sandbox_server
from exchange.sandbox.server import Airline
from exchange.services.adapters import close_adapters
from ledger.models import Token
from ledger.services.points import PointsOrder, credit_points
from tests.exchange.world import airline_at, make_partnership, make_provider
from users.models import Brand, Member

POINTS = 10_000


@pytest.fixture
def airline(tmp_path, monkeypatch) -> Iterator[tuple[str, Airline]]:
    monkeypatch.setattr(sandbox_ledger, "DECIDED_AFTER_SECONDS", 0.2)
    monkeypatch.setattr(sandbox_server, "HANG_SECONDS", 2)
    with airline_at(tmp_path) as running:
        yield running
        close_adapters()


@pytest.fixture
def rich(member: Member, token: Token) -> Member:
    """The member, with 10,000 points."""
    order = PointsOrder(brand_id=member.brand_id, auth_id=str(member.auth_id), token_id=token.pk, amount=POINTS, actor="test")
    credit_points(order=order, at=timezone.now() - timedelta(days=1))
    return member


@pytest.fixture
def provider(brand: Brand, token: Token, airline: tuple[str, Airline]) -> Provider:
    """Etihad, ten miles for a point."""
    made = make_provider(brand, address=airline[0], timeout_seconds=1)
    make_partnership(made, token)
    return made

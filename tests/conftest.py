"""Fixtures: real parts only. A test that commits makes a brand of its own instead of wiping tables behind itself."""

import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, connections
from django.test.utils import setup_databases, teardown_databases

from ledger.models import Token
from ledger.rules.expiry import ExpiryUnit
from tests.clients import Partner
from users.models import Brand, Member
from users.models.keys import ALL_SCOPES
from users.services.keys import create_api_key

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
LEFT_OPEN = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()
"""


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment, django_db_blocker, django_db_modify_db_settings) -> Iterator[None]:
    """Make the test database in every run: pytest-django makes none where every test commits, by its own lights."""
    with django_db_blocker.unblock():
        databases = setup_databases(verbosity=0, interactive=False)
    yield
    with django_db_blocker.unblock(), suppress(DatabaseError):  # the server goes with the run, and its databases with it
        teardown_databases(databases, verbosity=0)


@pytest.fixture
def committed(django_db_setup, django_db_blocker) -> Iterator[None]:
    """The database without a transaction around the test: what is written stays, behind the walls of its own brand."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()


def make_brand(**terms) -> Brand:
    terms = {"languages": ["en", "fr", "de", "it"], "time_zone": "Europe/Zurich", "sandbox": True} | terms
    return Brand.objects.create(name=f"Brand {secrets.token_hex(6)}", **terms)


def make_token(brand: Brand, **terms) -> Token:
    return Token.objects.create(brand=brand, **({"name": "Points", "symbol": "PTS"} | terms))


def make_expiring_token(brand: Brand, days: int = 10) -> Token:
    return make_token(brand, name="Fading", symbol="FAD", expiry_unit=ExpiryUnit.DAYS, expiry_count=days)


def make_member(brand: Brand, **profile) -> Member:
    name = secrets.token_hex(6)
    return Member.objects.create(brand=brand, **({"auth_id": name, "email": f"{name}@example.org"} | profile))


@pytest.fixture
def brand(db) -> Brand:
    return make_brand()


@pytest.fixture
def token(brand: Brand) -> Token:
    return make_token(brand)


@pytest.fixture
def member(brand: Brand) -> Member:
    return make_member(brand)


@pytest.fixture
def partner(brand: Brand) -> Partner:
    """The brand's own system, calling the Partner API in process."""
    return Partner.of(brand)


@pytest.fixture
def own_brand(committed: None) -> Brand:
    """A brand whose rows are committed."""
    return make_brand()


@pytest.fixture
def nothing_left_open(committed: None) -> None:
    """Nothing is told that a running transaction may still add to: one that a test left open would hold all back."""
    with connection.cursor() as cursor:
        cursor.execute(LEFT_OPEN)


def make_key(brand: Brand, **terms) -> str:
    return create_api_key(brand=brand, **({"scopes": ALL_SCOPES} | terms))[1]

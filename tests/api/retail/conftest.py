"""Fixtures of the Retail API's tests: a till, and what a brand needs for it."""

import pytest

from ledger.models import Token
from rewards.models import Programme
from tests.clients import RetailClient, own_address
from users.models import Brand, Member, Segment, SegmentMember


def stranger(token: str | None = None) -> RetailClient:
    """Someone with a token that may be none, from an address of their own."""
    return RetailClient(token, client=own_address())


def make_segment(brand: Brand, name: str, *members: Member) -> Segment:
    segment = Segment.objects.create(brand=brand, name=name)
    for member in members:
        SegmentMember.objects.create(brand=brand, segment=segment, member=member)
    return segment


@pytest.fixture
def till(brand: Brand) -> RetailClient:
    return RetailClient.of(brand)


@pytest.fixture
def programme(brand: Brand, token: Token) -> Programme:
    return Programme.objects.create(brand=brand, token=token)

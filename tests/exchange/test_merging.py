"""A duplicate is merged while its points, or another brand's, are on their way: they arrive at the member who is kept."""

from django.utils import timezone

from exchange.models import ExchangeOrder
from exchange.services.settling import refuse, settle
from ledger.models import Token
from tests.conftest import make_brand, make_member, make_token
from tests.exchange.world import (
    drive,
    exchange,
    make_brands_partnership,
    make_partnership,
    make_provider,
)
from tests.ledger.orders import account_of, move
from users.models import Brand, Email, Member
from users.services.merging import merge_members


def merge(keep: Member, duplicate: Member) -> None:
    terms = {"keep_id": keep.pk, "duplicate_id": duplicate.pk, "actor": "staff:1", "at": timezone.now()}
    merge_members(brand_id=keep.brand_id, **terms)


def merged_with_an_exchange(brand: Brand, token: Token) -> tuple[Member, ExchangeOrder]:
    """A member who is kept, and an order that the duplicate made before the merge."""
    keep, duplicate = make_member(brand), make_member(brand)
    make_partnership(make_provider(brand), token)
    move(duplicate, token, 100)
    order = exchange(duplicate, token, 60)
    merge(keep, duplicate)
    return keep, ExchangeOrder.objects.get(pk=order.pk)


def test_a_refused_exchange_of_the_duplicate_gives_its_points_to_the_kept_one(brand, token):
    keep, order = merged_with_an_exchange(brand, token)

    refuse(order, code="no_such_number", detail="", at=timezone.now())

    assert (order.state, order.reversal is not None) == ("refused", True)
    assert account_of(keep, token).balance == 100
    assert Email.objects.get(brand=brand).recipient == keep.email


def test_miles_that_come_after_the_refusal_are_taken_from_the_kept_one(brand, token):
    keep, order = merged_with_an_exchange(brand, token)
    refuse(order, code="no_such_number", detail="", at=timezone.now())

    settle(order, timezone.now())

    assert order.state == "settled"
    assert account_of(keep, token).balance == 40


def test_points_of_another_brand_on_their_way_to_the_duplicate_arrive_at_the_kept_one(brand, token):
    keep, duplicate, other = make_member(brand), make_member(brand), make_brand()
    theirs, sender = make_token(other), make_member(other)
    partnership = make_brands_partnership(theirs, token)
    move(sender, theirs, 100)
    terms = {"provider_name": None, "token_b_id": token.pk, "type": "exchange", "number_override": duplicate.auth_id}
    order = exchange(sender, theirs, 10, **terms)

    merge(keep, duplicate)
    drive(rounds=2)

    order.refresh_from_db()
    assert (order.state, order.partnership, account_of(keep, token).balance) == ("settled", partnership, 5)

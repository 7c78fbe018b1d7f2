"""What staff may change of a token, and what stays."""

from datetime import timedelta
from decimal import Decimal

import pytest

from ledger.errors import TokenNotFound
from ledger.models import Lot
from ledger.services.tokens import change_token
from loyalty.errors import InvalidRequest
from tests.conftest import NOON, make_brand, make_expiring_token
from tests.ledger.orders import move


def test_what_may_change_changes_and_nothing_else(brand, token):
    changes = {"name": "Stars", "countries": ["CHE"], "onramp": Decimal("0.5"), "expiry_unit": "days", "expiry_count": 30}

    change_token(brand_id=brand.pk, token_id=token.pk, changes=changes)

    before = {"symbol": token.symbol, "address": token.address, "type": token.type}
    token.refresh_from_db()
    assert {name: getattr(token, name) for name in changes} == changes
    assert {name: getattr(token, name) for name in before} == before


@pytest.mark.parametrize("name", ["brand", "brand_id", "type", "address", "id"])
def test_what_others_rest_on_stays(brand, token, name):
    with pytest.raises(InvalidRequest) as refusal:
        change_token(brand_id=brand.pk, token_id=token.pk, changes={name: "erc721"})

    assert refusal.value.errors[0].field == name


@pytest.mark.parametrize("changes", [{"onramp": Decimal(-1)}, {"expiry_unit": "days"}, {"status": "gone"}, {"name": ""}])
def test_what_makes_no_sense_is_refused_by_name(brand, token, changes):
    with pytest.raises(InvalidRequest) as refusal:
        change_token(brand_id=brand.pk, token_id=token.pk, changes=changes)

    assert refusal.value.errors


def test_another_brands_token_is_not_found(token):
    with pytest.raises(TokenNotFound):
        change_token(brand_id=make_brand().pk, token_id=token.pk, changes={"name": "Stars"})


def test_another_policy_holds_from_then_on_and_leaves_open_lots(brand, member):
    token = make_expiring_token(brand, days=10)
    move(member, token, 5)

    change_token(brand_id=brand.pk, token_id=token.pk, changes={"expiry_count": 20})
    token.refresh_from_db()
    move(member, token, 5, at=NOON + timedelta(days=1))

    lapses = Lot.objects.filter(account__member=member).order_by("sequence").values_list("expires_at", flat=True)
    assert list(lapses) == [NOON + timedelta(days=10), NOON + timedelta(days=21)]

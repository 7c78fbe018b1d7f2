"""Partnerships change by their sides alone, each step is kept, and nobody agrees to what they have not read."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from exchange.errors import OrderMoved, PartnershipNotFound
from exchange.models import Partnership, PartnershipChange, PartnershipState
from exchange.services.partnerships import (
    Offer,
    PartnershipTerms,
    approve_partnership,
    cancel_partnership,
    change_partnership,
    last_change_id,
    request_partnership,
    withdraw_proposal,
)
from loyalty.errors import InvalidRequest
from tests.conftest import make_brand, make_token
from tests.exchange.world import exchange, make_brands_partnership, make_partnership, make_provider
from users.models import Brand

DOUBLE = Offer(rate=Decimal(20), minimum=5, maximum=500)


@pytest.fixture
def theirs(db) -> Brand:
    return make_brand()


@pytest.fixture
def agreed(token, theirs) -> Partnership:
    """Two points for one of theirs, and they agreed."""
    return make_brands_partnership(token, make_token(theirs))


def by(brand: Brand, row: Partnership, **further) -> dict:
    """The words of a decision of one side."""
    terms = {"partnership_id": row.pk, "actor": "staff:1", "reason": "the contract of May", "at": timezone.now()}
    return {"brand_id": brand.pk} | terms | further


def approve(brand: Brand, row: Partnership, **further) -> Partnership:
    terms = by(brand, row, **further)
    return approve_partnership(partner_brand_id=terms.pop("brand_id"), **terms)


def checked(act) -> None:
    """Do it, and do not put off what the database would check at the end."""
    act()
    connection.check_constraints()


def refused(act, match: str) -> None:
    with pytest.raises(DatabaseError, match=match), transaction.atomic():
        checked(act)


def verbs(row: Partnership) -> list[str]:
    return list(PartnershipChange.objects.filter(partnership=row).order_by("pk").values_list("verb", flat=True))


def terms_of(row: Partnership) -> tuple:
    row.refresh_from_db()
    return row.rate, row.minimum, row.maximum, row.state


def test_a_rate_of_ones_own_provider_changes_at_once_and_is_kept_with_its_reason(rich, token, provider):
    row = Partnership.objects.get(provider=provider)
    before = exchange(rich, token, 50)

    change_partnership(**by(row.brand, row, offer=DOUBLE))

    assert terms_of(row) == (20, 5, 500, "active")
    assert [before.received, exchange(rich, token, 50).received] == [500, 1000]
    kept = PartnershipChange.objects.filter(partnership=row).latest("pk")
    assert (kept.verb, kept.actor, kept.reason) == ("changed", "staff:1", "the contract of May")
    assert (kept.before["rate"], kept.after["rate"], kept.after["maximum"]) == ("10", "20", 500)


def test_other_terms_hold_only_once_the_receiving_brand_agrees(agreed, brand, theirs):
    change_partnership(**by(brand, agreed, offer=DOUBLE))
    assert terms_of(agreed)[0] == Decimal("0.5")

    with pytest.raises(PartnershipNotFound):
        approve(brand, agreed)
    approve(theirs, agreed)

    assert terms_of(agreed) == (20, 5, 500, "active")
    assert agreed.proposal is None
    assert verbs(agreed) == ["requested", "approved", "proposed", "approved"]
    with pytest.raises(OrderMoved):
        approve(theirs, agreed)


def test_nobody_agrees_to_terms_that_changed_after_they_were_read(agreed, brand, theirs):
    change_partnership(**by(brand, agreed, offer=DOUBLE))
    seen = last_change_id(agreed)
    change_partnership(**by(brand, agreed, offer=Offer(rate=Decimal(1000))))

    with pytest.raises(OrderMoved, match="meanwhile"):
        approve(theirs, agreed, seen=seen)

    assert terms_of(agreed)[0] == Decimal("0.5")
    approve(theirs, agreed, seen=last_change_id(agreed))
    assert terms_of(agreed)[0] == 1000


@pytest.mark.parametrize("side", ["brand", "theirs"])
def test_either_side_lets_the_old_terms_stand(agreed, brand, theirs, side):
    change_partnership(**by(brand, agreed, offer=DOUBLE))

    withdraw_proposal(**by({"brand": brand, "theirs": theirs}[side], agreed))

    assert terms_of(agreed)[0] == Decimal("0.5")
    with pytest.raises(OrderMoved):
        approve(theirs, agreed)
    with pytest.raises(OrderMoved):
        withdraw_proposal(**by(brand, agreed))


@pytest.mark.parametrize("side", ["brand", "theirs"])
def test_either_side_ends_it_and_a_proposal_with_it(agreed, brand, theirs, side):
    change_partnership(**by(brand, agreed, offer=DOUBLE))

    for _ in range(2):
        cancel_partnership(**by({"brand": brand, "theirs": theirs}[side], agreed))

    assert terms_of(agreed)[3] == "cancelled"
    assert verbs(agreed).count("cancelled") == 1
    with pytest.raises(OrderMoved):
        change_partnership(**by(brand, agreed, offer=DOUBLE))


def test_nobody_else_does_anything(agreed, theirs):
    stranger = make_brand()
    for verb in (cancel_partnership, withdraw_proposal):
        with pytest.raises(PartnershipNotFound):
            verb(**by(stranger, agreed))
    for brand in (stranger, theirs):
        with pytest.raises(PartnershipNotFound):
            change_partnership(**by(brand, agreed, offer=DOUBLE))
    with pytest.raises(PartnershipNotFound):
        approve(stranger, agreed)

    assert verbs(agreed) == ["requested", "approved"]


def test_what_is_still_asked_for_is_changed_in_place(token, theirs):
    terms = PartnershipTerms(brand_id=token.brand_id, token_a_id=token.pk, token_b_id=make_token(theirs).pk, rate=Decimal(1))
    row = request_partnership(terms=terms, actor="staff:1", at=timezone.now())
    seen = last_change_id(row)

    change_partnership(**by(token.brand, row, offer=DOUBLE))

    assert terms_of(row) == (20, 5, 500, "requested")
    with pytest.raises(OrderMoved, match="meanwhile"):
        approve(theirs, row, seen=seen)


@pytest.mark.parametrize(
    ("offer", "field"),
    [
        (Offer(rate=Decimal(0)), "rate"),
        (Offer(rate=Decimal("NaN")), "rate"),
        (Offer(rate=Decimal("1e16")), "rate"),
        (Offer(rate=Decimal("0.000000001")), "rate"),
        (Offer(minimum=0), "minimum"),
        (Offer(minimum=6, maximum=5), "minimum"),
        (Offer(maximum=10**13), "minimum"),
    ],
    ids=str,
)
def test_terms_that_no_partnership_can_have_are_refused(agreed, brand, offer, field):
    with pytest.raises(InvalidRequest, match=field):
        change_partnership(**by(brand, agreed, offer=offer))


def test_a_change_needs_a_reason_and_a_difference(agreed, brand):
    for verb in (cancel_partnership, withdraw_proposal):
        with pytest.raises(InvalidRequest, match="reason"):
            verb(**by(brand, agreed, reason=" "))
    with pytest.raises(InvalidRequest, match="reason"):
        change_partnership(**by(brand, agreed, offer=DOUBLE, reason="x" * 201))
    with pytest.raises(OrderMoved, match="already"):
        change_partnership(**by(brand, agreed, offer=Offer(rate=Decimal("0.50"))))
    change_partnership(**by(brand, agreed, offer=DOUBLE))
    with pytest.raises(OrderMoved, match="already"):
        change_partnership(**by(brand, agreed, offer=DOUBLE))


def test_history_never_changes_and_points_nowhere_else(agreed, brand, token):
    kept = PartnershipChange.objects.filter(partnership=agreed).first()
    other = make_partnership(make_provider(brand), token)

    for act, match in (
        (lambda: PartnershipChange.objects.filter(pk=kept.pk).update(reason="x"), "Cannot update"),
        (lambda: PartnershipChange.objects.filter(pk=kept.pk).delete(), "Cannot delete"),
        (lambda: PartnershipChange.objects.create(brand=make_brand(), partnership=agreed, actor="x"), "change_partnership_of"),
        (lambda: Partnership.objects.filter(pk=other.pk).update(proposal=kept), "partnership_proposal_of"),
        (
            lambda: Partnership.objects.filter(pk=agreed.pk).update(
                proposal=PartnershipChange.objects.filter(partnership=other).latest("pk")
            ),
            "partnership_proposal_of_its_own",
        ),
    ):
        refused(act, match)
    assert Partnership.objects.get(pk=agreed.pk).state == PartnershipState.ACTIVE

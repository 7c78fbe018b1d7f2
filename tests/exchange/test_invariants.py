"""The database itself refuses what must not be, whoever asks."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from exchange.errors import OrderMoved, PartnershipNotFound
from exchange.models import ExchangeAttempt, ExchangeMove, ExchangeOrder, Partnership, PartnershipState, Provider
from exchange.services.partnerships import approve_partnership
from ledger.models import Transaction
from tests.conftest import make_brand, make_member, make_token
from tests.exchange.world import drive, exchange, make_brands_partnership, make_partnership, make_provider


@pytest.fixture
def order(rich, token, provider) -> ExchangeOrder:
    return exchange(rich, token, 50)


def refused(act, match: str) -> None:
    with pytest.raises(DatabaseError, match=match), transaction.atomic():
        act_and_check(act)


def act_and_check(act) -> None:
    """Do it, and do not put off what the database would check at the end."""
    act()
    connection.check_constraints()


def change(row, **fields):
    return lambda: type(row).objects.filter(pk=row.pk).update(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"points": 51},
        {"received": 501},
        {"rate_numerator": Decimal(11)},
        {"remainder": Decimal("0.5")},
        {"reference": "00000000-0000-0000-0000-000000000000"},
    ],
    ids=str,
)
def test_the_terms_of_an_order_never_change(order, fields):
    refused(change(order, **fields), "exchange_keeps_its_terms")


@pytest.mark.parametrize("to", ["pending", "unknown"])
def test_an_order_moves_only_as_the_rules_say(order, to):
    refused(change(order, state=to), "Invalid transition")


def test_what_is_settled_stays_settled(order):
    drive()
    order.refresh_from_db()
    assert order.state == "settled"

    for to in ("accepted", "refused", "unknown", "parked"):
        refused(change(order, state=to, ended_at=None if to != "refused" else timezone.now()), "Invalid transition")


def test_an_order_that_is_over_has_an_instant_and_a_refusal_a_reason(order):
    refused(change(order, ended_at=timezone.now()), "exchange_ended_has_instant")
    refused(change(order, state="refused", ended_at=timezone.now()), "exchange_refusal_has_reason")


@pytest.mark.parametrize(
    "wrong", [{"received": 501}, {"received": 499}, {"remainder": Decimal(1)}, {"remainder": Decimal(-1)}], ids=str
)
def test_what_is_received_is_the_points_at_the_rate_rounded_down(rich, token, provider, wrong):
    made = exchange(rich, token, 50)
    twin = ExchangeOrder(**{field.attname: getattr(made, field.attname) for field in ExchangeOrder._meta.fields})
    twin.pk = twin.transaction_id = None
    twin.reference = "00000000-0000-0000-0000-000000000001"
    for name, value in wrong.items():
        setattr(twin, name, value)

    twin.transaction_id = made.transaction_id
    with pytest.raises(IntegrityError, match="exchange_received_is_rounded_down"), transaction.atomic():
        twin.save(force_insert=True)


def test_an_order_is_paid_by_its_own_member_and_with_just_its_points(rich, token, provider, order):
    twin = ExchangeOrder(**{field.attname: getattr(order, field.attname) for field in ExchangeOrder._meta.fields})
    twin.pk, twin.reference = None, "00000000-0000-0000-0000-000000000001"
    twin.transaction = Transaction.objects.get(account__member=rich, type="credit_points")

    refused(lambda: twin.save(force_insert=True), "is paid by its member")


def test_one_movement_pays_for_one_order(rich, token, provider):
    made = exchange(rich, token, 50)
    twin = ExchangeOrder(**{field.attname: getattr(made, field.attname) for field in ExchangeOrder._meta.fields})
    twin.pk, twin.reference = None, "00000000-0000-0000-0000-000000000001"

    refused(lambda: twin.save(force_insert=True), "transaction_id")


@pytest.mark.parametrize("model", [ExchangeOrder, ExchangeAttempt, ExchangeMove])
def test_nothing_of_an_exchange_is_ever_lost(order, model):
    drive()
    connection.check_constraints()

    refused(lambda: model.objects.all().delete(), "Cannot delete")
    refused(lambda: connection.cursor().execute(f"TRUNCATE {model._meta.db_table} CASCADE"), "Cannot truncate")


def test_what_an_attempt_brought_is_written_once(order):
    drive()
    attempt = order.calls.get()

    refused(change(attempt, outcome="refused"), "exchange_attempt_is_final")
    refused(change(order.moves.first(), reason="x"), "Cannot update")


def test_no_row_points_across_the_wall_between_brands(brand, rich, token, provider, order):
    other = make_brand()
    theirs = make_provider(other, name="alaska")
    other_member = make_member(other)
    agreed = Partnership.objects.get(brand=brand)

    refused(change(provider, token=make_token(other)), "provider_token_of_brand")
    refused(change(agreed, token_a=make_token(other)), "partnership_token_of_brand")
    refused(change(agreed, provider=theirs), "partnership_provider_of_brand")
    refused(lambda: ExchangeMove.objects.create(brand=other, order=order, came_from="a", went_to="b"), "exchange_move_of_brand")
    twin = ExchangeOrder(**{field.attname: getattr(order, field.attname) for field in ExchangeOrder._meta.fields})
    twin.pk, twin.reference, twin.member = None, "00000000-0000-0000-0000-000000000001", other_member
    refused(lambda: twin.save(force_insert=True), "is paid by its member")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"rate": Decimal(0)}, "partnership_rate_positive"),
        ({"minimum": 0}, "partnership_range"),
        ({"minimum": 9, "maximum": 8}, "partnership_range"),
        ({"provider": None}, "partnership_one_partner"),
        ({"approved_by": ""}, "partnership_active_is_approved"),
    ],
)
def test_a_partnership_makes_sense(provider, fields, name):
    refused(change(Partnership.objects.get(provider=provider), **fields), name)


def test_there_is_one_partnership_from_one_token_to_another(token, provider):
    twin = Partnership.objects.get(provider=provider)
    twin.pk = None
    refused(lambda: twin.save(force_insert=True), "partnership_once")
    with pytest.raises(OrderMoved, match="already"):
        make_partnership(provider, token)
    Partnership.objects.filter(provider=provider).update(state=PartnershipState.CANCELLED)

    make_partnership(provider, token)


def test_only_the_receiving_brand_approves_and_only_once(brand, token):
    theirs = make_brand()
    agreed = make_brands_partnership(token, make_token(theirs))

    with pytest.raises(OrderMoved):
        approve_partnership(partner_brand_id=theirs.pk, partnership_id=agreed.pk, actor="x", at=timezone.now())
    with pytest.raises(PartnershipNotFound):
        approve_partnership(partner_brand_id=brand.pk, partnership_id=agreed.pk, actor="x", at=timezone.now())


def test_secrets_are_unreadable_at_rest_and_kept_out_of_words(provider):
    from exchange.sandbox.server import SECRET
    from exchange.services.credentials import secret_of

    assert secret_of(provider) == SECRET
    assert SECRET.encode() not in bytes(Provider.objects.get(pk=provider.pk).secret)
    assert SECRET not in f"{provider} {provider!r} {provider.__dict__}"


def test_a_secret_may_stand_in_the_environment(provider, monkeypatch):
    from exchange.services.credentials import secret_of

    monkeypatch.setenv("EXCHANGE_SECRET_ETIHAD", "from the environment")
    provider.secret_variable = "EXCHANGE_SECRET_ETIHAD"

    assert secret_of(provider) == "from the environment"

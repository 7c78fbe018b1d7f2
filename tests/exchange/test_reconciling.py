"""A day of ours against the partner's statement: what agrees, what is repaired, what staff must resolve."""

import csv
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from exchange.adapters.base import StatementUnavailableError
from exchange.errors import DifferenceNotFound, OrderMoved
from exchange.models import Difference, ExchangeOrder, Provider
from exchange.rules.reconciling import Side, StatementLine, StatementUnreadableError, compare, read_statement
from exchange.sandbox import server as sandbox_server
from exchange.sandbox.ledger import Order
from exchange.services.reconciling import reconcile, reconcile_all, resolve_difference
from ledger.models import Account, Transaction
from loyalty.errors import InvalidRequest
from tests.exchange.conftest import POINTS
from tests.exchange.world import drive, exchange

TODAY = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = TODAY.date()
MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)


def line(reference: str, amount: int, at: datetime = TODAY) -> StatementLine:
    return StatementLine(reference, amount, at)


@pytest.mark.parametrize(
    ("ours", "theirs", "kinds"),
    [
        ({"a": Side("settled", 10, TODAY)}, [line("a", 10)], []),
        ({"a": Side("settled", 10, TODAY)}, [line("a", 11)], ["other_amount"]),
        ({"a": Side("settled", 10, TODAY)}, [line("a", 10), line("a", 10)], ["other_amount"]),
        ({"a": Side("unknown", 10, None)}, [line("a", 10)], ["open_here"]),
        ({"a": Side("refused", 10, TODAY)}, [line("a", 10)], ["refused_here"]),
        ({}, [line("a", 10)], ["only_there"]),
        ({"a": Side("settled", 10, TODAY)}, [], ["only_here"]),
        ({"a": Side("refused", 10, TODAY)}, [], []),
        ({"a": Side("unknown", 10, None), "b": Side("parked", 10, None)}, [], ["undecided", "undecided"]),
        ({"a": Side("accepted", 10, None)}, [], []),
        # Doubled there days later, or found out here days later.
        ({"a": Side("settled", 10, TODAY - timedelta(days=7))}, [line("a", 10)], ["credited_again"]),
        ({"a": Side("settled", 10, TODAY + timedelta(days=7))}, [line("a", 10)], []),
        # Credited there before midnight, settled here after it, and the other way round.
        ({"a": Side("settled", 10, MIDNIGHT + timedelta(seconds=3))}, [line("a", 10, MIDNIGHT - timedelta(seconds=2))], []),
        ({"a": Side("settled", 10, MIDNIGHT - timedelta(seconds=3))}, [line("a", 10, MIDNIGHT)], []),
        # Of another day: that day's run tells.
        ({}, [line("a", 10, TODAY - timedelta(days=1))], []),
        ({"a": Side("settled", 10, TODAY + timedelta(days=1))}, [], []),
    ],
)
def test_two_statements_are_compared(ours, theirs, kinds):
    assert [finding.kind for finding in compare(DAY, ours, theirs)] == kinds


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ([], "line 1"),
        (["reference,amount"], "line 1"),
        (["reference,amount,credited_at", "a,1.5,2026-11-24T00:00:00Z"], "line 2, amount"),
        (["reference,amount,credited_at", "a,0,2026-11-24T00:00:00Z"], "line 2, amount"),
        (["reference,amount,credited_at", "a,1,yesterday"], "line 2, credited_at"),
        (["reference,amount,credited_at", "a b,1,2026-11-24"], "line 2, reference"),
        (["reference,amount,credited_at", "a,1"], "line 2, credited_at"),
    ],
)
def test_a_statement_with_a_line_that_is_none_is_refused_whole(rows, named):
    with pytest.raises(StatementUnreadableError, match=named):
        read_statement(rows)


def today():
    return timezone.now().astimezone(UTC).date()


def run(provider: Provider, **terms):
    return reconcile(provider=provider, day=today(), at=timezone.now(), **terms)


def test_what_agrees_leaves_no_difference(rich, token, provider):
    orders = [exchange(rich, token, points) for points in (100, 200, 93)]
    drive()

    done = run(provider)

    assert (done.differences, done.repaired) == ([], 0)
    credited = {str(order.reference): order.received for order in orders[:2]}
    assert {one.reference: one.amount for one in done.ours} == {one.reference: one.amount for one in done.theirs} == credited


def test_a_statement_of_many_pages_is_read_to_its_end(rich, token, provider, monkeypatch):
    monkeypatch.setattr(sandbox_server, "PAGE", 3)
    for points in range(100, 108):
        exchange(rich, token, points)
    drive()

    assert len(run(provider).theirs) == 8


def test_a_success_that_we_did_not_know_is_settled_once_and_listed(rich, token, provider):
    order = exchange(rich, token, 92)  # credited in silence
    drive()
    assert ExchangeOrder.objects.get(member=rich).state == "unknown"

    first, second = run(provider), run(provider)

    assert (first.repaired, second.repaired) == (1, 0)
    (row,) = Difference.objects.filter(brand=rich.brand)
    assert (row.kind, row.reference, row.resolved_by) == ("open_here", str(order.reference), "system")
    assert ExchangeOrder.objects.get(member=rich).state == "settled"
    assert Account.objects.get(member=rich).balance == POINTS - 92


def test_an_order_that_went_on_after_the_backup_is_settled_and_not_repeated(rich, token, provider, airline):
    """The restored database says accepted; the partner has credited. Whatever comes first, one credit is left."""
    reconciled, driven = exchange(rich, token, 100), exchange(rich, token, 200)
    ledger = airline[1].ledger
    for order in (reconciled, driven):
        known = Order(airline="etihad", callback=str(order.reference), member=order.membership_number,
                      amount=order.received, points=order.points)  # fmt: skip
        ledger.transact(known)
    lost = Order(airline="etihad", callback="lost-with-the-database", member="100200300400", amount=70, points=7)
    ledger.transact(lost)
    ExchangeOrder.objects.filter(pk=reconciled.pk).update(due_at=timezone.now() + timedelta(days=1))
    done = run(provider)
    drive()

    assert set(ExchangeOrder.objects.filter(member=rich).values_list("state", flat=True)) == {"settled"}
    assert sorted(row.kind for row in done.differences) == ["only_there", "open_here", "open_here"]
    assert Difference.objects.get(brand=rich.brand, resolved_at__isnull=True).reference == "lost-with-the-database"
    assert [row["credits"] for row in ledger.rows("etihad")] == [1, 1, 1]
    assert Account.objects.get(member=rich).balance == POINTS - 300


def test_miles_after_a_refusal_take_the_points_again_or_are_left_to_staff(rich, token, provider):
    order = exchange(rich, token, 93)
    drive()
    assert Account.objects.get(member=rich).balance == POINTS

    run(provider, theirs=[line(str(order.reference), order.received, timezone.now())])

    (row,) = Difference.objects.filter(brand=rich.brand)
    assert (row.kind, row.resolved_by) == ("refused_here", "system")
    assert Account.objects.get(member=rich).balance == POINTS - 93


def test_another_amount_moves_nothing(rich, token, provider):
    order = exchange(rich, token, 100)
    drive()
    before = Transaction.objects.count()

    run(provider, theirs=[line(str(order.reference), 1, timezone.now())])

    (row,) = Difference.objects.filter(brand=rich.brand)
    assert (row.kind, row.ours, row.theirs, row.resolved_at) == ("other_amount", 1000, 1, None)
    assert Transaction.objects.count() == before


def test_a_later_run_closes_what_is_gone(rich, token, provider):
    order = exchange(rich, token, 100)
    drive()
    run(provider, theirs=[])
    assert Difference.objects.get(brand=rich.brand).kind == "only_here"

    run(provider, theirs=[line(str(order.reference), 1000, timezone.now())])

    assert Difference.objects.get(brand=rich.brand).resolved_by == "system"


def test_staff_resolve_a_difference_once_and_only_of_their_brand(rich, token, provider):
    exchange(rich, token, 100)
    drive()
    run(provider, theirs=[])
    row = Difference.objects.get(brand=rich.brand)
    terms = {"difference_id": row.pk, "actor": "staff", "at": timezone.now()}

    with pytest.raises(DifferenceNotFound):
        resolve_difference(brand_id=rich.brand_id + 1, resolution="x", **terms)
    with pytest.raises(InvalidRequest, match="resolution"):
        resolve_difference(brand_id=rich.brand_id, resolution=" ", **terms)
    resolve_difference(brand_id=rich.brand_id, resolution="the invoice has it", **terms)
    with pytest.raises(OrderMoved):
        resolve_difference(brand_id=rich.brand_id, resolution="again", **terms)


def test_a_partner_that_gives_no_statement_is_told_and_nothing_is_written(rich, token, provider):
    exchange(rich, token, 100)
    drive()
    Provider.objects.filter(pk=provider.pk).update(address="http://127.0.0.1:9/etihad")
    with pytest.raises(StatementUnavailableError, match="page 1: ConnectError"):
        run(Provider.objects.get(pk=provider.pk))

    assert reconcile_all(day=today(), at=timezone.now()) == 0
    assert Difference.objects.filter(brand=rich.brand).count() == 0


def test_the_command_lists_and_writes_both_statements(rich, token, provider, tmp_path, capsys):
    order = exchange(rich, token, 100)
    drive()
    statement = tmp_path / "theirs.csv"
    statement.write_text(f"reference,amount,credited_at\n{order.reference},999,{timezone.now().isoformat()}\n")
    terms = {"provider": "etihad", "brand": rich.brand_id, "date": today()}

    call_command("reconcile_exchange", **terms, statement=statement, output=tmp_path / "out")

    told = capsys.readouterr().out
    assert f"other_amount {order.reference}: ours 1000, theirs 999" in told
    assert "1 differences, 1 to resolve" in told
    with (tmp_path / "out" / f"etihad-{today()}-theirs.csv").open() as file:
        assert [row["amount"] for row in csv.DictReader(file)] == ["999"]
    statement.write_text("nonsense\n")
    with pytest.raises(CommandError, match="line 1: the columns"):
        call_command("reconcile_exchange", **terms, statement=statement)
    with pytest.raises(CommandError, match="--provider"):
        call_command("reconcile_exchange", provider="nobody")


def test_what_staff_resolved_stays_resolved_and_what_comes_again_is_open_again(rich, token, provider):
    order = exchange(rich, token, 100)
    drive()
    run(provider, theirs=[])
    row = Difference.objects.get(brand=rich.brand)
    terms = {"brand_id": rich.brand_id, "difference_id": row.pk, "actor": "staff", "at": timezone.now()}
    resolve_difference(**terms, resolution="the invoice has it")
    run(provider, theirs=[])
    assert Difference.objects.filter(brand=rich.brand).count() == 1

    told = [line(str(order.reference), 999, timezone.now())]
    run(provider, theirs=told)
    run(provider, theirs=[])
    run(provider, theirs=told)

    rows = Difference.objects.filter(brand=rich.brand, kind="other_amount").order_by("pk")
    assert [row.resolution for row in rows] == ["a later run found it no more", ""]

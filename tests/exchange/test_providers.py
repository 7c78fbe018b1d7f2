"""What staff do at a provider is done once, with a reason, and kept."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from exchange.errors import OrderMoved, ProviderNotFound
from exchange.models import AdapterKind, ExchangeOrder, Provider, ProviderChange
from exchange.services.accruals import make_file
from exchange.services.providers import close_breaker, pause_provider, resume_provider, set_next_file_number
from loyalty.errors import InvalidRequest
from tests.conftest import make_brand
from tests.exchange.world import drive, exchange


def by(row: Provider, **further) -> dict:
    terms = {"brand_id": row.brand_id, "provider_id": row.pk, "actor": "staff:1", "reason": "they called"}
    return terms | {"at": timezone.now()} | further


def test_a_paused_provider_is_not_called_until_it_is_resumed(rich, token, provider):
    pause_provider(**by(provider))
    order = exchange(rich, token, 50)
    drive()
    order.refresh_from_db()
    assert (order.state, order.attempts) == ("accepted", 0)

    resume_provider(**by(provider))
    drive()

    order.refresh_from_db()
    assert order.state == "settled"
    kept = ProviderChange.objects.filter(provider=provider).order_by("pk")
    assert [(one.verb, one.before, one.after, one.actor, one.reason) for one in kept] == [
        ("paused", {"active": True}, {"active": False}, "staff:1", "they called"),
        ("resumed", {"active": False}, {"active": True}, "staff:1", "they called"),
    ]


def test_a_breaker_that_is_closed_lets_calls_through_at_once(rich, token, provider):
    until = timezone.now() + timedelta(minutes=5)
    Provider.objects.filter(pk=provider.pk).update(failures=9, open_until=until)
    order = exchange(rich, token, 50)

    close_breaker(**by(provider))
    with pytest.raises(OrderMoved):
        close_breaker(**by(provider))
    provider.refresh_from_db()
    assert (provider.failures, provider.open_until) == (0, None)
    drive()

    order.refresh_from_db()
    assert order.state == "settled"
    assert ProviderChange.objects.get(provider=provider).before["open_until"] == until.isoformat()


def test_files_that_failed_are_exchanged_at_once(provider):
    later, now = timezone.now() + timedelta(minutes=30), timezone.now()
    Provider.objects.filter(pk=provider.pk).update(files_failures=3, files_due_at=later)

    close_breaker(**by(provider, at=now))

    provider.refresh_from_db()
    assert (provider.files_failures, provider.files_due_at) == (0, now)


def test_after_a_restore_files_go_on_under_the_number_that_staff_set(rich, token, provider):
    Provider.objects.filter(pk=provider.pk).update(adapter=AdapterKind.ACCRUAL_FILES)
    numbers = []
    for number in (None, 7, None):
        if number is not None:
            set_next_file_number(**by(provider, number=number))
        order = exchange(rich, token, 50)
        ExchangeOrder.objects.filter(pk=order.pk).update(state="submitted")
        ExchangeOrder.objects.filter(pk=order.pk).update(state="pending")
        numbers.append(make_file(provider=provider, at=timezone.now()).sequence)

    assert numbers == [1, 7, 8]
    for number in (8, 0, 10**8):
        with pytest.raises(InvalidRequest, match="number: from 9"):
            set_next_file_number(**by(provider, number=number))
    set_next_file_number(**by(provider, number=9))
    with pytest.raises(OrderMoved):
        set_next_file_number(**by(provider, number=9))


def test_who_takes_no_files_has_no_number(provider):
    with pytest.raises(OrderMoved):
        set_next_file_number(**by(provider, number=9))


@pytest.mark.parametrize("verb", [pause_provider, resume_provider, close_breaker])
def test_it_needs_a_reason_and_a_provider_of_the_brand_in_that_state(provider, verb):
    with pytest.raises(InvalidRequest, match="reason"):
        verb(**by(provider, reason=" "))
    with pytest.raises(ProviderNotFound):
        verb(**by(provider, brand_id=make_brand().pk))
    if verb is pause_provider:
        verb(**by(provider))
    with pytest.raises(OrderMoved):
        verb(**by(provider))


def test_what_was_done_never_changes(provider):
    pause_provider(**by(provider))
    kept = ProviderChange.objects.filter(provider=provider)
    for act in (lambda: kept.update(reason="x"), kept.delete):
        with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
            act()

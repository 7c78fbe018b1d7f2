"""What the exchange keeps about a member, for an export."""

from exchange.models import AccrualRecord, ExchangeAttempt, ExchangeMove, ExchangeOrder
from users.services.exporting import add_section, rows_of


def listen() -> None:
    """Add the sections."""
    add_section("exchanges", lambda family: rows_of(ExchangeOrder.objects.filter(member__in=family).order_by("pk")))
    add_section(
        "exchange_calls", lambda family: rows_of(ExchangeAttempt.objects.filter(order__member__in=family).order_by("pk"))
    )
    add_section("exchange_moves", lambda family: rows_of(ExchangeMove.objects.filter(order__member__in=family).order_by("pk")))
    add_section(
        "exchange_records", lambda family: rows_of(AccrualRecord.objects.filter(order__member__in=family).order_by("pk"))
    )

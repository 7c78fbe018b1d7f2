"""What the ledger keeps about a member, for an export."""

from collections.abc import Iterator
from typing import Any

from ledger.models import Account, Lot, Transaction
from users.services.exporting import Family, add_section, rows_of


def _accounts(family: Family) -> Iterator[dict[str, Any]]:
    return rows_of(Account.objects.filter(member__in=family).order_by("pk"), token_name="token__name")  # noqa: S106 - a column


def _transactions(family: Family) -> Iterator[dict[str, Any]]:
    for account in Account.objects.filter(member__in=family).order_by("pk"):
        rows = Transaction.objects.filter(brand_id=account.brand_id, account=account)
        yield from rows_of(rows.order_by("sequence"), note="note__text")


def _lots(family: Family) -> Iterator[dict[str, Any]]:
    for account in Account.objects.filter(member__in=family).order_by("pk"):
        yield from rows_of(Lot.objects.filter(brand_id=account.brand_id, account=account).order_by("sequence"))


def listen() -> None:
    """Add the sections."""
    add_section("accounts", _accounts)
    add_section("transactions", _transactions)
    add_section("lots", _lots)

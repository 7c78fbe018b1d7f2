"""What staff do at a provider: pause it, call it again, number its files anew after a restore. Each is kept with its reason."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Max

from exchange.errors import OrderMoved, ProviderNotFound
from exchange.models import AccrualFile, AdapterKind, Provider, ProviderChange, ProviderVerb
from loyalty.database import write
from loyalty.errors import invalid_field

LONGEST_REASON = 200
HIGHEST_NUMBER = 99_999_999
Effect = Callable[[Provider], None]


def pause_provider(*, brand_id: int, provider_id: int, actor: str, reason: str, at: datetime) -> Provider:
    """Call it no more: orders are accepted and wait. Raises ProviderNotFound, OrderMoved (it is), InvalidRequest."""
    return _switched(brand_id, provider_id, active=False, actor=actor, reason=reason, at=at)


def resume_provider(*, brand_id: int, provider_id: int, actor: str, reason: str, at: datetime) -> Provider:
    """Call it again: what waited goes on. Raises as pause_provider does."""
    return _switched(brand_id, provider_id, active=True, actor=actor, reason=reason, at=at)


def _switched(brand_id: int, provider_id: int, *, active: bool, actor: str, reason: str, at: datetime) -> Provider:
    def effect(row: Provider) -> None:
        if row.active is active:
            raise OrderMoved(f"The provider is {'not paused' if active else 'paused already'}")
        row.active = active

    verb = ProviderVerb.RESUMED if active else ProviderVerb.PAUSED
    return _changed(brand_id, provider_id, verb, effect, ("active",), actor=actor, reason=reason, at=at)


def close_breaker(*, brand_id: int, provider_id: int, actor: str, reason: str, at: datetime) -> Provider:
    """Forget its failures and call it at once, files too. Raises as pause_provider does; OrderMoved where it has none."""

    def effect(row: Provider) -> None:
        if row.open_until is None and not row.failures and not row.files_failures:
            raise OrderMoved("The provider is being called: there is no failure to forget")
        if row.files_failures:
            row.files_failures, row.files_due_at = 0, at
        row.failures, row.open_until = 0, None

    fields = ("failures", "open_until", "files_failures", "files_due_at")
    return _changed(brand_id, provider_id, ProviderVerb.CLOSED_BREAKER, effect, fields, actor=actor, reason=reason, at=at)


def set_next_file_number(*, brand_id: int, provider_id: int, number: int, actor: str, reason: str, at: datetime) -> Provider:
    """After a restore the partner may know higher numbers than we do: the next file takes this one, never a lower one.

    Raises as pause_provider does; InvalidRequest naming number where it is not above the last file's.
    """

    def effect(row: Provider) -> None:
        if row.adapter != AdapterKind.ACCRUAL_FILES:
            raise OrderMoved("The provider takes no files")
        lowest = next_file_number(row)
        if not lowest <= number <= HIGHEST_NUMBER:
            raise invalid_field("number", f"from {lowest} to {HIGHEST_NUMBER}")
        if row.files_next == number:
            raise OrderMoved("The next file has that number already")
        row.files_next = number

    verb = ProviderVerb.NUMBERED_FILES
    return _changed(brand_id, provider_id, verb, effect, ("files_next",), actor=actor, reason=reason, at=at)


def next_file_number(provider: Provider) -> int:
    """The number after that of the last file that we know of."""
    files = AccrualFile.objects.filter(brand_id=provider.brand_id, provider=provider)
    return (files.aggregate(last=Max("sequence"))["last"] or 0) + 1


def _changed(
    brand_id: int,
    provider_id: int,
    verb: ProviderVerb,
    effect: Effect,
    fields: tuple[str, ...],
    *,
    actor: str,
    reason: str,
    at: datetime,
) -> Provider:
    """Hold the provider, change it, and keep what was changed."""
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise invalid_field("reason", f"1 to {LONGEST_REASON} characters")

    def held() -> Provider:
        rows = Provider.objects.select_for_update(no_key=True, of=("self",))
        row = rows.filter(brand_id=brand_id, pk=provider_id).first()
        if row is None:
            raise ProviderNotFound
        before = _told(row, fields)
        effect(row)
        row.save(update_fields=list(fields))
        after = _told(row, fields)
        ProviderChange.objects.create(
            brand_id=brand_id, provider=row, verb=verb, before=before, after=after, actor=actor, reason=reason, at=at
        )
        return row

    return write(held)


def _told(row: Provider, fields: tuple[str, ...]) -> dict[str, Any]:
    values = {field: getattr(row, field) for field in fields}
    return {field: value.isoformat() if isinstance(value, datetime) else value for field, value in values.items()}

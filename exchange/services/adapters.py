"""Which adapter speaks to a provider: made once in a process for each state of its settings."""

import threading
from collections.abc import Callable

from exchange.adapters.accrual.adapter import AccrualAdapter
from exchange.adapters.base import Adapter
from exchange.adapters.lcp.client import LcpAdapter
from exchange.adapters.webhook.adapter import WebhookAdapter
from exchange.models import AdapterKind, Provider
from exchange.services.credentials import secret_of

_made: dict[int, tuple[tuple[object, ...], Adapter]] = {}
_replaced: list[Adapter] = []
_lock = threading.Lock()


def adapter_of(provider: Provider) -> Adapter:
    """The adapter, with its connections. Raises SecretUnreadableError."""
    name = (
        *(provider.adapter, provider.address, provider.credential_id, provider.secret_variable),
        *(bytes(provider.secret or b""), provider.timeout_seconds, provider.most_calls, repr(provider.terms)),
    )
    with _lock:
        known = _made.get(provider.pk)
        if known is None or known[0] != name:
            if known is not None:
                _replaced.append(known[1])
            known = (name, _MAKERS[AdapterKind(provider.adapter)](provider))
            _made[provider.pk] = known
    return known[1]


def close_adapters() -> None:
    """Hang up on every partner, as a worker does that ends."""
    with _lock:
        _replaced.extend(adapter for _, adapter in _made.values())
        _made.clear()
    close_replaced()


def close_replaced() -> None:
    """Hang up with adapters whose settings have changed, at an instant at which this process makes no call."""
    with _lock:
        replaced, _replaced[:] = list(_replaced), []
    for adapter in replaced:
        adapter.close()


def _lcp(provider: Provider) -> Adapter:
    return LcpAdapter(
        address=provider.address,
        credential_id=provider.credential_id,
        secret=secret_of(provider),
        timeout_seconds=provider.timeout_seconds,
        most_calls=provider.most_calls,
        validates_members=provider.terms.get("validate_members") is True,
    )


def _accrual(_: Provider) -> Adapter:
    return AccrualAdapter()


def _webhook(provider: Provider) -> Adapter:
    return WebhookAdapter(address=provider.address, secret=secret_of(provider), timeout_seconds=provider.timeout_seconds)


_MAKERS: dict[AdapterKind, Callable[[Provider], Adapter]] = {
    AdapterKind.LCP: _lcp,
    AdapterKind.ACCRUAL_FILES: _accrual,
    AdapterKind.WEBHOOK: _webhook,
}

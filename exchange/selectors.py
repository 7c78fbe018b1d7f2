"""Reads over partnerships and exchange orders."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar

from django.db.models import Count, Max, Min, Q, Sum

from exchange.models import DailyExchanges, Difference, ExchangeOrder, Partnership, PartnershipState, Provider
from exchange.rules.orders import OPEN, OrderState
from ledger.models import Transaction
from ledger.models.tokens import TokenStatus


def partnerships_of(brand_id: int) -> list[Partnership]:
    """The brand's active one-way partnerships, oldest first."""
    rows = Partnership.objects.select_related("provider__programme", "token_a", "token_b__brand")
    active = rows.filter(
        brand_id=brand_id,
        state=PartnershipState.ACTIVE,
        token_a__status=TokenStatus.ACTIVE,
        token_b__status=TokenStatus.ACTIVE,
    )
    return list(active.order_by("pk"))


def takes_points_of(brand_id: int, partner_brand_id: int) -> bool:
    """Whether points of the first brand may be exchanged into those of the second."""
    rows = Partnership.objects.filter(brand_id=brand_id, partner_brand_id=partner_brand_id, state=PartnershipState.ACTIVE)
    return rows.exists()


def orders_of(rows: Sequence[Transaction]) -> dict[int, ExchangeOrder]:
    """The orders that transactions of one brand paid for, by the transaction's id."""
    if not rows:
        return {}
    found = ExchangeOrder.objects.filter(brand_id=rows[0].brand_id, transaction_id__in=[row.pk for row in rows])
    return {order.transaction_id: order for order in found}


def partners_of(rows: Sequence[Transaction]) -> dict[int, str]:
    """What the points of transactions of one brand were exchanged into, by the transaction's id."""
    paid = [row.pk for row in rows if row.amount < 0]
    found = ExchangeOrder.objects.filter(brand_id=rows[0].brand_id, transaction_id__in=paid) if paid else None
    return {} if found is None else dict(found.values_list("transaction_id", "token_b__name"))


@dataclass(slots=True)
class Queue:
    """The orders of one provider, or of all brands of the house together."""

    STATES: ClassVar = tuple(state.value for state in OrderState)

    brand: str
    provider: str
    failures: int = 0
    open_until: datetime | None = None
    active: bool = True
    counts: dict[str, int] = field(default_factory=dict)
    oldest: datetime | None = None
    misses: int = 0
    differences: int = 0
    files_fault: str = ""

    def calls_at(self, at: datetime) -> str:
        """Whether the provider is called: the state of its circuit breaker, in a word."""
        if not self.active:
            return "switched off"
        if self.files_fault:
            return f"files fail: {self.files_fault}"
        if self.open_until is None:
            return "yes"
        return f"no, after {self.failures} failures" if at < self.open_until else "one, to try"


def queues() -> list[Queue]:
    """Every provider with its orders, then what goes from brand to brand."""
    found: dict[int | None, Queue] = {}
    unresolved = Difference.objects.filter(resolved_at__isnull=True).order_by().values_list("provider_id")
    differences = dict(unresolved.annotate(Count("pk")))
    for provider in Provider.objects.select_related("brand", "programme").order_by("brand_id", "pk"):
        name = provider.programme.implementation_name
        queue = Queue(provider.brand.name, name, provider.failures, provider.open_until, active=provider.active)
        queue.files_fault, queue.differences = provider.files_fault, differences.get(provider.pk, 0)
        found[provider.pk] = queue
    found[None] = Queue("all", "other brands")
    open_ones = Q(state__in=[state.value for state in OPEN])
    rows = (
        ExchangeOrder.objects.order_by()
        .values("provider_id", "state")
        .annotate(count=Count("pk"), oldest=Min("created_at", filter=open_ones), most=Max("misses", filter=open_ones))
    )
    for row in rows:
        queue = found[row["provider_id"]]
        queue.counts[row["state"]] = row["count"]
        queue.oldest = min(filter(None, (queue.oldest, row["oldest"])), default=None)
        queue.misses = max(queue.misses, row["most"] or 0)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class ExchangesInState:
    """How many orders to a provider, or to other brands where that is None, stand in a state, and their points."""

    provider: str | None
    state: str
    orders: int
    points: int


def exchanges_by_state(*, brand_id: int, first: date, last: date) -> list[ExchangesInState]:
    """The orders made within a span of days, by where they stand now: from the sums by day, exact up to their mark."""
    rows = DailyExchanges.objects.filter(brand_id=brand_id, day__gte=first, day__lte=last)
    sums = rows.values_list("provider__programme__name", "state").annotate(Sum("orders"), Sum("points")).order_by()
    found = [ExchangesInState(name, state, int(orders), int(points)) for name, state, orders, points in sums if orders]
    return sorted(found, key=lambda row: (row.provider is None, row.provider or "", row.state))

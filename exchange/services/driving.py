"""Driving orders on: take what is due under a lease, commit the attempts, call the partners, record the answers.

One thread of the worker does all that touches the database; the calls run beside each other in threads that touch
nothing else. A worker that dies leaves its orders submitted or unknown, with an attempt that has no outcome: when the
lease ends they are due again, and are asked after.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from exchange.adapters.base import ANSWERED, Adapter, Answer, AnswerKind, Credit
from exchange.adapters.house import HouseAdapter
from exchange.adapters.none import NoAdapter
from exchange.models import Act, ExchangeAttempt, ExchangeMove, ExchangeOrder, Provider
from exchange.rules.breaker import Breaker
from exchange.rules.orders import MOST_MISSES, OPEN, OrderState
from exchange.services.adapters import adapter_of, close_replaced
from exchange.services.settling import move, record_answer
from ledger.services.posting import SYSTEM
from loyalty.database import write

log = structlog.get_logger()
MOST_AT_ONCE = 32
IDLE_SECONDS, GATHER_SECONDS = 0.2, 0.002
Clock = Callable[[], datetime]


def lease() -> timedelta:
    """How long a worker may take over one call: longer than any provider's time-out."""
    return timedelta(seconds=settings.EXCHANGE_LEASE_SECONDS)


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt that is committed, and is now to be made."""

    attempt_id: int
    act: Act
    adapter: Adapter
    credit: Credit
    provider_id: int | None
    troubled: bool
    begun_at: datetime


def drive_orders(*, clock: Clock, until: datetime) -> int:
    """Drive due orders until nothing is due or the time is up; answers how many calls were made."""
    made, running, failing = 0, dict[Future[Answer], Call](), set[int]()
    with ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="exchange") as threads:
        while True:
            ended = _ended(running)
            for call, answer in ended:
                if answer.kind not in ANSWERED:  # before the next are taken, for the breaker may close the way
                    _record(call, answer, clock(), failing)
            free = MOST_AT_ONCE - len(running)
            calls = _lease(free, running, at=clock()) if free and clock() < until else []
            made += len(calls)
            for call in calls:
                if isinstance(call.adapter, HouseAdapter):
                    _record(call, _made(call), clock(), failing)
                else:
                    running[threads.submit(_made, call)] = call
            for call, answer in ended:
                if answer.kind in ANSWERED:  # while the next calls are on their way
                    _record(call, answer, clock(), failing)
            if not (calls or running or ended):
                close_replaced()
                return made


def _ended(running: dict[Future[Answer], Call]) -> list[tuple[Call, Answer]]:
    """Take out the calls that have ended, with what they brought; a little later, those that end together with them."""
    if not running or not wait(running, timeout=IDLE_SECONDS, return_when=FIRST_COMPLETED).done:
        return []
    wait(running, timeout=GATHER_SECONDS)
    return [(running.pop(future), future.result()) for future in list(running) if future.done()]


def _made(call: Call) -> Answer:
    """Make a call. An adapter that fails in a way of its own has perhaps been heard."""
    try:
        return _ACTS[call.act](call.adapter, call.credit)
    except Exception as error:
        log.exception("exchange_adapter_failed", attempt=call.attempt_id)
        return Answer(kind=AnswerKind.NO_ANSWER, code="adapter_failed", detail=type(error).__name__)


def _record(call: Call, answer: Answer, at: datetime, failing: set[int]) -> None:
    """Record an answer. One that cannot be recorded holds up no other: when its lease ends, its order is asked after.

    `failing` are the providers that failed in this run: of another that was well when the call began there is nothing to
    forget, so that its breaker costs no statement.
    """
    try:
        record_answer(attempt_id=call.attempt_id, answer=answer, at=at)
        if call.provider_id is None or answer.retry_after_seconds is not None:
            return
        answered = answer.kind in ANSWERED
        if not answered or call.troubled or call.provider_id in failing:
            _tell_breaker(call, call.provider_id, at, answered=answered)
            (failing.discard if answered else failing.add)(call.provider_id)
    except Exception:
        log.exception("exchange_answer_not_recorded", attempt=call.attempt_id)


def _tell_breaker(call: Call, provider_id: int, at: datetime, *, answered: bool) -> None:
    """Count a failure, or forget all. While the breaker is open only the call counts that tries whether it may close."""
    if answered:
        troubled = Provider.objects.filter(Q(failures__gt=0) | Q(open_until__isnull=False), pk=provider_id)
        troubled.update(failures=0, open_until=None)
        return
    with transaction.atomic():
        provider = Provider.objects.select_for_update(no_key=True).get(pk=provider_id)
        if provider.open_until in {None, call.begun_at + lease()}:
            after = provider.breaker.failed(at)
            Provider.objects.filter(pk=provider_id).update(failures=after.failures, open_until=after.open_until)


def _lease(limit: int, running: dict[Future[Answer], Call], *, at: datetime) -> list[Call]:
    """Take due orders for this worker alone, each with an attempt that is committed when this returns."""
    in_flight = Counter(call.provider_id for call in running.values())
    return write(lambda: _take(limit, in_flight.copy(), at))


def _take(limit: int, in_flight: Counter[int | None], at: datetime) -> list[Call]:
    closed = Provider.objects.filter(Q(active=False) | Q(open_until__gt=at)).values_list("pk", flat=True)
    busy = Provider.objects.filter(pk__in=[pk for pk in in_flight if pk is not None])
    full = [one.pk for one in busy if in_flight[one.pk] >= one.breaker.calls_allowed(at, most=one.most_calls)]
    due = ExchangeOrder.objects.filter(state__in=[state.value for state in OPEN], due_at__lte=at)
    due = due.exclude(provider_id__in=[*closed, *full])
    locked = due.select_for_update(skip_locked=True, no_key=True).order_by("due_at", "pk")
    rows = list(locked.values_list("pk", "provider_id", "misses")[:limit])
    providers = Provider.objects.in_bulk({provider_id for _, provider_id, _ in rows if provider_id is not None})
    chosen = []
    for pk, provider_id, misses in rows:
        if misses >= MOST_MISSES:
            _park(pk, at)
        elif provider_id is None or _may_call(providers[provider_id], in_flight, at):
            in_flight[provider_id] += 1
            chosen.append(pk)
    orders = ExchangeOrder.objects.filter(pk__in=chosen).select_related(*RELATED).order_by("due_at", "pk")
    return _begun(list(orders) if chosen else [], at)


RELATED = ("provider", "member", "partnership__partner_brand", "token_b", "transaction")


def _may_call(provider: Provider, in_flight: Counter[int | None], at: datetime) -> bool:
    """Whether the provider takes one more call; an open breaker lets one through, wherever it is made."""
    if provider.open_until is None:
        return in_flight[provider.pk] < provider.breaker.calls_allowed(at, most=provider.most_calls)
    probe = Provider.objects.filter(pk=provider.pk, open_until=provider.open_until)
    return bool(probe.update(open_until=at + lease()))


def _park(order_id: int, at: datetime) -> None:
    """Hand an order that was tried for too long to staff, as it is."""
    move(ExchangeOrder.objects.get(pk=order_id), OrderState.PARKED, at=at, reason="no answer for too long")


def _begun(orders: list[ExchangeOrder], at: datetime) -> list[Call]:
    """Write an attempt for each order, and the moves that go with it."""
    if not orders:
        return []
    attempts, moves, calls = [], [], []
    silent = _without_outcome(orders)
    for order in orders:
        order.misses += order.pk in silent
        came_from, act = order.state, Act.CREDIT if order.state == OrderState.ACCEPTED else Act.INQUIRE
        if came_from == OrderState.ACCEPTED:
            order.state = OrderState.SUBMITTED.value
        elif came_from == OrderState.SUBMITTED:  # whoever sent it died, or took longer than its lease
            order.state = OrderState.UNKNOWN.value
        order.attempts, order.due_at = order.attempts + 1, at + lease()
        attempts.append(ExchangeAttempt(brand_id=order.brand_id, order=order, number=order.attempts, act=act, begun_at=at))
        if order.state != came_from:
            moves.append(
                ExchangeMove(
                    brand_id=order.brand_id, order=order, came_from=came_from, went_to=order.state, actor=SYSTEM, at=at
                )
            )
    ExchangeOrder.objects.bulk_update(orders, ["state", "attempts", "due_at", "misses"])
    ExchangeMove.objects.bulk_create(moves)
    for order, attempt in zip(orders, ExchangeAttempt.objects.bulk_create(attempts), strict=True):
        troubled = order.provider is not None and order.provider.breaker != Breaker()
        adapter, credit = _adapter(order), credit_of(order)
        calls.append(Call(attempt.pk, Act(attempt.act), adapter, credit, order.provider_id, troubled, at))
    return calls


def _without_outcome(orders: list[ExchangeOrder]) -> set[int]:
    """Those whose last attempt has no outcome: its worker died, or could not record it, which must not go on for ever."""
    asked = [order.pk for order in orders if order.state != OrderState.ACCEPTED]
    if not asked:
        return set()
    last = ExchangeAttempt.objects.filter(order__in=asked, number=F("order__attempts"), ended_at__isnull=True)
    return set(last.values_list("order_id", flat=True))


def _adapter(order: ExchangeOrder) -> Adapter:
    if order.provider is None:
        return HouseAdapter(order)
    try:
        return adapter_of(order.provider)
    except Exception as error:
        log.exception("exchange_adapter_not_made", provider=order.provider.pk)
        return NoAdapter(type(error).__name__)


def credit_of(order: ExchangeOrder) -> Credit:
    """What the partner is asked for."""
    return Credit(
        reference=order.reference,
        membership_number=order.membership_number,
        amount=order.received,
        points=order.points,
        first_name=order.member.first_name or "",
        last_name=order.member.second_name or "",
        partner_reference=order.partner_reference,
        token_name=order.token_b.name,
        token_symbol=order.token_b.symbol,
        transaction_type=order.transaction.type,
        transaction_hash=f"0x{bytes(order.transaction.hash).hex()}",
        ordered_at=order.created_at.isoformat(),
    )


_ACTS: dict[Act, Callable[[Adapter, Credit], Answer]] = {
    Act.CREDIT: lambda adapter, credit: adapter.credit(credit),
    Act.INQUIRE: lambda adapter, credit: adapter.inquire(credit),
    Act.REVERSE: lambda adapter, credit: adapter.reverse(credit),
}

"""Transactions of the Partner API."""

from http import HTTPStatus

import msgspec
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from exchange.rules.orders import OrderState
from ledger.models import Transaction, TransactionType
from ledger.selectors import History, Place, find_transaction, page_of
from ledger.services.reversing import ReversalOrder, reverse
from loyalty.api.idempotency import Answer
from loyalty.api.paging import read_cursor, read_page, write_cursor
from loyalty.api.partner.base import PartnerView
from loyalty.api.partner.bodies import ReversalBody, TransactionBody, amount_of, read
from loyalty.api.partner.documents import transactions as documents
from loyalty.api.partner.guessing import GuardedView
from loyalty.api.partner.operations import REDEEMING, Asked, perform
from loyalty.api.partner.shapes.transactions import (
    TransactionAnswer,
    TransactionOut,
    TransactionPage,
    TransactionPageAnswer,
    transactions_out,
)
from loyalty.api.partner.statuses import IN_BODY, STATUSES
from loyalty.api.refusals import Concern, KeepsRefusals, field_of, text_of
from loyalty.api.requests import Parameters, under
from loyalty.errors import InvalidRequest, invalid_field
from rewards.services.brake import CodeTry
from users.models import Scope

KNOWN = ("limit", "offset", "user_auth_id", "types", "types[]", "token_id", "status", "from_time", "to_time", "cursor")
REFUSED, SETTLED = Q(exchange_order__state=OrderState.REFUSED), Q(exchange_order__state=OrderState.SETTLED)
STATES: dict[str, tuple[bool | None, Q]] = {
    "pending": (None, Q(exchange_order__isnull=False) & ~REFUSED & ~SETTLED),
    "success": (False, Q(exchange_order__isnull=True) | SETTLED),
    "failed": (None, REFUSED),
    "reversed": (True, Q(exchange_order__isnull=True) | SETTLED),
}


class TransactionsView(GuardedView, KeepsRefusals):
    """POST and GET /transactions: points move; movements are listed."""

    statuses = IN_BODY
    read_scope, write_scope = Scope.TRANSACTIONS_READ, Scope.TRANSACTIONS_WRITE

    @documents.create_transaction
    def post(self, request: HttpRequest) -> Answer:
        """Move a user's points."""

        def effect(tried: CodeTry | None) -> Answer:
            body = read(request, TransactionBody).transaction
            asked = Asked(brand_id=self.brand_id, actor=self.actor, at=timezone.now(), tried=tried)
            with under("transaction"):
                transaction, member_id = perform(body, asked)
            return _accepted(transaction, member_id)

        redeemer = _redeemer(request)
        if redeemer is None:
            return self.once(request, lambda: effect(None))
        return self.once_tried(request, redeemer, effect)

    @documents.list_transactions
    def get(self, request: HttpRequest) -> Answer:
        """List transactions, newest first."""
        query = Parameters(request.GET, known=KNOWN)
        cursor = query.text("cursor")
        if cursor is not None and query.text("offset") is not None:
            raise invalid_field("cursor", "cursor and offset do not go together", code="contradiction")
        limit, offset = read_page(query)
        history = self._history(query)
        before = Place(*read_cursor(cursor)) if cursor is not None else None
        rows = page_of(history, limit=limit, offset=offset, before=before)
        return _page(rows, history.total(), limit, offset)

    def concern(self, request: HttpRequest) -> Concern | None:
        """Whom a movement was asked for."""
        asked = field_of(request, "transaction") if request.method == "POST" else {}
        auth_id, type_ = text_of(asked.get("user_auth_id")), text_of(asked.get("type"))
        if not auth_id:
            return None
        return Concern(auth_id, type_ if type_ in TransactionType.values else "transaction", text_of(asked.get("reference_id")))

    def _history(self, query: Parameters) -> History:
        types = query.words("types", "types[]")
        for name in types:
            if name not in TransactionType.values:
                raise invalid_field("types", f"{name!r} is not a type of transaction")
        status = query.text("status")
        if status is not None and status not in STATES:
            raise invalid_field("status", f"one of {', '.join(STATES)}")
        reversed_, where = STATES.get(status or "", (None, None))
        return History(
            brand_id=self.brand_id,
            auth_id=query.text("user_auth_id"),
            token_id=query.id("token_id"),
            types=tuple(types),
            from_time=query.instant("from_time"),
            to_time=query.instant("to_time"),
            reversed_=reversed_,
            where=where,
        )


class TransactionView(PartnerView):
    """GET /transactions/:id: one movement."""

    read_scope = Scope.TRANSACTIONS_READ

    @documents.get_transaction
    def get(self, request: HttpRequest, transaction_id: int) -> Answer:
        """Read a transaction."""
        row = find_transaction(brand_id=self.brand_id, transaction_id=transaction_id)
        (shown,) = transactions_out([row])
        return Answer(HTTPStatus.OK, msgspec.json.encode(TransactionAnswer(shown)))


class ReversalView(PartnerView, KeepsRefusals):
    """POST /transactions/:id/reversal: a movement is undone, whole or in part."""

    statuses = STATUSES
    write_scope = Scope.TRANSACTIONS_WRITE

    @documents.reverse_transaction
    def post(self, request: HttpRequest, transaction_id: int) -> Answer:
        """Reverse a transaction, or a part of it."""

        def effect() -> Answer:
            body = read(request, ReversalBody).reversal
            order = ReversalOrder(
                brand_id=self.brand_id,
                transaction_id=transaction_id,
                amount=None if body.amount is None else amount_of(body.amount, "reversal.amount"),
                reason=body.reason or "",
                reference_id=body.reference_id,
                actor=self.actor,
            )
            posted = reverse(order=order, at=timezone.now())
            (shown,) = transactions_out([find_transaction(brand_id=self.brand_id, transaction_id=posted.id)])
            return _accepted(shown, posted.member_id)

        return self.once(request, effect)

    def concern(self, request: HttpRequest) -> Concern | None:
        """Whose movement was to be undone."""
        rows = Transaction.objects.filter(brand_id=self.brand_id, pk=self.kwargs["transaction_id"])
        member_id = rows.values_list("account__member", flat=True).first()
        if member_id is None:
            return None
        reference_id = text_of(field_of(request, "reversal").get("reference_id"))
        return Concern(member_id, TransactionType.REVERSAL.value, reference_id)


def _redeemer(request: HttpRequest) -> str | None:
    """Whose try of a code a request is; None where it is none, or no request at all."""
    try:
        body = read(request, TransactionBody).transaction
    except InvalidRequest:
        return None
    return body.user_auth_id if isinstance(body, REDEEMING) else None


def _accepted(transaction: TransactionOut, member_id: int) -> Answer:
    return Answer(HTTPStatus.ACCEPTED, msgspec.json.encode(TransactionAnswer(transaction)), member_id)


def _page(rows: list[Transaction], total: int, limit: int, offset: int) -> Answer:
    page = TransactionPage(
        transactions=transactions_out(rows),
        total_tx_count=total,
        limit=limit,
        offset=offset,
        next_cursor=write_cursor(rows[-1].recorded_at, rows[-1].pk) if len(rows) == limit else None,
    )
    return Answer(HTTPStatus.OK, msgspec.json.encode(TransactionPageAnswer(page)))

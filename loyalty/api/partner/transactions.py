"""Transactions of the Partner API."""

from collections.abc import Callable
from http import HTTPStatus

import msgspec
from django.http import HttpRequest
from django.utils import timezone

from ledger.models import Transaction, TransactionType
from ledger.selectors import History, Place, find_transaction, page_of, reversed_among
from ledger.services.points import Moved, PointsOrder, credit_points, debit_points
from ledger.services.reversing import ReversalOrder, reverse
from loyalty.api.idempotency import Answer
from loyalty.api.paging import read_cursor, write_cursor
from loyalty.api.partner import documents
from loyalty.api.partner.base import PartnerView
from loyalty.api.partner.bodies import CreditPoints, DebitPoints, ReversalBody, TransactionBody, amount_of, id_of, read
from loyalty.api.partner.shapes import (
    TransactionAnswer,
    TransactionOut,
    TransactionPage,
    TransactionPageAnswer,
    TransactionUser,
    posted_out,
    transaction_out,
)
from loyalty.api.partner.statuses import IN_BODY, STATUSES
from loyalty.api.requests import Parameters
from loyalty.errors import invalid_field
from users.models import Scope

PAGE = 100
HIGHEST_OFFSET = 2**31
KNOWN = ("limit", "offset", "user_auth_id", "types", "types[]", "token_id", "status", "from_time", "to_time", "cursor")
STATES = ("pending", "success", "failed", "reversed")
OPERATIONS: dict[type[CreditPoints | DebitPoints], Callable[..., Moved]] = {
    CreditPoints: credit_points,
    DebitPoints: debit_points,
}


class TransactionsView(PartnerView):
    """POST and GET /transactions: points move; movements are listed."""

    statuses = IN_BODY
    read_scope, write_scope = Scope.TRANSACTIONS_READ, Scope.TRANSACTIONS_WRITE

    @documents.create_transaction
    def post(self, request: HttpRequest) -> Answer:
        """Move a user's points."""

        def effect() -> Answer:
            body = read(request, TransactionBody).transaction
            order = PointsOrder(
                brand_id=self.brand_id,
                auth_id=body.user_auth_id,
                token_id=id_of(body.token_id),
                amount=amount_of(body.amount, "transaction.amount"),
                actor=self.actor,
                reference_id=body.reference_id,
                send_email=body.send_email,
            )
            moved = OPERATIONS[type(body)](order=order, at=timezone.now())
            user = TransactionUser(order.auth_id, moved.posted.email)
            return _accepted(posted_out(moved.posted, moved.token, user), moved.posted.member_id)

        return self.once(request, effect)

    @documents.list_transactions
    def get(self, request: HttpRequest) -> Answer:
        """List transactions, newest first."""
        query = Parameters(request.GET, known=KNOWN)
        cursor = query.text("cursor")
        if cursor is not None and query.text("offset") is not None:
            raise invalid_field("cursor", "cursor and offset do not go together", code="contradiction")
        limit = query.number("limit", default=PAGE, lowest=1, highest=PAGE)
        offset = query.number("offset", default=0, lowest=0, highest=HIGHEST_OFFSET)
        history = self._history(query)
        if history is None:
            return _page([], 0, limit, offset)
        before = Place(*read_cursor(cursor)) if cursor is not None else None
        rows = page_of(history, limit=limit, offset=offset, before=before)
        return _page(rows, history.total(), limit, offset)

    def _history(self, query: Parameters) -> History | None:
        """What is asked for; None where nothing can match, as no transaction here is ever pending or failed."""
        types = query.words("types", "types[]")
        for name in types:
            if name not in TransactionType.values:
                raise invalid_field("types", f"{name!r} is not a type of transaction")
        status = query.text("status")
        if status is not None and status not in STATES:
            raise invalid_field("status", f"one of {', '.join(STATES)}")
        history = History(
            brand_id=self.brand_id,
            auth_id=query.text("user_auth_id"),
            token_id=query.id("token_id"),
            types=tuple(types),
            from_time=query.instant("from_time"),
            to_time=query.instant("to_time"),
            reversed_=None if status is None else status == "reversed",
        )
        return history if status in {None, "success", "reversed"} else None


class TransactionView(PartnerView):
    """GET /transactions/:id: one movement."""

    read_scope = Scope.TRANSACTIONS_READ

    @documents.get_transaction
    def get(self, request: HttpRequest, transaction_id: int) -> Answer:
        """Read a transaction."""
        row = find_transaction(brand_id=self.brand_id, transaction_id=transaction_id)
        shown = transaction_out(row, is_reversed=bool(reversed_among([row])))
        return Answer(HTTPStatus.OK, msgspec.json.encode(TransactionAnswer(shown)))


class ReversalView(PartnerView):
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
            row = find_transaction(brand_id=self.brand_id, transaction_id=posted.id)
            return _accepted(transaction_out(row, is_reversed=False), posted.member_id)

        return self.once(request, effect)


def _accepted(transaction: TransactionOut, member_id: int) -> Answer:
    return Answer(HTTPStatus.ACCEPTED, msgspec.json.encode(TransactionAnswer(transaction)), member_id)


def _page(rows: list[Transaction], total: int, limit: int, offset: int) -> Answer:
    undone = reversed_among(rows)
    page = TransactionPage(
        transactions=[transaction_out(row, is_reversed=row.pk in undone) for row in rows],
        total_tx_count=total,
        limit=limit,
        offset=offset,
        next_cursor=write_cursor(rows[-1].recorded_at, rows[-1].pk) if len(rows) == limit else None,
    )
    return Answer(HTTPStatus.OK, msgspec.json.encode(TransactionPageAnswer(page)))

"""How a member's points moved."""

from collections.abc import Collection
from functools import reduce
from http import HTTPStatus
from operator import or_

import msgspec
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest

from ledger.models import Token
from ledger.models.tokens import TokenType
from ledger.selectors import History, Place, find_token, page_of
from loyalty.api.idempotency import Answer
from loyalty.api.paging import read_cursor, read_limit, write_cursor
from loyalty.api.requests import Parameters
from loyalty.api.retail.base import RetailView
from loyalty.api.retail.documents import members as documents
from loyalty.api.retail.shapes.history import STATUSES as ORDER_STATUSES
from loyalty.api.retail.shapes.history import TYPES, HistoryAnswer, movements_out
from loyalty.api.retail.statuses import STATUSES
from loyalty.errors import invalid_field
from rewards.models import GiftOrder
from rewards.services.programme import programme_of
from users.models import RetailScope
from users.services.members import find_member

PARAMETERS = ("type", "status", "from_time", "to_time", "token_id", "limit", "cursor")


class HistoryView(RetailView):
    """GET /members/:member_id/transactions: how a member's points moved."""

    read_scope = RetailScope.MEMBERS_READ
    statuses = STATUSES | {"token_not_found": 400}

    @documents.list_member_transactions
    def get(self, request: HttpRequest, member_id: str) -> Answer:
        """List movements, newest first."""
        query = Parameters(request.GET, known=PARAMETERS)
        limit, cursor = read_limit(query), query.text("cursor")
        where = wanted(query)
        before = Place(*read_cursor(cursor)) if cursor is not None else None
        member = find_member(brand_id=self.brand_id, auth_id=member_id)
        token = self._token(query)
        history = History(brand_id=self.brand_id, auth_id=member.auth_id, token_id=token.pk, where=where)
        rows = page_of(history, limit=limit + 1, before=before)
        last = rows[limit - 1] if len(rows) > limit else None
        further = write_cursor(last.recorded_at, last.pk) if last is not None else None
        return Answer(HTTPStatus.OK, msgspec.json.encode(HistoryAnswer(movements_out(rows[:limit]), further)))

    def _token(self, query: Parameters) -> Token:
        token_id = query.id("token_id")
        if token_id is None:
            return programme_of(self.brand_id).token
        return find_token(brand_id=self.brand_id, token_id=token_id, type_=TokenType.ERC20)


def wanted(query: Parameters) -> Q | None:
    """Which movements a query asks for, by the words of the dialect. Raises InvalidRequest."""
    parts = []
    types, statuses = _words(query, "type", known=TYPES), _words(query, "status", known=ORDER_STATUSES)
    if types:
        parts.append(reduce(or_, (TYPES[word] for word in types)))
    if statuses:
        orders = GiftOrder.objects.filter(brand_id=OuterRef("brand_id"), status__in=statuses)
        parts.append(TYPES["redeem"] & Q(Exists(orders.filter(reward__transaction=OuterRef("pk")))))
    # By when it happened: what is reported late stands among what is reported at once.
    from_time, to_time = query.instant("from_time"), query.instant("to_time")
    if from_time is not None:
        parts.append(Q(effective_at__gte=from_time))
    if to_time is not None:
        parts.append(Q(effective_at__lt=to_time))
    return Q(*parts) if parts else None


def _words(query: Parameters, name: str, *, known: Collection[str]) -> list[str]:
    words = query.words(name)
    if any(word not in known for word in words):
        raise invalid_field(name, f"one of {', '.join(known)}")
    return words

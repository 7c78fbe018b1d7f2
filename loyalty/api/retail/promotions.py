"""Promotions of the Retail API: what is promoted for a customer."""

from datetime import timedelta
from http import HTTPStatus

import msgspec
from django.http import HttpRequest
from django.utils import timezone

from loyalty.api.idempotency import Answer
from loyalty.api.paging import EPOCH, read_cursor, read_limit, write_cursor
from loyalty.api.requests import Parameters
from loyalty.api.retail.base import RetailView
from loyalty.api.retail.documents import baskets as documents
from loyalty.api.retail.members import named_member
from loyalty.api.retail.shapes.products import PromotionalProductsAnswer, product_out
from loyalty.api.retail.statuses import IN_BODY
from loyalty.errors import invalid_field
from rewards.selectors.products import Position, promoted_for
from users.models import RetailScope


class PromotionalProductsView(RetailView):
    """GET /promotions/products: what is promoted for a customer."""

    statuses = IN_BODY
    read_scope = RetailScope.PROMOTIONS_READ

    @documents.list_promotional_products
    def get(self, request: HttpRequest) -> Answer:
        """List promotional products."""
        query = Parameters(request.GET, known=("member_id", "limit", "cursor"))
        member_id = query.text("member_id")
        if not member_id:
            raise invalid_field("member_id", "this parameter is needed", code="required")
        limit, after = read_limit(query), _position(query.text("cursor"))
        member = named_member(brand_id=self.brand_id, member_id=member_id)
        rows = promoted_for(member=member, at=timezone.now(), limit=limit + 1, after=after)
        more = rows[limit - 1][0] if len(rows) > limit else None
        page = PromotionalProductsAnswer([product_out(row) for _, row in rows[:limit]], _cursor(more))
        return Answer(HTTPStatus.OK, msgspec.json.encode(page))


def _position(cursor: str | None) -> Position | None:
    if cursor is None:
        return None
    row, promotion_id = read_cursor(cursor)
    return Position(promotion_id, (row - EPOCH) // timedelta(microseconds=1))


def _cursor(position: Position | None) -> str | None:
    return None if position is None else write_cursor(EPOCH + timedelta(microseconds=position.row), position.promotion_id)

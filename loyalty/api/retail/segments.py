"""Segments of the Retail API: groups of members, and the promotions that are tied to them."""

from dataclasses import replace
from http import HTTPStatus

import msgspec
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from loyalty.api.idempotency import Answer
from loyalty.api.paging import read_cursor, read_limit, write_cursor
from loyalty.api.requests import Parameters
from loyalty.api.retail.base import RetailView
from loyalty.api.retail.bodies.reading import read
from loyalty.api.retail.bodies.segments import SegmentBody, SegmentMembersBody
from loyalty.api.retail.documents import segments as documents
from loyalty.api.retail.shapes.segments import (
    Outcome,
    SegmentAnswer,
    SegmentMemberPageAnswer,
    SegmentPageAnswer,
    member_out,
    outcomes_of,
    placed_answer,
    segment_out,
)
from rewards.services.promotion_ties import tie_promotion, untie_promotion
from users.models import RetailScope
from users.selectors import segment_members_page, segments_page
from users.services.segments import add_members, create_segment, find_segment, remove_member


class SegmentsView(RetailView):
    """GET and POST /segments: the brand's segments."""

    read_scope, write_scope = RetailScope.SEGMENTS_READ, RetailScope.SEGMENTS_WRITE

    @documents.list_segments
    def get(self, request: HttpRequest) -> Answer:
        """List segments."""
        limit, after = _page(request)
        rows = segments_page(brand_id=self.brand_id, limit=limit + 1, after=after)
        last = rows[limit - 1] if len(rows) > limit else None
        cursor = write_cursor(last.created_at, last.pk) if last is not None else None
        page = SegmentPageAnswer([segment_out(segment) for segment in rows[:limit]], cursor)
        return Answer(HTTPStatus.OK, msgspec.json.encode(page))

    @documents.create_segment
    def post(self, request: HttpRequest) -> Answer:
        """Make a segment."""

        def effect() -> Answer:
            body = read(request, SegmentBody)
            description = body.description or ""
            segment = create_segment(brand_id=self.brand_id, name=body.name, description=description, at=timezone.now())
            return Answer(HTTPStatus.CREATED, msgspec.json.encode(SegmentAnswer(segment_out(segment))))

        return self.once(request, effect)


class SegmentMembersView(RetailView):
    """GET and POST /segments/:id/members: who is in a segment."""

    read_scope, write_scope = RetailScope.SEGMENTS_READ, RetailScope.SEGMENTS_WRITE
    body_limit_bytes = settings.BODY_LIMIT_MANY_BYTES

    @documents.list_segment_members
    def get(self, request: HttpRequest, segment_id: int) -> Answer:
        """List members."""
        limit, after = _page(request)
        segment = find_segment(brand_id=self.brand_id, segment_id=segment_id)
        rows = segment_members_page(segment=segment, limit=limit + 1, after=after)
        last = rows[limit - 1] if len(rows) > limit else None
        cursor = write_cursor(last.added_at, last.member_id) if last is not None else None
        page = SegmentMemberPageAnswer([member_out(row) for row in rows[:limit]], cursor)
        return Answer(HTTPStatus.OK, msgspec.json.encode(page))

    @documents.add_segment_members
    def post(self, request: HttpRequest, segment_id: int) -> Answer:
        """Add members. What is kept for a repetition names nobody: the ids stand in the request, which is the same then."""

        def effect() -> Answer:
            placed = add_members(brand_id=self.brand_id, segment_id=segment_id, auth_ids=self._ids(request), at=timezone.now())
            return Answer(HTTPStatus.OK, msgspec.json.encode(outcomes_of(placed)))

        answer = self.once(request, effect)
        if answer.status != HTTPStatus.OK:
            return answer
        outcomes = msgspec.json.decode(answer.body, type=list[Outcome])
        return replace(answer, body=msgspec.json.encode(placed_answer(self._ids(request), outcomes)))

    def _ids(self, request: HttpRequest) -> list[str]:
        return read(request, SegmentMembersBody, limit_bytes=self.body_limit_bytes).member_ids


class SegmentMemberView(RetailView):
    """DELETE /segments/:id/members/:member_id: a member leaves."""

    write_scope = RetailScope.SEGMENTS_WRITE

    @documents.remove_segment_member
    def delete(self, request: HttpRequest, segment_id: int, member_id: str) -> Answer:
        """Take a member out."""
        remove_member(brand_id=self.brand_id, segment_id=segment_id, auth_id=member_id)
        return Answer(HTTPStatus.NO_CONTENT, b"")


class TieView(RetailView):
    """PUT and DELETE /promotions/:id/segments/:segment_id: whom a promotion serves."""

    write_scope = RetailScope.PROMOTIONS_WRITE

    @documents.tie_promotion
    def put(self, request: HttpRequest, promotion_id: int, segment_id: int) -> Answer:
        """Tie a segment."""
        tie_promotion(brand_id=self.brand_id, promotion_id=promotion_id, segment_id=segment_id)
        return Answer(HTTPStatus.NO_CONTENT, b"")

    @documents.untie_promotion
    def delete(self, request: HttpRequest, promotion_id: int, segment_id: int) -> Answer:
        """Untie a segment."""
        untie_promotion(brand_id=self.brand_id, promotion_id=promotion_id, segment_id=segment_id)
        return Answer(HTTPStatus.NO_CONTENT, b"")


def _page(request: HttpRequest) -> tuple[int, int]:
    """The limit, and the id after which a page begins. Raises InvalidRequest."""
    query = Parameters(request.GET, known=("limit", "cursor"))
    cursor = query.text("cursor")
    return read_limit(query), read_cursor(cursor)[1] if cursor is not None else 0

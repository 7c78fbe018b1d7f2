"""Languages, categories and gifts of the Retail API."""

from http import HTTPStatus

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from loyalty.api.idempotency import Answer
from loyalty.api.paging import read_cursor, read_limit, write_cursor
from loyalty.api.requests import Parameters
from loyalty.api.retail.base import RetailView
from loyalty.api.retail.documents import catalogue as documents
from loyalty.api.retail.etags import fresh
from loyalty.api.retail.members import named_member
from loyalty.api.retail.shapes.catalogue import (
    CategoriesAnswer,
    GiftAnswer,
    GiftPageAnswer,
    gift_out,
    languages_answer,
    shelves_out,
)
from loyalty.api.retail.statuses import IN_BODY, STATUSES
from rewards.selectors.gifts import GiftList, joined_segments, language_of, shelves_of
from users.models import Brand, RetailScope


class LanguagesView(RetailView):
    """GET /languages: what the brand speaks."""

    read_scope = RetailScope.CATALOGUE_READ

    @documents.list_languages
    def get(self, request: HttpRequest) -> Answer:
        """List the brand's languages."""
        Parameters(request.GET, known=())
        brand = Brand.objects.get(pk=self.brand_id)
        return Answer(HTTPStatus.OK, msgspec.json.encode(languages_answer(brand)))


class CategoriesView(RetailView):
    """GET /categories: the shelves of the catalogue."""

    read_scope = RetailScope.CATALOGUE_READ

    @documents.list_categories
    def get(self, request: HttpRequest) -> Answer:
        """List the active categories as a tree."""
        query = Parameters(request.GET, known=("language",))
        language = language_of(Brand.objects.get(pk=self.brand_id), query.text("language"))
        shelves = shelves_of(brand_id=self.brand_id, language=language)
        return Answer(HTTPStatus.OK, msgspec.json.encode(CategoriesAnswer(shelves_out(shelves))))


class GiftsView(RetailView):
    """GET /gifts: what is on offer."""

    read_scope = RetailScope.CATALOGUE_READ
    statuses = IN_BODY

    @documents.list_gifts
    def get(self, request: HttpRequest) -> HttpResponse:
        """List gifts, or those that have changed."""
        known = ("category", "language", "member_id", "updated_since", "limit", "cursor")
        query, brand = Parameters(request.GET, known=known), Brand.objects.get(pk=self.brand_id)
        limit, cursor = read_limit(query), query.text("cursor")
        wanted = wanted_gifts(brand, query)
        rows = wanted.page(limit=limit + 1, after=read_cursor(cursor)[1] if cursor is not None else 0)
        page = [gift_out(gift, currency=brand.currency) for gift in rows[:limit]]
        last = rows[limit - 1] if len(rows) > limit else None
        return fresh(request, GiftPageAnswer(page, write_cursor(last.created_at, last.pk) if last is not None else None))


class GiftView(RetailView):
    """GET /gifts/:id: one gift."""

    read_scope = RetailScope.CATALOGUE_READ
    statuses = STATUSES | {"member_not_found": 400}

    @documents.get_gift
    def get(self, request: HttpRequest, gift_id: int) -> HttpResponse:
        """Read a gift."""
        query, brand = Parameters(request.GET, known=("language", "member_id")), Brand.objects.get(pk=self.brand_id)
        gift = wanted_gifts(brand, query).find(gift_id)
        return fresh(request, GiftAnswer(gift_out(gift, currency=brand.currency)))


def wanted_gifts(brand: Brand, query: Parameters) -> GiftList:
    """Which gifts a query asks for. Raises InvalidRequest, UnknownLanguage, MemberNotFound."""
    member_id = query.text("member_id")
    member = None if member_id is None else named_member(brand_id=brand.pk, member_id=member_id)
    return GiftList(
        brand_id=brand.pk,
        language=language_of(brand, query.text("language")),
        at=timezone.now(),
        segments={} if member is None else joined_segments(member),
        category=query.text("category"),
        updated_since=query.instant("updated_since"),
    )

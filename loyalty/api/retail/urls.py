"""Paths of the Retail API, under /api/retail; a trailing slash is taken off before they are matched."""

from django.urls import path

from loyalty.api import paths  # noqa: F401 - the converters of ids
from loyalty.api.retail.catalogue import CategoriesView, GiftsView, GiftView, LanguagesView
from loyalty.api.retail.earnings import EarningReversalView, EarningsView, EvaluationView
from loyalty.api.retail.events import EventsView
from loyalty.api.retail.history import HistoryView
from loyalty.api.retail.identification import IdentificationView
from loyalty.api.retail.oauth import TokenView
from loyalty.api.retail.orders import OrderView, VouchersView
from loyalty.api.retail.promotions import PromotionalProductsView
from loyalty.api.retail.segments import SegmentMembersView, SegmentMemberView, SegmentsView, TieView

urlpatterns = [
    path("oauth/token", TokenView.as_view()),
    path("languages", LanguagesView.as_view()),
    path("categories", CategoriesView.as_view()),
    path("gifts", GiftsView.as_view()),
    path("gifts/<id:gift_id>", GiftView.as_view()),
    path("segments", SegmentsView.as_view()),
    path("segments/<id:segment_id>/members", SegmentMembersView.as_view()),
    path("segments/<id:segment_id>/members/<str:member_id>", SegmentMemberView.as_view()),
    path("promotions/<id:promotion_id>/segments/<id:segment_id>", TieView.as_view()),
    path("promotions/products", PromotionalProductsView.as_view()),
    path("baskets/evaluation", EvaluationView.as_view()),
    path("earnings", EarningsView.as_view()),
    path("earnings/<str:transaction_id>/reversal", EarningReversalView.as_view()),
    path("identification", IdentificationView.as_view()),
    path("members/<str:member_id>/transactions", HistoryView.as_view()),
    path("vouchers", VouchersView.as_view()),
    path("orders/<id:order_id>", OrderView.as_view()),
    path("events", EventsView.as_view()),
]

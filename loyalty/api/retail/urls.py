"""Paths of the Retail API, under /api/retail; a trailing slash is taken off before they are matched."""

from django.urls import path

from loyalty.api import paths  # noqa: F401 - the converters of ids
from loyalty.api.retail.oauth import TokenView

urlpatterns = [
    path("oauth/token", TokenView.as_view()),
]

"""Paths of the App API, under /api/app; a trailing slash is taken off before they are matched."""

from django.urls import path, re_path

from loyalty.api.app.access import ConnectView, LogOutView, TokenView
from loyalty.api.app.actions import BufferView, MultiStoreView, StoreView
from loyalty.api.app.ads import BonusAdsView, NewsAdsView, SpecialAdsView
from loyalty.api.app.base import UnknownView
from loyalty.api.app.feed import FeedView, RankingView
from loyalty.api.app.history import BurnsView, EarnsView
from loyalty.api.app.programme import GiftsView, ProgrammeView, PurchaseView, UserProgrammeView
from loyalty.api.app.users import DeletionView, InfosView, InfoView, OwnDeletionView

urlpatterns = [
    path("auth/token", TokenView.as_view()),
    path("buffer/store", BufferView.as_view()),
    path("generosity/multistore", MultiStoreView.as_view()),
    path("user/incrementalinfos", FeedView.as_view()),
    path("user/ranking", RankingView.as_view()),
    path("user/infos", InfosView.as_view()),
    path("user/info", InfoView.as_view()),
    path("user/multidelete", DeletionView.as_view()),
    path("partner/getprog", ProgrammeView.as_view()),
    path("partner/initialcheckstore", UserProgrammeView.as_view()),
    path("user/clientcheckcredentials", ConnectView.as_view()),
    path("user/historyburns", BurnsView.as_view()),
    path("user/historyearns", EarnsView.as_view()),
    path("user/logout", LogOutView.as_view()),
    path("user/delete", OwnDeletionView.as_view()),
    path("generosity/store", StoreView.as_view()),
    path("gift/list", GiftsView.as_view()),
    path("gift/checkavailability", PurchaseView.as_view()),
    path("ad/bonus", BonusAdsView.as_view()),
    path("ad/specials", SpecialAdsView.as_view()),
    path("ad/news", NewsAdsView.as_view()),
    re_path("", UnknownView.as_view()),
]

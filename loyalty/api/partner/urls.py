"""Paths of the Partner API, under /api/admin; a trailing slash is taken off before they are matched."""

from django.urls import path

from loyalty.api import paths  # noqa: F401 - the converters of ids
from loyalty.api.partner.codes import CampaignsView, CodesView, CodeView
from loyalty.api.partner.memberships import MembershipsView, MembershipView
from loyalty.api.partner.nfts import NftsView, PersonalisationView
from loyalty.api.partner.partnerships import WhitelistView
from loyalty.api.partner.rewards import RewardTypesView, RewardView
from loyalty.api.partner.transactions import ReversalView, TransactionsView, TransactionView
from loyalty.api.partner.users import BalancesView, UsersView, UserView

urlpatterns = [
    path("users", UsersView.as_view()),
    path("users/<str:auth_id>", UserView.as_view()),
    path("users/<str:auth_id>/balances", BalancesView.as_view()),
    path("users/<str:auth_id>/memberships", MembershipsView.as_view()),
    path("users/<str:auth_id>/memberships/<str:target>", MembershipView.as_view()),
    path("transactions", TransactionsView.as_view()),
    path("transactions/<id:transaction_id>", TransactionView.as_view()),
    path("transactions/<id:transaction_id>/reversal", ReversalView.as_view()),
    path("token-exchange-whitelist", WhitelistView.as_view()),
    path("campaigns", CampaignsView.as_view()),
    path("codes", CodesView.as_view()),
    path("codes/<str:code>", CodeView.as_view()),
    path("reward_types", RewardTypesView.as_view()),
    path("rewards/<str:reward>", RewardView.as_view()),
    path("nfts", NftsView.as_view()),
    path("nfts/<id:item_id>/personalisation", PersonalisationView.as_view()),
]

"""The sidebar: which page stands where. Everybody sees the pages that they may open."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Section(NamedTuple):
    """A heading, and the pages under it: model and icon (Material Symbols)."""

    title: Promise | str
    pages: dict[str, str]


SECTIONS = [
    Section(
        _("Members"),
        {
            "users.Member": "person",
            "users.Segment": "group",
            "users.Approval": "approval",
            "users.Email": "mail",
            "rewards.Reward": "redeem",
            "rewards.GiftOrder": "local_shipping",
        },
    ),
    Section(
        _("Campaigns"),
        {
            "rewards.Campaign": "campaign",
            "rewards.CodeBatch": "confirmation_number",
            "rewards.Code": "qr_code",
            "rewards.Action": "task_alt",
            "rewards.InboxItem": "inbox",
            "rewards.Ad": "ad_units",
        },
    ),
    Section(
        _("Earning"),
        {"rewards.Promotion": "percent", "rewards.Earning": "shopping_cart", "rewards.Programme": "loyalty"},
    ),
    Section(
        _("Collectibles"),
        {"rewards.Collectible": "diamond", "rewards.CollectibleSupply": "inventory_2"},
    ),
    Section(
        _("Catalogue"), {"rewards.RewardType": "storefront", "rewards.Category": "category", "rewards.Location": "location_on"}
    ),
    Section(
        _("Exchange"),
        {
            "exchange.ExchangeOrder": "flight",
            "exchange.Difference": "rule",
            "exchange.Partnership": "handshake",
            "exchange.Provider": "hub",
            "exchange.AccrualFile": "upload_file",
            "exchange.AnswerFile": "download",
        },
    ),
    Section(
        _("Ledger"),
        {
            "ledger.Transaction": "receipt_long",
            "ledger.Account": "account_balance",
            "ledger.Token": "toll",
            "ledger.ProofRun": "verified",
        },
    ),
    Section(
        _("Settings"),
        {
            "users.Brand": "apartment",
            "users.Staff": "badge",
            "users.AuditEntry": "policy",
            "auth.Group": "groups",
            "users.ApiKey": "key",
            "users.OAuthClient": "vpn_key",
            "users.App": "smartphone",
            "users.WebhookEndpoint": "webhook",
            "users.WebhookDelivery": "outbox",
            "users.EmailTemplate": "drafts",
        },
    ),
]


def sections(_request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar as unfold draws it."""
    home = {"title": _("Home"), "icon": "home", "link": reverse("admin:index")}
    drawn: list[dict[str, Any]] = [{"items": [home]}]
    for section in SECTIONS:
        pages = [_page(label, icon) for label, icon in section.pages.items()]
        drawn.append({"title": section.title, "separator": True, "items": pages})
    return drawn


def _page(label: str, icon: str) -> dict[str, Any]:
    model = apps.get_model(label)
    link = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    title = str(model._meta.verbose_name_plural)
    return {"title": title[:1].upper() + title[1:], "icon": icon, "link": link, "permission": _may_open(model)}


def _may_open(model: Any) -> Callable[[HttpRequest], bool]:
    return lambda request: bool(admin.site._registry[model].has_view_permission(request))

"""Accounts and tokens: what members hold, what of it lapses when, and the proof of it before one's eyes."""

import json
from collections.abc import Iterator
from datetime import date
from itertools import groupby
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from ledger.models import Account, Lot, Token, Transaction
from ledger.selectors.search import Search
from ledger.services.account_proof import Progress, prove_account
from ledger.services.proof import Check
from ledger.services.tokens import CHANGEABLE, change_token
from loyalty.admin.base import KeptAdmin, ReadOnlyAdmin
from loyalty.admin.keyset import KeysetMixin
from loyalty.admin.linking import link_to
from loyalty.admin.outcomes import tell
from loyalty.errors import LoyaltyError

MOST_LOTS, MOST_ADDED, NEWEST = 50, 5_000, 10
CHECKS = {
    Check.CHAIN: gettext_lazy("Chain: every row follows the one before it, and its hash is that of its fields"),
    Check.BALANCE: gettext_lazy("Balance: the account holds what its rows come to"),
    Check.LOTS: gettext_lazy("Lots: what is left of each is what its rows left"),
    Check.REVERSALS: gettext_lazy("Reversals: nothing is reversed beyond what was posted"),
    Check.NOTES: gettext_lazy("Notes: each is the one that was posted"),
}


@admin.register(Token)
class TokenAdmin(KeptAdmin):
    """Tokens; what rows of the ledger rest on stays."""

    list_display = ["name", "brand", "symbol", "type", "status", "expiry_text", "id"]
    list_filter = ["type", "status"]

    @admin.display(description=gettext_lazy("points live for"))
    def expiry_text(self, token: Token) -> str:
        """How long its points live."""
        unit = {"days": _("days"), "months": _("months, to their end")}.get(token.expiry_unit)
        return f"{token.expiry_count} {unit}" if unit else _("ever")

    def get_readonly_fields(self, request: HttpRequest, obj: Token | None = None) -> tuple[str, ...]:
        """Type and address stay as they were made."""
        return (*super().get_readonly_fields(request, obj), *(("type", "address") if obj is not None else ()))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Change it by the service."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        changes = {name: form.cleaned_data[name] for name in form.changed_data if name in CHANGEABLE}
        try:
            change_token(brand_id=obj.brand_id, token_id=obj.pk, changes=changes)
        except LoyaltyError as refusal:
            tell(request, refusal, obj)


@admin.register(Account)
class AccountAdmin(KeysetMixin, ReadOnlyAdmin):  # type: ignore[misc]
    """Accounts, found by their member."""

    list_display = ["id", "brand", "member", "token", "balance", "sequence", "next_expiry_at", "closed_at"]
    list_select_related = ["brand", "member", "token"]
    search_fields = ["member__auth_id__exact"]
    search_help_text = gettext_lazy("A member's auth_id, as a whole")

    def get_urls(self) -> list[URLPattern]:
        """The proof, beside the usual pages."""
        proof, row = (self.admin_site.admin_view(require_safe(view)) for view in (self.proof_view, self.row_view))
        return [
            path("<int:object_id>/proof/", proof, name="ledger_account_proof"),
            path("<int:object_id>/rows/<int:sequence>/", row, name="ledger_account_row"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What it holds, what lapses when, its newest rows, and its proof."""
        account = self.get_scoped_object(request, object_id, permission="ledger.view_account")
        if request.method == "POST":
            raise PermissionDenied
        context = self.admin_site.each_context(request) | _page_of(request, account)
        context |= {"opts": self.opts, "title": str(account), "original": account, "is_popup": False}
        return TemplateResponse(request, "admin/explorer/account.html", context)

    def row_view(self, request: HttpRequest, object_id: int, sequence: int) -> HttpResponse:
        """The page of the transaction with a number of the account."""
        account = self.get_scoped_object(request, object_id, permission="ledger.view_account")
        rows = Transaction.objects.filter(brand_id=account.brand_id, account=account, sequence=sequence)
        row = get_object_or_404(rows)
        return redirect("admin:ledger_transaction_change", row.pk)

    def proof_view(self, request: HttpRequest, object_id: int) -> StreamingHttpResponse:
        """The proof as it goes on: a line of JSON a step."""
        account = self.get_scoped_object(request, object_id, permission="ledger.view_account")
        answer = StreamingHttpResponse(_steps(account), content_type="application/x-ndjson")
        answer["Cache-Control"], answer["X-Accel-Buffering"] = "no-store", "no"
        return answer


def _steps(account: Account) -> Iterator[str]:
    for progress in prove_account(account):
        yield json.dumps(_step(account, progress)) + "\n"


def _step(account: Account, progress: Progress) -> dict[str, Any]:
    faults = {
        check.value: {
            "sequence": fault.sequence,
            "fault": fault.fault,
            "count": progress.count[check],
            "address": reverse("admin:ledger_account_row", args=[account.pk, fault.sequence]),
        }
        for check, fault in progress.first.items()
    }
    told = {"rows": progress.rows, "total": progress.total, "lots": progress.lots, "finished": progress.finished}
    return told | {"faults": faults}


def _page_of(request: HttpRequest, account: Account) -> dict[str, Any]:
    lots = list(_open_lots(account)[: MOST_ADDED + 1])
    zone = account.brand.zone

    def month(lot: Lot) -> date:
        return lot.expires_at.astimezone(zone).date().replace(day=1)

    held = [lot for lot in lots[:MOST_ADDED] if lot.expires_at > timezone.now()]
    member = account.member
    return {
        "account": account,
        "member": link_to(request, member, member.auth_id or member.public_id),
        "token": link_to(request, account.token),
        "months": [(start, sum(lot.remaining for lot in group)) for start, group in groupby(held, key=month)],
        "due": sum(lot.remaining for lot in lots[:MOST_ADDED]) - sum(lot.remaining for lot in held),
        "lots": lots[:MOST_LOTS],
        "more_lots": len(lots) > MOST_LOTS,
        "more_months": len(lots) > MOST_ADDED,
        "newest": [
            (link_to(request, row, row.get_type_display()), row)
            for row in Search(brand_id=account.brand_id, account_id=account.pk).window(size=NEWEST).rows
        ],
        "rows_address": f"{reverse('admin:ledger_transaction_changelist')}?account={account.pk}",
        "proof_address": reverse("admin:ledger_account_proof", args=[account.pk]),
        "checks": [(check.value, words) for check, words in CHECKS.items()],
    }


def _open_lots(account: Account) -> Any:
    """What is left, soonest to lapse first."""
    return Lot.objects.filter(account=account, remaining__gt=0).order_by("expires_at", "sequence")

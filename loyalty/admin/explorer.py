"""The ledger's explorer: transactions, found fast however many there are; each with all that is known of it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from ledger.models import Transaction
from ledger.selectors.search import Search
from loyalty.admin.base import ReadOnlyAdmin, staff_of
from loyalty.admin.keyset import KeysetChangeList, KeysetMixin
from loyalty.admin.searching import FILTERS, read_terms, search_of
from loyalty.admin.spreadsheets import csv_response
from loyalty.admin.transaction_page import page_of
from loyalty.keyset import Key, Place, Window
from users.models import AuditKind
from users.services.audit import note

ROWS_AT_A_TIME = 2_000
COLUMNS = [
    *("id", "recorded_at", "effective_at", "brand", "member", "account", "sequence", "token", "type", "amount"),
    *("balance_after", "counterpart", "reference_id", "actor", "reverses", "expires_at", "previous_hash", "hash"),
]


class ExplorerChangeList(KeysetChangeList):
    """The list, and the search that it shows."""

    search: Search | None = None


@admin.register(Transaction)
class TransactionAdmin(KeysetMixin, ReadOnlyAdmin):  # type: ignore[misc]
    """Transactions, newest first."""

    list_display = ["when", "brand", "member", "token", "type", "points", "balance", "reference_id", "actor", "short_hash"]
    list_display_links = ["when"]
    list_filter: ClassVar[Any] = FILTERS
    list_filter_submit = True
    list_filter_sheet = True
    search_fields = ["reference_id__exact"]
    search_help_text = _("A reference or a hash, as a whole")
    change_list_template = "admin/explorer/transactions.html"

    def get_urls(self) -> list[URLPattern]:
        """The list as a file, beside the usual pages."""
        export = self.admin_site.admin_view(require_safe(self.export_view))
        return [path("export/", export, name="ledger_transaction_export"), *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """A list that knows its search."""
        return ExplorerChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Transaction]:
        """Rows with all that a page of one tells."""
        return super().get_queryset(request).select_related("account__member", "account__token", "brand")

    def get_key(self, request: HttpRequest) -> Key:
        """By time; for the house, which sees all brands, by number."""
        return Search(brand_id=staff_of(request).brand_id).key

    def read_window(self, request: HttpRequest, changelist: Any, *, older: Place | None, newer: Place | None) -> Window[Any]:
        """The rows to show, as the search finds them."""
        terms = read_terms(request)
        if not terms.is_valid():
            for name, faults in terms.errors.items():
                messages.error(request, f"{name}: {' '.join(map(str, faults))}")
            return Window([])
        changelist.search = search_of(request, terms)
        return search_of(request, terms).window(size=changelist.list_per_page, older=older, newer=newer)

    def estimate(self, changelist: Any) -> int:
        """About how many there are."""
        return 0 if changelist.search is None else int(changelist.search.estimate())

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list, and the way to it as a file."""
        asked = request.GET.copy()
        for name in ("older", "newer", "e"):
            asked.pop(name, None)
        address = f"{reverse('admin:ledger_transaction_export')}?{asked.urlencode()}"
        further = {"export_address": address if self.has_export_permission(request) else ""}
        return super().changelist_view(request, (extra_context or {}) | further)

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Who may take rows away."""
        return bool(self._reaches(request) and staff_of(request).has_perm("ledger.export_transactions"))

    def export_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """Everything that the filters find, as CSV; it is noted who took what before the first row leaves."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        terms = read_terms(request)
        if not terms.is_valid():
            raise Http404
        staff = staff_of(request)
        asked = {"auth_id" if name == "member" else name: text for name, text in request.GET.items() if text}
        subject = {"export": "ledger.transaction", "filters": asked}
        note(brand_id=staff.brand_id, staff_id=staff.pk, kind=AuditKind.EXPORT, after=subject, at=timezone.now())
        return csv_response(f"transactions-{timezone.now():%Y%m%d-%H%M%S}", COLUMNS, lines_of(search_of(request, terms)))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """All that is known of one transaction."""
        row = self.get_scoped_object(request, object_id, permission="ledger.view_transaction")
        if request.method == "POST":
            raise PermissionDenied
        told = page_of(request, row)
        if told["note"]:
            self.tell_look(request, row)
        context = self.admin_site.each_context(request) | told
        context |= {"opts": self.opts, "title": str(row), "original": row, "is_popup": False}
        return TemplateResponse(request, "admin/explorer/transaction.html", context)

    @admin.display(description=_("recorded at"))
    def when(self, row: Transaction) -> datetime:
        """When it was recorded."""
        return row.recorded_at

    @admin.display(description=_("member"))
    def member(self, row: Transaction) -> str:
        """Whose account it moved."""
        return row.account.member.auth_id or row.account.member.public_id

    @admin.display(description=_("token"))
    def token(self, row: Transaction) -> str:
        """What was moved."""
        return row.account.token.symbol

    @admin.display(description=_("amount"))
    def points(self, row: Transaction) -> str:
        """How much, with its sign."""
        return f"{'+' if row.amount > 0 else ''}{number_format(row.amount, force_grouping=True)}"

    @admin.display(description=_("balance after"))
    def balance(self, row: Transaction) -> str:
        """What the account held then."""
        return number_format(row.balance_after, force_grouping=True)

    @admin.display(description=_("hash"))
    def short_hash(self, row: Transaction) -> str:
        """The beginning of its hash."""
        return bytes(row.hash).hex()[:12]


def lines_of(search: Search) -> Iterator[list[Any]]:
    """The lines of the file; they are read some thousand at a time, none is kept, and no transaction stays open."""
    for rows in search.walk(size=ROWS_AT_A_TIME):
        yield from map(_values, rows)


def _values(row: Transaction) -> list[Any]:
    account = row.account
    return [
        *(row.pk, row.recorded_at, row.effective_at, row.brand.name, account.member.auth_id),
        *(account.pk, row.sequence, account.token.symbol, row.type, row.amount, row.balance_after, row.counterpart),
        *(row.reference_id, row.actor, row.reverses_id, row.expires_at),
        *(bytes(row.previous_hash).hex(), bytes(row.hash).hex()),
    ]
